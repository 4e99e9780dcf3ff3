"""Say in words what a change of the past was or would be."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlmodel import Session

from server.attendance.past_kinds import AnyChange, LessonChange, PolicyChange, RosterChange
from server.attendance.tables import PastChange
from server.people.service import people_by_id
from server.timetable import service as timetable
from server.web.dates import day_words, moment_words, time_words
from server.web.translations import Translator

_CHANGE: TypeAdapter[AnyChange] = TypeAdapter(AnyChange)


def stored_changes(rows: Sequence[PastChange]) -> list[AnyChange]:
    """Return the documents of stored changes as what they are."""
    return [_CHANGE.validate_python(row.document) for row in rows]


class PastWording:
    """Words for several changes; what they name is looked up once."""

    def __init__(
        self, db: Session, t: Translator, zone: ZoneInfo, changes: Iterable[AnyChange]
    ) -> None:
        wanted = list(changes)
        self._t = t
        self._zone = zone
        self._year = datetime.now(zone).year
        ids = {found for one in wanted if (found := _lesson_of(one)) is not None}
        self._lessons = {view.lesson.id: view for view in timetable.lesson_views(db, ids=ids)}
        self._courses = {one.id: one.code for one in timetable.courses(db)}
        self._rooms = {one.id: one.name for one in timetable.rooms(db)}
        people = {one.person_id for one in wanted if isinstance(one, RosterChange)}
        self._people = people_by_id(db, people)

    def text(self, change: AnyChange) -> str:
        """Return one change in a sentence."""
        match change:
            case PolicyChange():
                return self._policy(change)
            case RosterChange():
                return self._roster(change)
            case LessonChange():
                return self._lesson(change)

    def _policy(self, change: PolicyChange) -> str:
        view = self._lessons.get(change.lesson_ids[0])
        gone = self._t("past.gone")
        course = view.course.code if view else gone
        version, count = change.policy_version, len(change.lesson_ids)
        if count > 1:
            return self._t("past.words.policy_many", count=count, course=course, version=version)
        at = self._moment(view.lesson.starts_at) if view else gone
        return self._t("past.words.policy_one", course=course, at=at, version=version)

    def _roster(self, change: RosterChange) -> str:
        person = self._people.get(change.person_id)
        values = {
            "person": person.display_name if person else self._t("past.gone"),
            "course": self._courses.get(change.course_id, self._t("past.gone")),
            "first": self._day(change.from_date),
        }
        if change.until_date is None:
            return self._t("past.words.roster_open", **values)
        last = self._day(change.until_date)
        return self._t("past.words.roster", **values, last=last)

    def _lesson(self, change: LessonChange) -> str:
        view = self._lessons.get(change.lesson_id)
        return self._t(
            "past.words.lesson",
            course=view.course.code if view else self._t("past.gone"),
            room=self._rooms.get(change.room_id, self._t("past.gone")),
            starts=self._moment(change.starts_at),
            ends=time_words(change.ends_at, self._t, self._zone),
        )

    def _moment(self, at: datetime) -> str:
        return moment_words(at, self._t, self._zone, this_year=self._year)

    def _day(self, day: date) -> str:
        return day_words(day, self._t, this_year=self._year)


def _lesson_of(change: AnyChange) -> uuid.UUID | None:
    match change:
        case PolicyChange():
            return change.lesson_ids[0]
        case LessonChange():
            return change.lesson_id
        case RosterChange():
            return None
