"""Read the forms for changes of the past."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.attendance.forms import PastForm, PastKind
from server.attendance.past_kinds import (
    MOST_LESSONS,
    AnyChange,
    LessonChange,
    PolicyChange,
    RosterChange,
)
from server.errors import InvalidError
from server.timetable import service as timetable
from server.timetable.forms import LessonForm
from server.timetable.local_time import parse_date, parse_time, to_utc
from server.timetable.tables import Lesson


def read_change(
    db: Session, kind: PastKind, form: PastForm, *, zone: ZoneInfo, at: datetime
) -> AnyChange:
    """Return the change that a form asks for.

    Raises:
        ServerError: a date or time cannot be meant, or no lesson is meant.
        ValueError: something was not chosen.
    """
    match kind:
        case PastKind.POLICY:
            ids = (uuid.UUID(form.lesson_id),) if form.lesson_id else _lessons_of(db, form, at)
            return PolicyChange(lesson_ids=ids, policy_version=int(form.policy_version))
        case PastKind.ROSTER:
            return RosterChange.model_validate(
                {
                    "course_id": form.course_id,
                    "person_id": form.person_id,
                    "entry_id": form.entry_id or None,
                    "from": parse_date(form.from_date),
                    "until": parse_date(form.until_date) if form.until_date else None,
                }
            )
        case PastKind.LESSON:
            day = parse_date(form.day)
            return LessonChange(
                lesson_id=uuid.UUID(form.lesson_id),
                room_id=uuid.UUID(form.room_id),
                starts_at=to_utc(day, parse_time(form.starts), zone),
                ends_at=to_utc(day, parse_time(form.ends), zone),
            )


def fill_in(form: PastForm, lesson: Lesson, *, zone: ZoneInfo) -> PastForm:
    """Return the form with when and where a lesson takes place, where nothing was typed yet."""
    if form.day:
        return form
    known = LessonForm.of(lesson, zone)
    return form.model_copy(update=known.model_dump(include={"room_id", "day", "starts", "ends"}))


def _lessons_of(db: Session, form: PastForm, at: datetime) -> tuple[uuid.UUID, ...]:
    course = timetable.course_of(db, uuid.UUID(form.course_id))
    first, last = parse_date(form.first), parse_date(form.last)
    if last < first:
        raise InvalidError("The last day is before the first.", problem="order")
    views = timetable.lesson_views(db, courses=[course.id], before=at)
    ids = tuple(view.lesson.id for view in views if first <= view.lesson.day <= last)
    if not ids:
        raise InvalidError("No lesson of the course has started then.", problem="no_lessons")
    if len(ids) > MOST_LESSONS:
        raise InvalidError("These are too many lessons.", problem="too_many")
    return ids
