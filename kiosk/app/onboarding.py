"""Becoming a kiosk, or one again: with a code from the settings, the screen or another process."""

import logging
import platform
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TypeVar

from kiosk.app.introducing import ClaimEntry, Introducer
from kiosk.app.server_trust import proxy_of, server_trust
from kiosk.config import Settings
from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, StorageError, SyncError, UntrustedLinkError
from kiosk.storage.identity import ClaimPlace, IdentityStore, Keys
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
from protocol.v1.tls import Introduction
from protocol.v1.trust import ClaimLink, six_words

T = TypeVar("T")

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
    """Who this kiosk is, once claimed, and where its server is."""

    claim: ClaimResponse
    keys: Keys
    place: ClaimPlace = field(default_factory=ClaimPlace)


class Onboarding:
    """Waits for whatever it takes to be claimed.

    `enter_code`, `enter_link` and `answer_words` may be called from any thread.

    Args:
        identity: where credentials go.
        target: the server.
        retry_max_s: longest wait while the server is away.
        stop: ends all waiting.
        on_stage: hears where we stand.
        introducer: checks the server before it gets the code; None: `target` gets it at once.

    Attributes:
        fault: why a kiosk that was claimed before needs a new code.
        words: six words that a person is asked to compare.
        address: of the server, where a QR code names another than the settings.
        link: why a connection must not be used.
    """

    def __init__(
        self,
        identity: IdentityStore,
        target: ClaimTarget,
        *,
        retry_max_s: float,
        stop: threading.Event,
        on_stage: Callable[[SetupStage], None],
        introducer: Introducer | None = None,
    ) -> None:
        self._identity = identity
        self._target = target
        self._retry_max_s = retry_max_s
        self._stop = stop
        self._on_stage = on_stage
        self._introducer = introducer
        self._entries: queue.SimpleQueue[ClaimEntry] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._pending: tuple[ClaimEntry, Introduction] | None = None
        self._present: ClaimResponse | None = None
        self.fault = IdentityFault.NONE
        self.words: tuple[str, ...] = ()
        self.address = ""
        self.link = LinkSecurity.TLS

    def enter_code(self, code: str) -> None:
        """Accept a claim code that a person typed."""
        self._entries.put(ClaimEntry(code))

    def enter_link(self, link: ClaimLink) -> None:
        """Accept a claim QR that the camera saw."""
        self._entries.put(ClaimEntry(link.code, link.address, link.fingerprint, is_scanned=True))

    def answer_words(self, are_same: bool) -> None:
        """Accept a person's answer to the question whether the six words are the same."""
        self._answers.put(are_same)

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
        entry = ClaimEntry(code, is_patient=True) if code else None
        if found is None and entry is None:
            self._on_stage(SetupStage.NEEDS_CLAIM_CODE)
        while found is None and not self._stop.is_set():
            found = self._claim(entry) if entry else self._kept()
            entry = None if found else self._next_entry(_LOOK_S)
        return found

    def claim_anew(self, entry: ClaimEntry) -> Identity | None:
        """Claim with a new code, claimed or not; waits for the server as long as it takes.

        The kiosk's own keys and its outbox stay. The old credentials go once the new ones are
        here.

        Returns:
            Who this kiosk is; None when the code was refused, when the server is not to be
            trusted, or when stopped.

        Raises:
            StorageError: the disk refuses.
        """
        self._kept()
        self._present = None  # a command on this machine may give the kiosk to another server
        return self._claim(entry)

    def claim_while_running(self, present: ClaimResponse | None = None) -> Identity | None:
        """Try once to claim with a code that was typed or scanned meanwhile; never waits.

        Args:
            present: the claim in use; only its server can replace it.

        Returns:
            Who this kiosk is, now on disk; None if there is no code or it did not work, or while
            a person compares words.

        Raises:
            StorageError: the disk refuses.
        """
        entry = self._next_entry(0)
        if entry is not None:
            return self._begin(entry, present)
        answer = self._answer(0) if self._pending else None
        if self._pending is None or answer is None:
            return None
        (entry, met), self._pending = self._pending, None
        if not answer:
            self._on_stage(SetupStage.WORDS_DIFFER)
            return None
        return self._claim_once(entry, met, present)

    def _begin(self, entry: ClaimEntry, present: ClaimResponse | None) -> Identity | None:
        """Meet the server; claim, unless a person must compare words first."""
        self._pending = None
        self._note_entry(entry)
        self._on_stage(SetupStage.CLAIMING)
        try:
            met = self._meet(entry, present)
        except SyncError as exc:
            logger.warning("claim failed, the present claim stays: %s", exc)
            self._say_away(exc)
            return None
        if met.is_confirmed:
            return self._claim_once(entry, met, present)
        self._pending = (entry, met)
        self._ask(met)
        return None

    def _claim_once(
        self, entry: ClaimEntry, met: Introduction, present: ClaimResponse | None
    ) -> Identity | None:
        keys = self._identity.keys()
        target, place = self._met_target(entry, met, present)
        try:
            return self._saved(Identity(target.claim(_request(keys, entry.code)), keys, place))
        except (ClaimRefusedError, ValueError):
            logger.warning("claim code refused, the present claim stays")
            self._on_stage(SetupStage.CLAIM_REFUSED)
        except SyncError as exc:
            logger.warning("claim failed, the present claim stays: %s", exc)
            self._say_away(exc)
        return None

    def _kept(self) -> Identity | None:
        """Who the disk says this kiosk is; None where it needs a code."""
        kept = self._identity.kept()
        if kept.fault is not self.fault:
            self.fault = kept.fault
            if kept.fault is not IdentityFault.NONE:
                logger.error("identity unusable, new claim code needed: %s", kept.fault)
        self._present = kept.claim
        if self._introducer is not None:
            self._introducer.home = kept.place
            self._introducer.is_owned = kept.fault is not IdentityFault.NONE
        if kept.claim is None or kept.keys is None:
            return None
        return Identity(kept.claim, kept.keys, kept.place)

    def _next_entry(self, wait_s: float) -> ClaimEntry | None:
        return _next(self._entries, wait_s)

    def _answer(self, wait_s: float) -> bool | None:
        return _next(self._answers, wait_s)

    def _note_entry(self, entry: ClaimEntry) -> None:
        self.address = "" if self._introducer is None else self._introducer.address_to_say(entry)

    def _claim(self, entry: ClaimEntry) -> Identity | None:
        self._note_entry(entry)
        met = self._introduced(entry)
        if met is None:
            return None
        keys = self._identity.keys()
        target, place = self._met_target(entry, met, self._present)
        try:
            claim = claim_until_done(
                target,
                _request(keys, entry.code),
                stop=_UntilNext(self._stop, self._entries),
                backoff=Backoff(1.0, self._retry_max_s),
                on_stage=self._on_stage,
            )
        except (ClaimRefusedError, ValueError):
            logger.error("The claim code was refused: a new one is needed")  # noqa: TRY400
            self._on_stage(SetupStage.CLAIM_REFUSED)
            return None
        return self._saved(Identity(claim, keys, place)) if claim else None

    def _introduced(self, entry: ClaimEntry) -> Introduction | None:
        """Get to know the server; None where it must not get the code, or when stopped."""
        backoff = Backoff(1.0, self._retry_max_s)
        while not self._stop.is_set():
            self._on_stage(SetupStage.CLAIMING)
            try:
                met = self._meet(entry, self._present)
            except SyncError as exc:
                logger.warning("claim waits for the server: %s", exc)
                self._say_away(exc)
                if isinstance(exc, UntrustedLinkError) and not entry.is_patient:
                    return None
            else:
                return met if met.is_confirmed or self._are_same_words(met) else None
            self._stop.wait(backoff.next_s())
            if not self._entries.empty():
                break
        return None

    def _are_same_words(self, met: Introduction) -> bool:
        """Ask a person to compare six words, and wait for the answer or for another code."""
        self._ask(met)
        while not self._stop.is_set() and self._entries.empty():
            answer = self._answer(_LOOK_S)
            if answer is not None:
                self._on_stage(SetupStage.CLAIMING if answer else SetupStage.WORDS_DIFFER)
                return answer
        return False

    def _ask(self, met: Introduction) -> None:
        while self._answer(0) is not None:
            pass  # an answer to an earlier question
        self.words = six_words(met.fingerprint or "")
        self._on_stage(SetupStage.COMPARE_WORDS)

    def _meet(self, entry: ClaimEntry, present: ClaimResponse | None = None) -> Introduction:
        if self._introducer is None:
            return Introduction(None, None, is_confirmed=True)
        return self._introducer.meet(entry, present)

    def _met_target(
        self, entry: ClaimEntry, met: Introduction, present: ClaimResponse | None = None
    ) -> tuple[ClaimTarget, ClaimPlace]:
        if self._introducer is None:
            return self._target, ClaimPlace()
        return self._introducer.target(entry, met, present), self._introducer.place(entry)

    def _say_away(self, error: SyncError) -> None:
        if isinstance(error, UntrustedLinkError):
            self.link = LinkSecurity(error.fault)
        self._on_stage(away_stage(error))

    def _saved(self, identity: Identity) -> Identity | None:
        """Credentials come once: keep trying until they are on disk."""
        while not self._stop.is_set():
            try:
                self._identity.save_claim(identity.claim, identity.keys, identity.place)
            except StorageError as exc:
                logger.error("The credentials cannot be stored yet: %s", exc)  # noqa: TRY400
                self._stop.wait(_SAVE_AGAIN_S)
            else:
                self.fault = IdentityFault.NONE
                return identity
        return None


class _UntilNext:
    """Ends waiting when told, and when another code is here after a try that failed."""

    def __init__(self, stop: threading.Event, entries: "queue.SimpleQueue[ClaimEntry]") -> None:
        self._stop = stop
        self._entries = entries
        self._has_next = False

    def is_set(self) -> bool:
        """Say whether it is over."""
        return self._stop.is_set() or self._has_next

    def wait(self, timeout: float) -> bool:
        """Wait for the end, at most some seconds (>= 0)."""
        until_s = monotonic() + timeout
        while not self.is_set() and (left_s := until_s - monotonic()) > 0:
            self._stop.wait(min(left_s, _LOOK_S))
            self._has_next = not self._entries.empty()
        return self.is_set()


def _next(waiting: "queue.SimpleQueue[T]", wait_s: float) -> T | None:
    try:
        return waiting.get(block=wait_s > 0, timeout=wait_s)
    except queue.Empty:
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
        server_trust(settings, clock),
        proxy=proxy_of(settings),
    )
