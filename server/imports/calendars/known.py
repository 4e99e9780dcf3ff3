"""What the timetable has of the courses that a calendar names."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlmodel import Session, col, select

from server.imports.calendars.entries import Series
from server.imports.calendars.places import NamedPlace
from server.timetable.patterns.generation import weekly_of
from server.timetable.service import LessonView, lesson_views
from server.timetable.tables import LessonPattern, Term


@dataclass(frozen=True)
class WantedSeries:
    """A series with the course and the room that it names."""

    series: Series
    course: NamedPlace
    room: NamedPlace


class KnownLessons:
    """Lessons and weekly patterns of some courses.

    Args:
        db: the caller's.
        courses: by id.
        after: lessons that end after this.
        before: lessons that start before this.
    """

    def __init__(
        self, db: Session, courses: Collection[uuid.UUID], after: datetime, before: datetime
    ) -> None:
        views = lesson_views(db, courses=list(courses), after=after, before=before)
        self._at: dict[tuple[uuid.UUID, uuid.UUID, datetime], LessonView] = {
            (view.course.id, view.room.id, view.lesson.starts_at): view for view in views
        }
        self._patterns: dict[tuple[object, ...], list[tuple[LessonPattern, Term]]] = {}
        query = select(LessonPattern, Term).where(
            col(LessonPattern.course_id).in_(courses), col(Term.id) == col(LessonPattern.term_id)
        )
        for one, term in db.exec(query):
            key = (one.course_id, one.room_id, one.weekday, one.starts, one.ends)
            self._patterns.setdefault(key, []).append((one, term))

    def lesson(self, course: NamedPlace, room: NamedPlace, at: datetime) -> LessonView | None:
        """Return the lesson of a course that starts in a room at a moment."""
        return self._at.get((course.id, room.id, at))

    def has(self, wanted: WantedSeries, day: date) -> bool:
        """Whether a lesson of a series is there, or a weekly pattern plans it.

        One that a person moved, or that is left out because its room is taken, counts as there.
        """
        series = wanted.series
        slot = series.slots[day]
        found = self.lesson(wanted.course, wanted.room, slot.starts_at)
        if found is not None and found.lesson.ends_at == slot.ends_at:
            return True
        return self.plans(wanted.course, wanted.room, day, (series.starts, series.ends))

    def plans(
        self, course: NamedPlace, room: NamedPlace, day: date, times: tuple[time, time]
    ) -> bool:
        """Whether a weekly pattern has a lesson at these times on a date, holidays aside."""
        patterns = self._patterns.get((course.id, room.id, day.weekday(), *times), ())
        return any(any(weekly_of(one, term).days(since=day, until=day)) for one, term in patterns)
