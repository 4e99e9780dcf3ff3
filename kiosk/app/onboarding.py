"""Becoming a kiosk: with a code from the settings, the screen or another process."""

import logging
import platform
import queue
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from kiosk.config import Settings
from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, CorruptStoreError, StorageError
from kiosk.storage.identity import IdentityStore, Keys
from kiosk.sync.backoff import Backoff
from kiosk.sync.claim import ClaimOffer, ClaimTarget, claim_request, claim_until_done
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.sealing import sealing_public_text

logger = logging.getLogger(__name__)

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


class Onboarding:
    """Waits for whatever it takes to be claimed. `enter_code` may be called from any thread.

    Args:
        identity: where credentials go.
        target: the server.
        retry_max_s: longest wait while the server is away.
        stop: ends all waiting.
        on_stage: hears where we stand.
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

    def enter_code(self, code: str) -> None:
        """Accept a claim code that a person typed."""
        self._codes.put(code)

    def wait_for_claim(self, keys: Keys, code: str | None) -> ClaimResponse | None:
        """The credentials of this kiosk, from disk or from a claim.

        Args:
            keys: the kiosk's own.
            code: from the settings, if there is one.

        Returns:
            The credentials; None when stopped.
        """
        kept = self.kept_claim()
        if kept is None and not code:
            self._on_stage(SetupStage.NEEDS_CLAIM_CODE)
        while kept is None and not self._stop.is_set():
            kept = self._claim(keys, code) if code else self.kept_claim()
            code = None if kept else self._next_code()
        return kept

    def kept_claim(self) -> ClaimResponse | None:
        """The credentials on disk; damaged ones count as none."""
        try:
            return self._identity.claim()
        except CorruptStoreError as exc:
            logger.error("%s; a new claim code is needed", exc)  # noqa: TRY400
            self._identity.forget_claim()
            return None

    def _next_code(self) -> str | None:
        try:
            return self._codes.get(timeout=_LOOK_S)
        except queue.Empty:
            return None

    def _claim(self, keys: Keys, code: str) -> ClaimResponse | None:
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
        return self._saved(claim) if claim else None

    def _saved(self, claim: ClaimResponse) -> ClaimResponse | None:
        """Credentials come once: keep trying until they are on disk."""
        while not self._stop.is_set():
            try:
                self._identity.save_claim(claim)
            except StorageError as exc:
                logger.error("The credentials cannot be stored yet: %s", exc)  # noqa: TRY400
                self._stop.wait(_SAVE_AGAIN_S)
            else:
                return claim
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


def server_client(settings: Settings, clock: SystemClock) -> ServerClient:
    """The server's device API, as the settings say."""
    return ServerClient(
        str(settings.server_url),
        clock,
        Timeouts(settings.connect_timeout_s, settings.read_timeout_s),
        str(settings.server_ca) if settings.server_ca else None,
    )
