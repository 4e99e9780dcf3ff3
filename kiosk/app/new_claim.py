"""A new claim for a kiosk that goes on working: typed on the screen, or made by the command."""

import logging
import os
import sys
from typing import NoReturn

from kiosk.app.onboarding import Onboarding
from kiosk.errors import StorageError
from kiosk.storage.identity import IdentityStore
from protocol.v1.messages import ClaimResponse

logger = logging.getLogger(__name__)

_LOOK_S = 2.0


class NewClaim:
    """Watches for new credentials. `look` is called often, by one thread.

    Args:
        onboarding: claims with a code that was typed.
        identity: where credentials lie; `rollcall-kiosk claim` writes there too.
        present: the claim that this process works with.
    """

    def __init__(
        self, onboarding: Onboarding, identity: IdentityStore, present: ClaimResponse
    ) -> None:
        self._onboarding = onboarding
        self._identity = identity
        self._present = present
        self._looked_s = 0.0

    def look(self, now_s: float) -> bool:
        """Claim with a typed code, if there is one; True once other credentials are on disk."""
        try:
            if self._onboarding.claim_while_running(self._present) is not None:
                return True
            if now_s - self._looked_s < _LOOK_S:
                return False
            self._looked_s = now_s
            kept = self._identity.claim()
        except StorageError:
            return False
        return kept is not None and kept != self._present


def start_anew() -> NoReturn:
    """Replace this process by a fresh one with the same command line and environment."""
    logger.info("kiosk has a new claim, starting again")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command
