"""The lessons this kiosk knows of, and how an arrival counts in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kiosk.domain.matching import MatchRules
from protocol.v1.messages import (
    AttendancePolicy,
    AttendanceWindow,
    Fallback,
    KioskPolicy,
    NetworkChoice,
    window_of,
)

_DEFAULTS = KioskPolicy()


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson in this kiosk's room: its times (UTC), roster and policy."""

    id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    roster: frozenset[str]
    policy: AttendancePolicy = field(default_factory=AttendancePolicy)
    policy_version: int = 0

    @property
    def window(self) -> AttendanceWindow:
        """When a sighting counts here, and as what; the same as on the server."""
        return window_of(self.starts_at, self.ends_at, self.policy)


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
        policy_version: of the newest policy this kiosk has.
        match_rules: for matching.
        not_me_s: a result stays on screen, and "Not me" is offered, this long.
        language: that the policy asks for, such as ``en``.
        network: which networks the school uses; None leaves it to the settings of the kiosk.
        fallbacks: the ways to check in without a face that the policy allows.
        look_alikes: pairs of people who are easily confused.
        holidays: dates on which the school is closed, such as ``2026-12-25``.
    """

    room_name: str = ""
    time_zone: str = "UTC"
    lessons: tuple[Lesson, ...] = ()
    elsewhere: tuple[Appointment, ...] = ()
    display_names: Mapping[str, str] = field(default_factory=dict)
    policy: AttendancePolicy = field(default_factory=AttendancePolicy)
    policy_version: int = 0
    match_rules: MatchRules = field(default_factory=MatchRules)
    not_me_s: float = _DEFAULTS.not_me_s
    language: str = _DEFAULTS.language
    network: NetworkChoice | None = None
    fallbacks: frozenset[Fallback] = frozenset()
    look_alikes: frozenset[frozenset[str]] = frozenset()
    holidays: frozenset[str] = frozenset()

    def lesson(self, lesson_id: str | None) -> Lesson | None:
        """The lesson with this id, None if we were not told of it."""
        return next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)

    def open_here(self, at: datetime) -> tuple[Lesson, ...]:
        """Return the lessons open in this room at that time.

        Those that run come first, of several the one that started last; then those to come, the
        next one first. The server assigns sightings in the same order.
        """
        is_open = [lesson for lesson in self.lessons if lesson.window.is_open(at)]
        running = [lesson for lesson in is_open if lesson.starts_at <= at]
        coming = [lesson for lesson in is_open if lesson.starts_at > at]
        running.sort(key=_start_and_id, reverse=True)
        return (*running, *sorted(coming, key=_start_and_id))

    def is_holiday(self, at: datetime) -> bool:
        """Whether the school is closed on the date that it has at that time."""
        if not self.holidays:
            return False
        try:
            day = at.astimezone(ZoneInfo(self.time_zone)).date()
        except (ZoneInfoNotFoundError, ValueError):  # an old system knows no new zone
            return False
        return day.isoformat() in self.holidays

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
