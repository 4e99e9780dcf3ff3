"""Plan, edit, cancel and restore lessons; what may be planned."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from server.audit.service import record
from server.errors import ConflictError, InvalidError
from server.timetable.local_time import local_date
from server.timetable.service import (
    LessonView,
    bump_version,
    course_of,
    lesson_view,
    lesson_views,
    lock_timetable,
    room_of,
    touched_by,
)
from server.timetable.tables import (
    LONGEST_LESSON,
    CourseTeacher,
    Lesson,
    LessonCancellation,
    LessonSubstitute,
    PatternLesson,
    Term,
)

#: Where no term is entered, a date further away is a typing error.
FURTHEST = timedelta(days=400)


class DoubleBookingError(ConflictError):
    """A course or a teacher would be in two rooms at once; asked, because it may be meant."""

    code = "double_booking"


@dataclass(frozen=True)
class LessonPlan:
    """What a lesson is to be: course, room, start and end (aware).

    Attributes:
        allow_double: the person was told that course or teacher is elsewhere too, and means it.
    """

    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    allow_double: bool = False

    def in_whole_seconds(self) -> "LessonPlan":
        """Return the same, cut to seconds: no bell is more exact."""
        starts_at, ends_at = (one.replace(microsecond=0) for one in (self.starts_at, self.ends_at))
        return replace(self, starts_at=starts_at, ends_at=ends_at)


def create_lesson(
    db: Session,
    plan: LessonPlan,
    *,
    zone: ZoneInfo,
    at: datetime,
    actor: str,
) -> Lesson:
    """Add a lesson.

    Args:
        db: the caller's.
        plan: what it is to be.
        zone: the school's; kept with the lesson.
        at: now.
        actor: who plans it.

    Raises:
        NotFoundError: no such course or room.
        InvalidError: it ends before it starts, lasts too long, or lies outside the terms.
        ConflictError: the room is taken in that time.
        DoubleBookingError: course or teacher has another lesson then.
    """
    plan = plan.in_whole_seconds()
    check_plan(db, plan, zone=zone, at=at)
    added = Lesson(
        course_id=plan.course_id,
        room_id=plan.room_id,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        time_zone=zone.key,
    )
    db.add(added)
    bump_version(db, touched_by(added))
    _record(db, "lesson.create", added.id, actor)
    return added


def change_lesson(
    db: Session,
    lesson_id: uuid.UUID,
    plan: LessonPlan,
    *,
    zone: ZoneInfo,
    at: datetime,
    actor: str,
) -> Lesson:
    """Change a lesson that has not started; for one that has, see `server.attendance.past`.

    Raises:
        ConflictError: it has started, or would have; or the room is taken.
        NotFoundError, InvalidError, DoubleBookingError: as for a new one.
    """
    lock_timetable(db)
    lesson = lesson_view(db, lesson_id).lesson
    plan = plan.in_whole_seconds()
    if lesson.starts_at <= at or plan.starts_at <= at:
        raise ConflictError(
            "A lesson that has started is changed under “Change past registers”.",
            problem="started",
        )
    check_plan(db, plan, zone=zone, at=at, besides=lesson.id)
    apply_plan(db, lesson, plan, zone=zone)
    _record(db, "lesson.change", lesson_id, actor)
    return lesson


def apply_plan(db: Session, lesson: Lesson, plan: LessonPlan, *, zone: ZoneInfo) -> None:
    """Write a checked plan into a lesson."""
    before = touched_by(lesson)
    lesson.course_id, lesson.room_id = plan.course_id, plan.room_id
    lesson.starts_at, lesson.ends_at = plan.starts_at, plan.ends_at
    lesson.time_zone = zone.key
    db.add(lesson)
    _keep_from_pattern(db, lesson.id)
    bump_version(db, before | touched_by(lesson))
    db.flush()


def check_plan(
    db: Session,
    plan: LessonPlan,
    *,
    zone: ZoneInfo,
    at: datetime,
    besides: uuid.UUID | None = None,
) -> None:
    """Refuse what cannot be meant, and ask about what may not be.

    Raises:
        NotFoundError, InvalidError, ConflictError, DoubleBookingError: see `create_lesson`.
    """
    lock_timetable(db)
    course_of(db, plan.course_id)
    room_of(db, plan.room_id)
    _refuse_odd_times(db, plan, zone, at)
    views = [
        view
        for view in lesson_views(db, after=plan.starts_at, before=plan.ends_at)
        if view.lesson.id != besides and not view.is_cancelled
    ]
    if any(view.room.id == plan.room_id for view in views):
        raise ConflictError("The room has another lesson in that time.", problem="room_taken")
    if not plan.allow_double:
        _ask_about_doubles(db, plan, views, local_date(plan.starts_at, zone), besides)


def delete_lesson(db: Session, lesson_id: uuid.UUID, *, actor: str) -> None:
    """Delete a lesson; callers make sure that nothing was recorded for it.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: a weekly pattern plans it, and would plan it again.
    """
    lock_timetable(db)
    lesson = lesson_view(db, lesson_id).lesson
    if is_of_pattern(db, lesson_id):
        raise ConflictError(
            "The weekly timetable plans this lesson. Cancel it instead.", problem="of_pattern"
        )
    if (substitute := db.get(LessonSubstitute, lesson_id)) is not None:
        db.delete(substitute)
    for cancellation in db.exec(
        select(LessonCancellation).where(LessonCancellation.lesson_id == lesson_id)
    ):
        db.delete(cancellation)
    db.flush()
    bump_version(db, touched_by(lesson))
    db.delete(lesson)
    _record(db, "lesson.delete", lesson_id, actor)


def cancel_lesson(
    db: Session, lesson_id: uuid.UUID, *, reason: str, actor: str, at: datetime
) -> LessonCancellation:
    """Cancel a lesson: its lines stay but no longer count.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: it is cancelled already.
    """
    lock_timetable(db)
    view = lesson_view(db, lesson_id)
    if view.is_cancelled:
        raise ConflictError("This lesson is cancelled already.", problem="cancelled")
    row = LessonCancellation(
        lesson_id=lesson_id, reason=reason, cancelled_by=actor, cancelled_at=at
    )
    db.add(row)
    _keep_from_pattern(db, lesson_id)
    bump_version(db, touched_by(view.lesson))
    _record(db, "lesson.cancel", lesson_id, actor)
    return row


def restore_lesson(
    db: Session, lesson_id: uuid.UUID, *, reason: str, actor: str, at: datetime
) -> LessonCancellation:
    """Let a cancelled lesson count again.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: it is not cancelled, or its room was given to another lesson.
    """
    lock_timetable(db)
    view = lesson_view(db, lesson_id)
    row = view.cancellation
    if row is None:
        raise ConflictError("This lesson is not cancelled.", problem="not_cancelled")
    others = lesson_views(
        db, after=view.lesson.starts_at, before=view.lesson.ends_at, room_ids=[view.room.id]
    )
    if any(not other.is_cancelled for other in others):
        raise ConflictError("The room has another lesson in that time.", problem="room_taken")
    row.restored_by, row.restored_at, row.restore_reason = actor, at, reason
    db.add(row)
    bump_version(db, touched_by(view.lesson))
    _record(db, "lesson.restore", lesson_id, actor)
    return row


def is_of_pattern(db: Session, lesson_id: uuid.UUID) -> bool:
    """Return whether a weekly pattern plans the lesson."""
    return db.get(PatternLesson, lesson_id) is not None


def _keep_from_pattern(db: Session, lesson_id: uuid.UUID) -> None:
    """Note that a person changed this one lesson, so that its pattern does not move it."""
    if (link := db.get(PatternLesson, lesson_id)) is not None:
        link.is_changed = True
        db.add(link)


def _record(db: Session, action: str, lesson_id: uuid.UUID, actor: str) -> None:
    record(db, actor=actor, action=action, subject=f"lesson:{lesson_id}")


def _refuse_odd_times(db: Session, plan: LessonPlan, zone: ZoneInfo, at: datetime) -> None:
    lasts = plan.ends_at - plan.starts_at
    if lasts <= timedelta(0):
        raise InvalidError("The lesson ends before it starts.", problem="ends_before_start")
    if lasts > LONGEST_LESSON:
        raise InvalidError("A lesson lasts at most 12 hours.", problem="too_long")
    try:
        day = local_date(plan.starts_at, zone)
    except OverflowError as exc:
        raise InvalidError("This date is out of range.", problem="far_away") from exc
    terms = db.exec(select(Term)).all()
    if terms and not any(term.first_day <= day <= term.last_day for term in terms):
        raise InvalidError("This date is outside the school's terms.", problem="outside_terms")
    if not terms and abs(plan.starts_at - at) > FURTHEST:
        raise InvalidError("This date is more than 400 days away.", problem="far_away")


def _ask_about_doubles(
    db: Session,
    plan: LessonPlan,
    views: Collection[LessonView],
    day: date,
    lesson_id: uuid.UUID | None,
) -> None:
    for view in views:
        if view.course.id == plan.course_id:
            raise DoubleBookingError(
                f"This course has a lesson in {view.room.name} at that time.",
                problem="course_elsewhere",
                room=view.room.name,
            )
    teachers = _teachers(db, {plan.course_id, *(view.course.id for view in views)}, day)
    substitutes = _substitutes(db, [lesson_id, *(view.lesson.id for view in views)])
    mine = substitutes.get(lesson_id) or teachers.get(plan.course_id, set())
    for view in views:
        if mine & (substitutes.get(view.lesson.id) or teachers.get(view.course.id, set())):
            raise DoubleBookingError(
                f"A teacher of this course teaches {view.course.code} in {view.room.name}"
                " at that time.",
                problem="teacher_elsewhere",
                room=view.room.name,
                course=view.course.code,
            )


def _teachers(
    db: Session, courses: Collection[uuid.UUID], day: date
) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Return the accounts that teach these courses on a date, by course."""
    query = select(CourseTeacher).where(
        col(CourseTeacher.course_id).in_(courses),
        or_(col(CourseTeacher.from_date).is_(None), col(CourseTeacher.from_date) <= day),
        or_(col(CourseTeacher.until_date).is_(None), col(CourseTeacher.until_date) >= day),
    )
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    for row in db.exec(query):
        found.setdefault(row.course_id, set()).add(row.account_id)
    return found


def _substitutes(
    db: Session, lesson_ids: Collection[uuid.UUID | None]
) -> dict[uuid.UUID | None, set[uuid.UUID]]:
    """Return who teaches these lessons in place of the courses' teachers, by lesson."""
    query = select(LessonSubstitute).where(col(LessonSubstitute.lesson_id).in_(lesson_ids))
    return {row.lesson_id: {row.account_id} for row in db.exec(query)}
