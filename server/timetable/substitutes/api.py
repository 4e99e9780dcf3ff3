"""Substitutes of lessons: the JSON API."""

import uuid

from server.db.dependencies import DBDep, ReadDBDep
from server.timetable.service import lesson_view
from server.timetable.substitutes import service
from server.timetable.substitutes.schemas import SubstituteRead, SubstituteUpdate
from server.web.access import OfficeDep
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/lessons/{lesson_id}/substitute", tags=["lessons"])


@router.get("")
def read_substitute(lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> SubstituteRead:
    """Who teaches the lesson in place of the course's teachers."""
    lesson_view(db, lesson_id)
    return SubstituteRead(account_id=service.substitute_of(db, lesson_id))


@router.put("")
def set_substitute(
    lesson_id: uuid.UUID, body: SubstituteUpdate, principal: OfficeDep, db: DBDep
) -> SubstituteRead:
    """Let a teacher see and take the register of this lesson alone.

    409 `double_booking` asks; repeat with `allow_double` if it is meant.
    """
    row = service.set_substitute(
        db, lesson_id, body.account_id, actor=principal.actor, allow_double=body.allow_double
    )
    return SubstituteRead(account_id=row.account_id)


@router.delete("", status_code=204)
def remove_substitute(lesson_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> None:
    """Give the lesson back to the course's teachers."""
    service.remove_substitute(db, lesson_id, actor=principal.actor)
