"""Students that the classes of a course do not decide about: the JSON API."""

import uuid

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.groups.api import change_by
from server.timetable.groups.exceptions import end_exception, exceptions_of
from server.timetable.groups.schemas import ClassExceptionRead
from server.timetable.local_time import local_date
from server.timetable.service import course_of
from server.web.access import OfficeDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/courses/{course_id}/class-exceptions", tags=["timetable"])


@router.get("")
def list_class_exceptions(
    course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep, settings: SettingsDep
) -> list[ClassExceptionRead]:
    """Students that a class of the course would list today or later, but does not, by name.

    Single dates were entered for them, or they were taken off the roster.
    """
    course_of(db, course_id)
    today = local_date(now(), settings.zone)
    return [
        ClassExceptionRead(person_id=one.person.id, group=one.group)
        for one in exceptions_of(db, today, course_id=course_id)
    ]


@router.delete("/{person_id}", status_code=204)
def end_class_exception(
    course_id: uuid.UUID,
    person_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> None:
    """Let the classes of the course decide about the student again, from today on."""
    end_exception(db, course_id, person_id, change_by(principal, settings))
