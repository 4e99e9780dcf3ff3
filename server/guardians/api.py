"""Guardians of a person: the JSON API, for office and administrators."""

import uuid

from server.db.dependencies import DBDep
from server.guardians import service
from server.guardians.schemas import GuardianCreate, GuardianRead, GuardianUpdate
from server.web.access import OfficeDep
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/people/{person_id}/guardians", tags=["people"])


@router.get("")
def list_guardians(person_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> list[GuardianRead]:
    """Guardians of a person with phone and e-mail; the audit trail names the reader."""
    found = service.view_guardians(db, person_id, actor=principal.actor)
    return [GuardianRead.of(row) for row in found]


@router.post("", status_code=201)
def add_guardian(
    person_id: uuid.UUID, body: GuardianCreate, principal: OfficeDep, db: DBDep
) -> GuardianRead:
    """Add a guardian."""
    return GuardianRead.of(service.add_guardian(db, person_id, body, actor=principal.actor))


@router.patch("/{guardian_id}")
def change_guardian(
    person_id: uuid.UUID,
    guardian_id: uuid.UUID,
    body: GuardianUpdate,
    principal: OfficeDep,
    db: DBDep,
) -> GuardianRead:
    """Change what the body names; an empty phone or e-mail removes it."""
    row = service.change_guardian(db, person_id, guardian_id, body.changes(), actor=principal.actor)
    return GuardianRead.of(row)


@router.delete("/{guardian_id}", status_code=204)
def remove_guardian(
    person_id: uuid.UUID, guardian_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> None:
    """Delete a guardian. Consents and absences keep the name that was written there."""
    service.remove_guardian(db, person_id, guardian_id, actor=principal.actor)
