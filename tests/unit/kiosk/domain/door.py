"""An attendant at the door of R12, with everything around it in the test's hands."""

from dataclasses import replace
from datetime import timedelta

from kiosk.domain.attendant import Attendant, AttendantTimings
from kiosk.domain.clock import ClockReading
from kiosk.domain.configuration import MatchOverrides, timetable_from
from kiosk.domain.marks import MarkMemory
from kiosk.domain.ports import MarkListener
from kiosk.domain.recorder import Recorder
from kiosk.domain.screens import Ready, RunningLesson, Screen, Welcome
from kiosk.domain.sightings import Hint, Recognition, Sighting
from kiosk.domain.timetable import Lesson, Timetable
from protocol.v1.messages import ArrivalStatus
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.kiosk_outbox import MemoryOutbox
from tests.fakes.school import config

TIMETABLE = timetable_from(config(), MatchOverrides())
LESSON = TIMETABLE.lessons[0]

ON_TIME = Welcome("Given1 F.", ArrivalStatus.PRESENT)
AGAIN = Welcome("Given1 F.", ArrivalStatus.PRESENT, already_marked=True)
READY = Ready("R12", RunningLesson("Biology", LESSON.starts_at, LESSON.ends_at))


def lesson(lesson_id: str, *, starts_min: int, lasts_min: int, roster: str = "p1 p2") -> Lesson:
    """A lesson that starts some minutes after START."""
    starts_at = START + timedelta(minutes=starts_min)
    ends_at = starts_at + timedelta(minutes=lasts_min)
    people = frozenset(roster.split())
    return Lesson(lesson_id, f"Title {lesson_id}", starts_at, ends_at, people, LESSON.policy)


def recognition(person_id: str = "p1", distance: float = 0.3) -> Recognition:
    return Recognition(person_id, distance, 0.2, 0.5, 0.9, "dlib-resnet-v1")


class Door:
    """Drives an attendant; every person gets a new track unless one is named."""

    def __init__(
        self,
        timetable: Timetable = TIMETABLE,
        timings: AttendantTimings | None = None,
        *,
        minutes: float = 0,
        memory: MarkMemory | None = None,
        listener: MarkListener | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.clock.advance(minutes * 60)
        self.outbox = MemoryOutbox()
        self.recorder = Recorder(self.outbox, max_unsaved=3)
        self.attendant = Attendant(
            self.clock,
            self.recorder,
            timetable,
            timings or AttendantTimings(),
            memory=memory,
            listener=listener,
        )
        self._tracks = 0

    def new_track(self) -> int:
        self._tracks += 1
        return self._tracks

    def comes(
        self,
        person_id: str,
        track: int | None = None,
        ago_s: float = 0,
        *,
        distance: float = 0.3,
    ) -> Screen:
        track_id = self.new_track() if track is None else track
        at_s = self.clock.monotonic_s() - ago_s
        found = recognition(person_id, distance)
        return self.attendant.handle(Sighting.recognised(track_id, at_s, found))

    def looks(self, track: int, progress: float = 0.5, hint: Hint | None = None) -> Screen:
        sighting = Sighting.looking(track, self.clock.monotonic_s(), progress=progress, hint=hint)
        return self.attendant.handle(sighting)

    def stranger(self, track: int) -> Screen:
        return self.attendant.handle(Sighting.unknown(track, self.clock.monotonic_s()))

    def nobody(self) -> Screen:
        return self.attendant.handle(Sighting.empty(self.clock.monotonic_s()))

    def later(self, seconds: float) -> Screen:
        self.clock.advance(seconds)
        return self.attendant.tick()

    def kinds(self) -> list[tuple[str, str, str | None]]:
        return [
            (draft.kind.value, draft.person_id, draft.lesson_id) for draft in self.outbox.drafts
        ]


def with_lessons(*lessons: Lesson) -> Timetable:
    return replace(TIMETABLE, lessons=lessons)


def skewed(reading: ClockReading, offset_ms: int) -> ClockReading:
    return replace(reading, offset_ms=offset_ms)
