"""Many courses changed at once, and many people of one course: the JSON API."""

import uuid

from server.db.dependencies import DBDep
from server.timetable import course_bulk, roster_bulk
from server.timetable.bulk_schemas import (
    BulkCourseEnd,
    BulkGroup,
    BulkRosterCreate,
    BulkRosterEnd,
    BulkTeacher,
)
from server.timetable.course_bulk import TeacherPlan
from server.timetable.course_end import CourseEnd, end_many_courses
from server.timetable.groups.api import change_by
from server.timetable.roster import RosterDates
from server.timetable.teachers import teacher_account
from server.web.access import OfficeDep
from server.web.many_schemas import ManyRead, many_read
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/courses", tags=["timetable"])


@router.post("/bulk/teacher")
def set_teacher_of_many(
    body: BulkTeacher, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> ManyRead:
    """Let a teacher teach several courses from a day on; says which were skipped, and why."""
    teacher_account(db, body.account_id)
    first = body.from_date or change_by(principal, settings).today
    plan = TeacherPlan(body.account_id, first, body.ends_others)
    return many_read(
        course_bulk.add_teacher_to_many(db, body.course_ids, plan, actor=principal.actor)
    )


@router.post("/bulk/group")
def add_group_to_many(
    body: BulkGroup, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> ManyRead:
    """Let several courses take their students from a class; says which were skipped, and why."""
    change = change_by(principal, settings)
    first = body.from_date or change.today
    return many_read(
        course_bulk.add_group_to_many(db, body.group_id, body.course_ids, first, change)
    )


@router.post("/bulk/end")
def end_many(
    body: BulkCourseEnd, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> ManyRead:
    """End several courses: last day of weekly lessons, classes, students and teachers.

    A course with a single lesson, a student or a teacher beginning later is skipped.
    """
    change = change_by(principal, settings)
    end = CourseEnd(body.until_date, settings.zone, change)
    return many_read(end_many_courses(db, body.course_ids, end))


@router.post("/{course_id}/roster/bulk")
def add_many_to_roster(
    course_id: uuid.UUID,
    body: BulkRosterCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> ManyRead:
    """Put several people on the roster; says who was skipped, and why."""
    first = body.from_date or change_by(principal, settings).today
    dates = RosterDates(first, body.until_date)
    return many_read(
        roster_bulk.add_many(db, course_id, body.person_ids, dates, actor=principal.actor)
    )


@router.post("/{course_id}/roster/bulk/end")
def end_many_of_roster(
    course_id: uuid.UUID,
    body: BulkRosterEnd,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> ManyRead:
    """Take several people off the roster, today's or a later one; says who was skipped."""
    change = change_by(principal, settings)
    return many_read(
        roster_bulk.end_many(
            db,
            course_id,
            body.person_ids,
            today=change.today,
            at=change.at,
            actor=principal.actor,
        )
    )
