"""The lessons this kiosk knows of, and how an arrival counts in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AttendancePolicy:
    """The attendance windows in force here.

    Attributes:
        version: of the policy document.
        opens_before_min: check-in opens this long before the start.
        late_after_min: an arrival more than this after the start is late.
        closes_after_min: check-in closes this long after the start; None means at the end.
        duplicate_window_s: a repeat within this time makes no second event.
    """

    version: int = 0
    opens_before_min: int = 15
    late_after_min: int = 5
    closes_after_min: int | None = None
    duplicate_window_s: float = 300.0


class Standing(StrEnum):
    """How an arrival counts."""

    PRESENT = "present"
    LATE = "late"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session: where, when (UTC) and for whom."""

    id: str
    room_id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    roster: frozenset[str]
    policy: AttendancePolicy

    def is_open(self, at: datetime) -> bool:
        """Whether the lesson or its check-in is on; start included, end excluded."""
        opens_at = self.starts_at - timedelta(minutes=self.policy.opens_before_min)
        return opens_at <= at < self.ends_at

    def standing(self, at: datetime) -> Standing:
        """How somebody who comes at ``at`` (while open) counts."""
        since_start = at - self.starts_at
        closes_min = self.policy.closes_after_min
        if closes_min is not None and since_start > timedelta(minutes=closes_min):
            return Standing.CLOSED
        if since_start > timedelta(minutes=self.policy.late_after_min):
            return Standing.LATE
        return Standing.PRESENT

    def late_min(self, at: datetime) -> int:
        """Whole minutes after the start, at least 1."""
        return max(1, int((at - self.starts_at).total_seconds() // 60))


@dataclass(frozen=True, slots=True)
class Timetable:
    """What the cached configuration says, for one kiosk.

    Attributes:
        room_id: the room this kiosk hangs in.
        room_names: by room id.
        lessons: of all rooms the server told us of.
        display_names: by person id.
        policy: in force where no lesson says otherwise.
    """

    room_id: str = ""
    room_names: Mapping[str, str] = field(default_factory=dict)
    lessons: tuple[Lesson, ...] = ()
    display_names: Mapping[str, str] = field(default_factory=dict)
    policy: AttendancePolicy = field(default_factory=AttendancePolicy)

    @property
    def room_name(self) -> str:
        """The name of this kiosk's room; empty until the server told it."""
        return self.room_names.get(self.room_id, "")

    def lesson(self, lesson_id: str | None) -> Lesson | None:
        """The lesson with this id, None if we were not told of it."""
        return next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)

    def open_here(self, at: datetime) -> tuple[Lesson, ...]:
        """Lessons open in this room, the one that started last first."""
        here = (lesson for lesson in self.lessons if lesson.room_id == self.room_id)
        return _open_latest_first(here, at)

    def open_elsewhere_for(self, person_id: str, at: datetime) -> Lesson | None:
        """The lesson in another room that this person is due in now, if any."""
        others = (
            lesson
            for lesson in self.lessons
            if lesson.room_id != self.room_id and person_id in lesson.roster
        )
        return next(iter(_open_latest_first(others, at)), None)

    def expected_at(self, at: datetime) -> frozenset[str]:
        """Everybody due in the lessons open in this room."""
        return frozenset().union(*(lesson.roster for lesson in self.open_here(at)))

    def short_name(self, person_id: str) -> str:
        """First name and initial; empty when the person is not known here."""
        return short_name(self.display_names.get(person_id, ""))


def _open_latest_first(lessons: Iterable[Lesson], at: datetime) -> tuple[Lesson, ...]:
    is_open = [lesson for lesson in lessons if lesson.is_open(at)]
    return tuple(sorted(is_open, key=lambda lesson: (lesson.starts_at, lesson.id), reverse=True))


def short_name(display_name: str) -> str:
    """Cut a name down to what a corridor may read: ``Ana María López`` → ``Ana L.``."""
    words = display_name.split()
    if len(words) < 2:
        return display_name.strip()
    initial = words[-1][0].upper()
    return f"{words[0]} {initial}."
