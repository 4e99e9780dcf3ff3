"""The thread the attendant works on: sightings and taps in, screens out."""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from time import monotonic

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kiosk.domain.attendant import Attendant
from kiosk.domain.credentials import CredentialBook
from kiosk.domain.desk import Desk
from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.domain.health import DiskHealth
from kiosk.domain.ports import Outbox, UsedCodes
from kiosk.domain.screens import Ready, RollMark, Screen, is_same
from kiosk.domain.sightings import Sighting
from kiosk.domain.timetable import Timetable
from kiosk.errors import DiskFullError, OutboxFullError, StorageError

logger = logging.getLogger(__name__)

_TURN_S = 0.1
_JOIN_S = 1.0


class WatchedOutbox:
    """An outbox that remembers how the disk is and tells when something was recorded.

    Attributes:
        disk: how the last try went.
        is_barred: nothing more is recorded: the server does not accept what this kiosk signs.
    """

    def __init__(self, outbox: Outbox, on_recorded: Callable[[], None]) -> None:
        self._outbox = outbox
        self._on_recorded = on_recorded
        self.disk = DiskHealth.OK
        self.is_barred = False

    def append(self, draft: EventDraft) -> RecordedEvent:
        """See `kiosk.domain.ports.Outbox`."""
        if self.is_barred:
            raise StorageError("the server does not accept the key of this kiosk")
        try:
            event = self._outbox.append(draft)
        except StorageError as exc:
            self._note(_disk_health(exc), str(exc))
            raise
        self._note(DiskHealth.OK, "")
        self._on_recorded()
        return event

    def _note(self, disk: DiskHealth, detail: str) -> None:
        before, self.disk = self.disk, disk
        if disk is before:
            return
        if disk is DiskHealth.OK:
            logger.info("Events are recorded again")
        else:
            logger.error("Events cannot be recorded: %s", detail)


def _disk_health(error: StorageError) -> DiskHealth:
    if isinstance(error, DiskFullError):
        return DiskHealth.FULL
    return DiskHealth.OUTBOX_FULL if isinstance(error, OutboxFullError) else DiskHealth.FAILING


class AttendantLoop:
    """Runs an attendant on its own thread, so that neither camera nor screen waits for the disk.

    Every call but `start` and `stop` may come from any thread and returns at once.

    Args:
        attendant: used by this thread alone from `start` on.
        on_screen: hears of each change of the screen.
        on_turn: called about ten times a second.
    """

    def __init__(
        self,
        attendant: Attendant,
        *,
        on_screen: Callable[[Screen], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._attendant = attendant
        self._on_screen = on_screen
        self._on_turn = on_turn
        self._shown: Screen | None = None
        self._ticked_at_s = 0.0
        self._work: queue.SimpleQueue[Callable[[], Screen]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._paused = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attendant", daemon=True)

    @property
    def is_idle(self) -> bool:
        """Nobody is being served and nothing is left to look at."""
        return self._work.empty() and isinstance(self._attendant.screen, Ready)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present turn."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def see(self, sighting: Sighting) -> None:
        """Something was seen."""
        self._work.put(lambda: self._unless_paused(lambda: self._attendant.handle(sighting)))

    def pause(self, *, is_paused: bool) -> None:
        """Ignore faces, cards and codes, or take them again; what still waits is ignored too."""
        if is_paused:
            self._paused.set()
        else:
            self._paused.clear()

    def not_me(self, answer_id: str = "") -> None:
        """The person of this answer tapped "Not me"; empty for the mark on screen."""
        self._work.put(lambda: self._attendant.not_me(answer_id))

    def change_direction(self, answer_id: str = "") -> None:
        """The person of this answer tapped "I am leaving now" or "I am staying"."""
        self._work.put(lambda: self._attendant.change_direction(answer_id))

    def configure(self, timetable: Timetable) -> None:
        """A new configuration is in force."""
        self._work.put(lambda: self._attendant.configure(timetable))

    def equip(
        self, book: CredentialBook, server_key: Ed25519PublicKey | None, used: UsedCodes | None
    ) -> None:
        """What is known of PINs and cards has changed."""
        self._work.put(lambda: self._attendant.equip(book, server_key, used))

    def open_pin(self) -> None:
        """A student wants to type a PIN."""
        self._act(Desk.open_pin)

    def open_roll_call(self) -> None:
        """A teacher wants to take the roll."""
        self._act(Desk.open_roll_call)

    def enter_pin(self, pin: str) -> None:
        """Six digits were typed."""
        self._act(lambda desk: desk.enter_pin(pin))

    def touch(self) -> None:
        """A person is at the pad or the roll."""
        self._act(Desk.touch)

    def answer_name(self, is_yes: bool) -> None:
        """The person said whether the name on the screen is theirs."""
        self._act(lambda desk: desk.answer_name(is_yes=is_yes))

    def scan(self, text: str) -> None:
        """The camera saw a QR."""
        self._work.put(lambda: self._unless_paused(lambda: self._scanned(text)))

    def swipe(self, text: str) -> None:
        """A card reader typed a line."""
        self._work.put(lambda: self._unless_paused(lambda: self._swiped(text)))

    def tap_student(self, person_id: str, seen: RollMark) -> None:
        """A teacher tapped a row of the roll, which stood like that."""
        self._act(lambda desk: desk.tap_student(person_id, seen))

    def close(self) -> None:
        """Leave the pad, the name or the roll."""
        self._act(Desk.close)

    def _scanned(self, text: str) -> Screen:
        return self._attendant.act(lambda desk: desk.scan(text))

    def _swiped(self, text: str) -> Screen:
        return self._attendant.act(lambda desk: desk.swipe(text))

    def _unless_paused(self, action: Callable[[], Screen]) -> Screen:
        return self._attendant.screen if self._paused.is_set() else action()

    def _act(self, action: Callable[[Desk], None]) -> None:
        self._work.put(lambda: self._attendant.act(action))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception:
                logger.exception("unexpected error in the attendant, continuing")

    def _turn(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._show(self._work.get(timeout=_TURN_S)())
        now_s = monotonic()
        if now_s - self._ticked_at_s >= _TURN_S:  # also while sightings stream in
            self._ticked_at_s = now_s
            self._show(self._attendant.tick())
        self._on_turn()

    def _show(self, screen: Screen) -> None:
        if not is_same(self._shown, screen):
            self._shown = screen
            self._on_screen(screen)
