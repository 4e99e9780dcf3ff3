"""Becoming a kiosk, or one again: with a code from the settings, the screen or another process."""

import logging
import platform
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kiosk.config import Settings
from kiosk.domain.identity import IdentityFault
from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, StorageError, SyncError
from kiosk.storage.identity import IdentityStore, Keys
from kiosk.sync.backoff import Backoff
from kiosk.sync.claim import (
    ClaimOffer,
    ClaimTarget,
    away_stage,
    claim_request,
    claim_until_done,
)
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.sealing import sealing_public_text

logger = logging.getLogger(__name__)

CLOCK_FILE = "clock.json"
_LOOK_S = 1.0
_SAVE_AGAIN_S = 5.0
_BOARD_FILE = Path("/proc/device-tree/model")


def software_version() -> str:
    """The version of this distribution."""
    return version("rollcall")


def hardware() -> str:
    """What board this is, as it says itself."""
    try:
        return _BOARD_FILE.read_text(encoding="utf-8").strip("\0\n ")[:120]
    except OSError:
        return platform.machine()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this kiosk is, once claimed."""

    claim: ClaimResponse
    keys: Keys


class Onboarding:
    """Waits for whatever it takes to be claimed. `enter_code` may be called from any thread.

    Args:
        identity: where credentials go.
        target: the server.
        retry_max_s: longest wait while the server is away.
        stop: ends all waiting.
        on_stage: hears where we stand.

    Attributes:
        fault: why a kiosk that was claimed before needs a new code.
    """

    def __init__(
        self,
        identity: IdentityStore,
        target: ClaimTarget,
        *,
        retry_max_s: float,
        stop: threading.Event,
        on_stage: Callable[[SetupStage], None],
    ) -> None:
        self._identity = identity
        self._target = target
        self._retry_max_s = retry_max_s
        self._stop = stop
        self._on_stage = on_stage
        self._codes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.fault = IdentityFault.NONE

    def enter_code(self, code: str) -> None:
        """Accept a claim code that a person typed."""
        self._codes.put(code)

    def wait_for_identity(self, code: str | None) -> Identity | None:
        """The credentials of this kiosk with its keys, from disk or from a claim.

        A key that is lost is made anew only for the claim; until then nothing is recorded.

        Args:
            code: from the settings, if there is one.

        Returns:
            Who this kiosk is; None when stopped.

        Raises:
            StorageError: the disk refuses.
        """
        found = self._kept()
        if found is None and not code:
            self._on_stage(SetupStage.NEEDS_CLAIM_CODE)
        while found is None and not self._stop.is_set():
            found = self._claim(code) if code else self._kept()
            code = None if found else self._next_code(_LOOK_S)
        return found

    def claim_anew(self, code: str) -> Identity | None:
        """Claim with a new code, claimed or not; waits for the server as long as it takes.

        The kiosk's own keys and its outbox stay. The old credentials go once the new ones are
        here.

        Returns:
            Who this kiosk is; None when the code was refused, or when stopped.

        Raises:
            StorageError: the disk refuses.
        """
        return self._claim(code)

    def claim_while_running(self) -> Identity | None:
        """Try once to claim with a code that was typed meanwhile.

        Returns:
            Who this kiosk is, now on disk; None if no code was typed or it did not work.

        Raises:
            StorageError: the disk refuses.
        """
        code = self._next_code(0)
        if code is None:
            return None
        self._on_stage(SetupStage.CLAIMING)
        keys = self._identity.keys()
        try:
            return self._saved(Identity(self._target.claim(_request(keys, code)), keys))
        except (ClaimRefusedError, ValueError):
            logger.warning("claim code refused, the present claim stays")
            self._on_stage(SetupStage.CLAIM_REFUSED)
        except SyncError as exc:
            logger.warning("claim failed, the present claim stays: %s", exc)
            self._on_stage(away_stage(exc))
        return None

    def _kept(self) -> Identity | None:
        """Who the disk says this kiosk is; None where it needs a code."""
        kept = self._identity.kept()
        if kept.fault is not self.fault:
            self.fault = kept.fault
            if kept.fault is not IdentityFault.NONE:
                logger.error("identity unusable, new claim code needed: %s", kept.fault)
        if kept.claim is None or kept.keys is None:
            return None
        return Identity(kept.claim, kept.keys)

    def _next_code(self, wait_s: float) -> str | None:
        try:
            return self._codes.get(block=wait_s > 0, timeout=wait_s)
        except queue.Empty:
            return None

    def _claim(self, code: str) -> Identity | None:
        keys = self._identity.keys()
        try:
            claim = claim_until_done(
                self._target,
                _request(keys, code),
                stop=self._stop,
                backoff=Backoff(1.0, self._retry_max_s),
                on_stage=self._on_stage,
            )
        except (ClaimRefusedError, ValueError):
            logger.error("The claim code was refused: a new one is needed")  # noqa: TRY400
            self._on_stage(SetupStage.CLAIM_REFUSED)
            return None
        return self._saved(Identity(claim, keys)) if claim else None

    def _saved(self, identity: Identity) -> Identity | None:
        """Credentials come once: keep trying until they are on disk."""
        while not self._stop.is_set():
            try:
                self._identity.save_claim(identity.claim, identity.keys)
            except StorageError as exc:
                logger.error("The credentials cannot be stored yet: %s", exc)  # noqa: TRY400
                self._stop.wait(_SAVE_AGAIN_S)
            else:
                self.fault = IdentityFault.NONE
                return identity
        return None


def _request(keys: Keys, code: str) -> ClaimRequest:
    return claim_request(
        ClaimOffer(
            claim_code=code,
            signing_key=keys.signing,
            sealing_key=sealing_public_text(keys.sealing),
            software_version=software_version(),
            hardware=hardware(),
        )
    )


def server_client(
    settings: Settings, clock: SystemClock, timeouts: Timeouts | None = None
) -> ServerClient:
    """The server's device API, as the settings say, or with other timeouts."""
    return ServerClient(
        str(settings.server_url),
        clock,
        timeouts or Timeouts(settings.connect_timeout_s, settings.read_timeout_s),
        str(settings.server_ca) if settings.server_ca else None,
        proxy=settings.http_proxy.get_secret_value() if settings.http_proxy else "",
    )
