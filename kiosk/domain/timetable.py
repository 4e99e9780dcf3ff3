"""The lessons this kiosk knows of, and how an arrival counts in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kiosk.domain.matching import MatchRules


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
    """One lesson in this kiosk's room: when (UTC) and for whom."""

    id: str
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
class Appointment:
    """A person of this gallery who is due in another room for a while (UTC)."""

    person_id: str
    room_name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Timetable:
    """What the cached configuration says, for one kiosk.

    Attributes:
        room_name: of the room this kiosk hangs in; empty until the server told it.
        time_zone: IANA name of the zone that times are shown in.
        lessons: in this room, the next days.
        elsewhere: who is due in other rooms.
        display_names: by person id.
        policy: in force where no lesson says otherwise.
        match_rules: for matching.
        not_me_s: a result stays on screen, and "Not me" is offered, this long.
        language: that the policy asks for, such as ``en``.
    """

    room_name: str = ""
    time_zone: str = "UTC"
    lessons: tuple[Lesson, ...] = ()
    elsewhere: tuple[Appointment, ...] = ()
    display_names: Mapping[str, str] = field(default_factory=dict)
    policy: AttendancePolicy = field(default_factory=AttendancePolicy)
    match_rules: MatchRules = field(default_factory=MatchRules)
    not_me_s: float = 5.0
    language: str = "en"

    def lesson(self, lesson_id: str | None) -> Lesson | None:
        """The lesson with this id, None if we were not told of it."""
        return next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)

    def open_here(self, at: datetime) -> tuple[Lesson, ...]:
        """Lessons open in this room, the one that started last first."""
        is_open = [lesson for lesson in self.lessons if lesson.is_open(at)]
        return tuple(sorted(is_open, key=_start_and_id, reverse=True))

    def due_elsewhere(self, person_id: str, at: datetime) -> Appointment | None:
        """Where else this person is due at ``at``, check-in time before it included."""
        early = timedelta(minutes=self.policy.opens_before_min)
        due = [
            entry
            for entry in self.elsewhere
            if entry.person_id == person_id and entry.starts_at - early <= at < entry.ends_at
        ]
        return max(due, key=lambda entry: (entry.starts_at, entry.room_name), default=None)

    def expected_at(self, at: datetime) -> frozenset[str]:
        """Everybody due in the lessons open in this room."""
        return frozenset().union(*(lesson.roster for lesson in self.open_here(at)))

    def short_name(self, person_id: str) -> str:
        """First name and initial; empty when the person is not known here."""
        return short_name(self.display_names.get(person_id, ""))


def _start_and_id(lesson: Lesson) -> tuple[datetime, str]:
    return lesson.starts_at, lesson.id


def short_name(display_name: str) -> str:
    """Cut a name down to what a corridor may read: ``Ana María López`` → ``Ana L.``."""
    words = display_name.split()
    if len(words) < 2:
        return display_name.strip()
    initial = words[-1][0].upper()[0]
    return f"{words[0]} {initial}."
