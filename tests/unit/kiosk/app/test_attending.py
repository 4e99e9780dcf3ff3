import logging
import queue

import pytest

from kiosk.app.attending import AttendantLoop, WatchedOutbox
from kiosk.domain.attendant import Attendant, AttendantTimings
from kiosk.domain.health import DiskHealth
from kiosk.domain.recorder import Recorder
from kiosk.domain.screens import NotRecognised, NotRecognisedReason, Ready, Screen, Welcome
from kiosk.domain.sightings import Sighting
from kiosk.domain.timetable import Timetable
from kiosk.errors import DiskFullError, OutboxFullError, StorageError
from tests.fakes.kiosk_clock import ManualClock
from tests.fakes.kiosk_outbox import MemoryOutbox
from tests.unit.kiosk.domain.door import TIMETABLE, recognition
from tests.unit.kiosk.storage.drafts import draft


class Stage:
    """A loop whose screens can be waited for."""

    def __init__(self, timetable: Timetable = TIMETABLE) -> None:
        clock = ManualClock()
        self.clock = clock
        self.outbox = MemoryOutbox()
        attendant = Attendant(clock, Recorder(self.outbox), timetable, AttendantTimings())
        self.screens: queue.Queue[Screen] = queue.Queue()
        self.turns = 0
        self.loop = AttendantLoop(attendant, on_screen=self.screens.put, on_turn=self._count)

    def _count(self) -> None:
        self.turns += 1

    def next(self) -> Screen:
        return self.screens.get(timeout=5)


def test_screens_follow_sightings_and_taps_and_are_shown_once() -> None:
    stage = Stage()
    stage.loop.start()
    first = stage.next()
    sighting = Sighting.recognised(1, stage.clock.monotonic_s(), recognition())
    stage.loop.see(sighting)
    stage.loop.see(sighting)
    second = stage.next()
    stage.loop.not_me()
    third = stage.next()
    stage.loop.stop()

    assert isinstance(first, Ready)
    assert isinstance(second, Welcome)
    assert third == NotRecognised(NotRecognisedReason.NOT_ME)
    assert stage.turns >= 3


def test_new_timetable_is_taken_over() -> None:
    stage = Stage(Timetable())
    stage.loop.start()
    before = stage.next()
    stage.loop.configure(TIMETABLE)
    after = stage.next()
    stage.loop.stop()

    assert before == Ready("", None)
    assert isinstance(after, Ready)
    assert after.room_name == "R12"
    assert stage.loop.is_idle


def test_ready_knows_holidays_of_the_timetable() -> None:
    at = ManualClock().reading().best_at
    stage = Stage(Timetable(holidays=frozenset({at.date().isoformat()})))
    stage.loop.start()
    first = stage.next()
    stage.loop.stop()

    assert first == Ready("", None, is_holiday=True)


class FailingOutbox(MemoryOutbox):
    """Raises whatever it is told to."""

    error: StorageError | None = None

    def append(self, draft: object) -> object:  # type: ignore[override]
        if self.error is not None:
            raise self.error
        return super().append(draft)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "disk"),
    [
        (DiskFullError("full"), DiskHealth.FULL),
        (OutboxFullError("many"), DiskHealth.OUTBOX_FULL),
        (StorageError("broken"), DiskHealth.FAILING),
    ],
)
def test_disk_trouble_is_named_and_logged_on_its_edges(
    error: StorageError, disk: DiskHealth, caplog: pytest.LogCaptureFixture
) -> None:
    inner, recorded = FailingOutbox(), list[bool]()
    outbox = WatchedOutbox(inner, on_recorded=lambda: recorded.append(True))  # type: ignore[arg-type]
    inner.error = error
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(type(error)):
                outbox.append(draft())
        during = outbox.disk
        inner.error = None
        outbox.append(draft())

    assert (during, outbox.disk) == (disk, DiskHealth.OK)
    assert recorded == [True]
    assert len(caplog.records) == 2


def test_nobody_is_marked_while_a_technician_is_there() -> None:
    stage = Stage()
    seen = Sighting.recognised(1, stage.clock.monotonic_s(), recognition())
    stage.loop.see(seen)  # waits still when the pause begins
    stage.loop.pause(is_paused=True)
    stage.loop.start()
    stage.loop.see(seen)
    stage.loop.scan("RC1:card")
    stage.loop.swipe("0123456789")
    done: queue.Queue[None] = queue.Queue()
    stage.loop._act(lambda _desk: done.put(None))
    done.get(timeout=5)
    assert stage.outbox.drafts == []

    stage.loop.pause(is_paused=False)
    stage.loop.see(seen)
    stage.loop._act(lambda _desk: done.put(None))
    done.get(timeout=5)
    stage.loop.stop()
    assert len(stage.outbox.drafts) == 1
