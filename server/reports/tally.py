"""Add the lines of many lessons up: by person, by course, by day and by week. Pure rules."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from server.reports.lines import LessonFacts
from server.reports.standing import LineCounts, Standing


@dataclass
class Sums:
    """Lines and lessons added up.

    Attributes:
        lines: the lines of each kind.
        lessons: lessons that took place.
        cancelled_lessons: those that were cancelled; apart from `lessons`.
    """

    lines: LineCounts = field(default_factory=LineCounts)
    lessons: int = 0
    cancelled_lessons: int = 0

    def add_lesson(self, *, is_cancelled: bool) -> None:
        """Count a lesson."""
        if is_cancelled:
            self.cancelled_lessons += 1
        else:
            self.lessons += 1


@dataclass(frozen=True)
class Untaken:
    """A lesson that is over and whose register was not taken.

    Attributes:
        open_lines: lines that are pending or undecided.
        lines: all lines.
        is_unseen: no kiosk saw anybody and no person corrected a line.
    """

    lesson_id: uuid.UUID
    course_id: uuid.UUID
    room_id: uuid.UUID
    day: date
    starts_at: datetime
    open_lines: int
    lines: int
    is_unseen: bool


@dataclass
class ReportTally:
    """What a report shows, of whichever lessons were added in whichever order."""

    total: Sums = field(default_factory=Sums)
    people: dict[uuid.UUID, Sums] = field(default_factory=dict)
    courses: dict[uuid.UUID, Sums] = field(default_factory=dict)
    days: dict[date, Sums] = field(default_factory=dict)
    untaken: list[Untaken] = field(default_factory=list)

    def add(
        self, lesson: LessonFacts, at: datetime, people: Collection[uuid.UUID] | None = None
    ) -> None:
        """Add a lesson once.

        Args:
            lesson: with its lines.
            at: the moment its register was read.
            people: count the lines of these people alone; lessons without one are left out.
        """
        lines = [one for one in lesson.lines if people is None or one.person_id in people]
        if people is not None and not lines:
            return
        course = self.courses.setdefault(lesson.course_id, Sums())
        day = self.days.setdefault(lesson.day, Sums())
        for sums in (self.total, course, day):
            sums.add_lesson(is_cancelled=lesson.is_cancelled)
        for line in lines:
            own = self.people.setdefault(line.person_id, Sums())
            own.add_lesson(is_cancelled=lesson.is_cancelled)
            standing = lesson.standing(line)
            for sums in (self.total, course, day, own):
                sums.lines.add(standing)
        if people is None and (untaken := untaken_of(lesson, at)) is not None:
            self.untaken.append(untaken)

    def add_all(
        self,
        lessons: Iterable[LessonFacts],
        at: datetime,
        people: Collection[uuid.UUID] | None = None,
    ) -> None:
        """Add several."""
        for one in lessons:
            self.add(one, at, people)

    def of_people(self, people: Collection[uuid.UUID]) -> Sums:
        """Return the lines of some people added up; no lessons, as they share them."""
        found = Sums()
        for one in people:
            if one in self.people:
                found.lines.add_counts(self.people[one].lines)
        return found

    def weeks(self) -> dict[date, LineCounts]:
        """Return the lines of each week by its Monday, in order; weeks without any are there."""
        mondays = sorted({day - timedelta(days=day.weekday()) for day in self.days})
        if not mondays:
            return {}
        number = (mondays[-1] - mondays[0]).days // 7 + 1
        found = {mondays[0] + timedelta(days=7 * week): LineCounts() for week in range(number)}
        for day, sums in self.days.items():
            found[day - timedelta(days=day.weekday())].add_counts(sums.lines)
        return found


def is_taken(lesson: LessonFacts, at: datetime) -> bool:
    """Whether the register of a lesson was taken, or need not be.

    The one place that decides it. A lesson that runs, was cancelled or has nobody on its roster
    needs no register. Another one is taken once every line is decided and anybody looked: a person
    confirmed it or corrected a line, or a kiosk saw a student. A line that is open again after the
    confirmation, of a student who joined since for example, has to be decided.
    """
    if lesson.is_cancelled or lesson.ends_at > at or not lesson.lines:
        return True
    return (lesson.is_confirmed or lesson.is_seen) and not _open_lines(lesson)


def untaken_of(lesson: LessonFacts, at: datetime) -> Untaken | None:
    """Return what is missing in the register of a lesson; None where it was taken."""
    if is_taken(lesson, at):
        return None
    return Untaken(
        lesson.lesson_id,
        lesson.course_id,
        lesson.room_id,
        lesson.day,
        lesson.starts_at,
        _open_lines(lesson),
        len(lesson.lines),
        not lesson.is_seen,
    )


def dump(tally: ReportTally) -> dict[str, Any]:
    """Return a tally as JSON holds it."""
    return {
        "total": asdict(tally.total),
        "people": {key.hex: asdict(sums) for key, sums in tally.people.items()},
        "courses": {key.hex: asdict(sums) for key, sums in tally.courses.items()},
        "days": {key.isoformat(): asdict(sums) for key, sums in tally.days.items()},
        "untaken": [
            asdict(one)
            | {name: getattr(one, name).hex for name in ("lesson_id", "course_id", "room_id")}
            | {"day": one.day.isoformat(), "starts_at": one.starts_at.isoformat()}
            for one in tally.untaken
        ],
    }


def load(stored: dict[str, Any]) -> ReportTally:
    """Return the tally that `dump` wrote."""
    return ReportTally(
        _sums(stored["total"]),
        {uuid.UUID(key): _sums(one) for key, one in stored["people"].items()},
        {uuid.UUID(key): _sums(one) for key, one in stored["courses"].items()},
        {date.fromisoformat(key): _sums(one) for key, one in stored["days"].items()},
        [_untaken(one) for one in stored["untaken"]],
    )


def _open_lines(lesson: LessonFacts) -> int:
    return sum(lesson.standing(line) is Standing.OPEN for line in lesson.lines)


def _sums(stored: dict[str, Any]) -> Sums:
    return Sums(LineCounts(**stored["lines"]), stored["lessons"], stored["cancelled_lessons"])


def _untaken(stored: dict[str, Any]) -> Untaken:
    ids = {name: uuid.UUID(stored[name]) for name in ("lesson_id", "course_id", "room_id")}
    when = {
        "day": date.fromisoformat(stored["day"]),
        "starts_at": datetime.fromisoformat(stored["starts_at"]),
    }
    return Untaken(**(stored | ids | when))
