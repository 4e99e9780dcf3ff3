"""Give many courses a teacher or a class from a day on: each of them, or a reason why not."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from server.db.many import ManyOutcome, change_each
from server.errors import InvalidError
from server.timetable.groups import service as groups
from server.timetable.groups.service import GroupChange
from server.timetable.service import lock_courses, lock_timetable
from server.timetable.teachers import add_teacher, end_teacher, teachers_of


@dataclass(frozen=True)
class TeacherPlan:
    """A teacher for courses.

    Attributes:
        account_id: of the teacher.
        from_date: the first day.
        ends_others: whether the other teachers' last day is the day before.
    """

    account_id: uuid.UUID
    from_date: date
    ends_others: bool


def add_teacher_to_many(
    db: Session, courses: Collection[uuid.UUID], plan: TeacherPlan, *, actor: str
) -> ManyOutcome:
    """Let an account teach courses from a day on; see `teachers.add_teacher`."""
    lock_timetable(db)
    lock_courses(db, courses, is_exclusive=True)

    def add(course_id: uuid.UUID) -> None:
        add_teacher(
            db, course_id, account_id=plan.account_id, from_date=plan.from_date, actor=actor
        )
        if plan.ends_others:
            _end_others(db, course_id, plan, actor)

    return change_each(db, courses, add)


def add_group_to_many(
    db: Session,
    group_id: uuid.UUID,
    courses: Collection[uuid.UUID],
    from_date: date,
    change: GroupChange,
) -> ManyOutcome:
    """Let courses take their students from a group from a day on; see `groups.add_course`.

    Raises:
        NotFoundError: there is no such group.
    """
    lock_timetable(db)
    groups.group_of(db, group_id)
    groups.lock_members(db, group_id)
    lock_courses(db, courses)

    def add(course_id: uuid.UUID) -> None:
        groups.add_course(db, group_id, course_id, from_date, change)

    return change_each(db, courses, add)


def _end_others(db: Session, course_id: uuid.UUID, plan: TeacherPlan, actor: str) -> None:
    """Make the day before the last one of those who teach on the first day.

    Raises:
        InvalidError: another teacher begins on that day or later.
    """
    last_day = plan.from_date - timedelta(days=1)
    for row in teachers_of(db, course_id):
        is_over = row.until_date is not None and row.until_date <= last_day
        if is_over or row.account_id == plan.account_id:
            continue
        if row.from_date is not None and row.from_date > last_day:
            raise InvalidError("Another teacher begins later.", problem="teacher_later")
        end_teacher(db, course_id, row.id, last_day=last_day, actor=actor)
