"""Erase a person by the JSON API."""

import uuid
from typing import Annotated

from server.attendance.erasure import erase_person
from server.attendance.schemas import ErasedPersonRead, PersonErase
from server.db.dependencies import DBDep
from server.db.types import now
from server.enrollment.photo import school_date
from server.web.access import require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/people", tags=["people"])
#: Admins too: they may do everything.
EraserDep = Annotated[Principal, require_role(Role.DPO)]


@router.post("/{person_id}/erase")
def erase(
    person_id: uuid.UUID,
    body: PersonErase,
    principal: EraserDep,
    db: DBDep,
    settings: SettingsDep,
) -> ErasedPersonRead:
    """Erase a person for good; registers keep the line. The reason must not name the person."""
    at = now()
    person = erase_person(
        db,
        person_id,
        reason=body.reason,
        actor=principal.actor,
        at=at,
        today=school_date(settings),
    )
    return ErasedPersonRead(id=person.id, student_number=person.student_number, erased_at=at)
