"""End courses on a day: the last one of their weekly lessons, classes, students and teachers."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from server.db.many import ManyOutcome, change_each
from server.errors import ConflictError, InvalidError
from server.people.tables import Person
from server.timetable import roster
from server.timetable.groups import service as groups
from server.timetable.groups.service import GroupChange
from server.timetable.patterns.service import (
    PatternPlan,
    PlanOptions,
    change_pattern,
    delete_pattern,
)
from server.timetable.roster import RosterDates
from server.timetable.service import course_of, lock_courses, lock_timetable, lock_version
from server.timetable.tables import (
    CourseGroup,
    GroupMember,
    Lesson,
    LessonCancellation,
    LessonPattern,
    RosterEntry,
    Term,
)
from server.timetable.teachers import end_teacher, teachers_of

#: What a pattern is refused for that has no lesson to come until the last day.
_NONE_LEFT = ("no_dates", "order")
_PLANNED = tuple(PatternPlan.__dataclass_fields__)


@dataclass(frozen=True)
class CourseEnd:
    """The end of courses.

    Attributes:
        last_day: of each of them.
        zone: of the school.
        change: who ends them, and when.
    """

    last_day: date
    zone: ZoneInfo
    change: GroupChange


def end_many_courses(db: Session, courses: Collection[uuid.UUID], end: CourseEnd) -> ManyOutcome:
    """End courses: what goes on beyond the last day ends on it.

    A course is skipped where a single lesson is planned after that day, or a student or teacher
    begins after it: nobody says whether these were meant to be deleted.

    Raises:
        InvalidError: the day is before today.
    """
    if end.last_day < end.change.today:
        raise InvalidError("The last day is over.", problem="group_past")
    _lock(db, courses, end)
    return change_each(db, courses, lambda course_id: _end_course(db, course_id, end))


def _lock(db: Session, courses: Collection[uuid.UUID], end: CourseEnd) -> None:
    """Lock all that may change, in the order of everyone else: an entry of the trail follows."""
    lock_timetable(db)
    _lock_people(db, courses)
    lessons = select(Lesson.id).where(
        col(Lesson.course_id).in_(courses), col(Lesson.starts_at) > end.change.at
    )
    db.exec(lessons.order_by(col(Lesson.id)).with_for_update()).all()
    lock_version(db)


def _lock_people(db: Session, courses: Collection[uuid.UUID]) -> None:
    """Lock the people of the courses, and then the courses: nobody is added any more.

    Who was added in between is not locked, so the locks are given back and taken again.
    """
    listed = select(RosterEntry.person_id).where(col(RosterEntry.course_id).in_(courses))
    members = (
        select(GroupMember.person_id)
        .join(CourseGroup, col(CourseGroup.group_id) == col(GroupMember.group_id))
        .where(col(CourseGroup.course_id).in_(courses))
    )
    people = select(Person.id).where(or_(col(Person.id).in_(listed), col(Person.id).in_(members)))
    while True:
        savepoint = db.begin_nested()
        locked = set(db.exec(people.order_by(col(Person.id)).with_for_update()))
        lock_courses(db, courses, is_exclusive=True)
        if locked >= set(db.exec(people)):
            savepoint.commit()
            return
        savepoint.rollback()


def _end_course(db: Session, course_id: uuid.UUID, end: CourseEnd) -> None:
    course_of(db, course_id)
    changed = [
        _end_patterns(db, course_id, end),
        _end_classes(db, course_id, end),
        _end_students(db, course_id, end),
        _end_teachers(db, course_id, end),
    ]
    _refuse_later_lessons(db, course_id, end)
    if not any(changed):
        raise ConflictError("Nothing of this course goes on then.", problem="course_ended")


def _end_patterns(db: Session, course_id: uuid.UUID, end: CourseEnd) -> int:
    """End weekly lessons; those without a lesson to come until then are deleted."""
    query = select(LessonPattern, Term).join(Term, col(Term.id) == col(LessonPattern.term_id))
    found = db.exec(query.where(LessonPattern.course_id == course_id)).all()
    going_on = [row for row, term in found if (row.last_day or term.last_day) > end.last_day]
    options = PlanOptions(end.zone, end.change.at, allow_clashes=True)
    for row in sorted(going_on, key=lambda one: one.id):
        plan = PatternPlan(**{name: getattr(row, name) for name in _PLANNED})
        try:
            with db.begin_nested():
                shorter = replace(plan, last_day=end.last_day)
                change_pattern(db, row.id, shorter, options, actor=end.change.actor)
        except InvalidError as exc:
            if exc.details.get("problem") not in _NONE_LEFT:
                raise
            delete_pattern(db, row.id, zone=end.zone, at=end.change.at, actor=end.change.actor)
    return len(going_on)


def _end_classes(db: Session, course_id: uuid.UUID, end: CourseEnd) -> int:
    query = select(CourseGroup).where(
        CourseGroup.course_id == course_id,
        or_(col(CourseGroup.until_date).is_(None), col(CourseGroup.until_date) > end.last_day),
    )
    links = db.exec(query.order_by(col(CourseGroup.from_date).desc(), col(CourseGroup.id))).all()
    for link in links:
        groups.end_course(db, link.group_id, link.id, end.last_day, end.change)
    return len(links)


def _end_students(db: Session, course_id: uuid.UUID, end: CourseEnd) -> int:
    """End entries that were made one by one; those of classes have followed them by now."""
    query = select(RosterEntry).where(
        RosterEntry.course_id == course_id,
        or_(col(RosterEntry.until_date).is_(None), col(RosterEntry.until_date) > end.last_day),
    )
    entries = db.exec(query.order_by(col(RosterEntry.id))).all()
    if any(one.from_date is not None and one.from_date > end.last_day for one in entries):
        raise ConflictError("A student begins after that day.", problem="student_later")
    for one in entries:
        dates = RosterDates(one.from_date, end.last_day)
        roster.change_dates(db, course_id, one.id, dates, at=end.change.at, actor=end.change.actor)
    return len(entries)


def _end_teachers(db: Session, course_id: uuid.UUID, end: CourseEnd) -> int:
    rows = [
        one
        for one in teachers_of(db, course_id)
        if one.until_date is None or one.until_date > end.last_day
    ]
    if any(one.from_date is not None and one.from_date > end.last_day for one in rows):
        raise ConflictError("A teacher begins after that day.", problem="teacher_after")
    for one in rows:
        end_teacher(db, course_id, one.id, last_day=end.last_day, actor=end.change.actor)
    return len(rows)


def _refuse_later_lessons(db: Session, course_id: uuid.UUID, end: CourseEnd) -> None:
    """Refuse to leave lessons without students, but for those that are cancelled."""
    cancelled = select(LessonCancellation.lesson_id).where(
        col(LessonCancellation.restored_at).is_(None)
    )
    query = select(Lesson).where(
        Lesson.course_id == course_id,
        col(Lesson.starts_at) > end.change.at,
        col(Lesson.id).not_in(cancelled),
    )
    if any(one.day > end.last_day for one in db.exec(query)):
        raise ConflictError("A lesson is planned after that day.", problem="lessons_later")
