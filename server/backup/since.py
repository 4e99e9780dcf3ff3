"""What was taken back after a backup was made, and must not come back with it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session, col, select

from server.attendance.erasure import erase_person
from server.audit.service import SYSTEM
from server.audit.tables import AuditEntry
from server.backup.records import Manifest
from server.enrollment import service as enrollment
from server.errors import ConflictError, InvalidError
from server.kiosks.claiming import revoke
from server.kiosks.tables import Kiosk, KioskState
from server.people.schemas import ConsentCreate
from server.people.tables import Consent, ConsentDecision, ConsentRole, Person

PERSON_ERASED, BIOMETRICS_ERASED, MODEL_ERASED = "person.erase", "biometrics.erase", "model.erase"
_NO_REASON = "erased before the restore"
WITHDRAWN, REVOKED = "consent.withdraw", "kiosk.revoke"
_ACTIONS = (PERSON_ERASED, BIOMETRICS_ERASED, MODEL_ERASED, WITHDRAWN, REVOKED)


@dataclass(frozen=True)
class Since:
    """What the database that a backup replaces took back after it.

    Attributes:
        erased: people whose names were erased, and the reason that was given.
        without_biometrics: people whose photos and templates were erased.
        withdrawn: person and statement of each consent that was withdrawn.
        refused: statements that refused.
        revoked: kiosks.
        models: recognition models whose templates were deleted.
    """

    erased: Mapping[uuid.UUID, str] = field(default_factory=dict)
    without_biometrics: Sequence[uuid.UUID] = ()
    withdrawn: Sequence[tuple[uuid.UUID, uuid.UUID]] = ()
    refused: Sequence[Consent] = ()
    revoked: Sequence[uuid.UUID] = ()
    models: Sequence[str] = ()


@dataclass(frozen=True)
class Repeated:
    """What was taken back again in the restored database: how many of each."""

    kiosks: int
    statements: int
    people: int
    erased: int


def taken_back_since(connection: Connection, manifest: Manifest) -> Since:
    """Read in the present database what was taken back after a backup."""
    made_at = datetime.fromisoformat(manifest.made_at)
    query = select(AuditEntry).where(
        col(AuditEntry.action).in_(_ACTIONS), col(AuditEntry.at) >= made_at
    )
    with Session(connection, expire_on_commit=False) as db:
        found: dict[str, list[AuditEntry]] = {action: [] for action in _ACTIONS}
        for entry in db.exec(query.order_by(col(AuditEntry.seq))):
            found[entry.action].append(entry)
        refused = select(Consent).where(
            col(Consent.decision) == ConsentDecision.REFUSED.value,
            col(Consent.decided_at) >= made_at,
        )
        return Since(
            erased={_id_of(one): _reason_of(one) for one in found[PERSON_ERASED]},
            without_biometrics=_ids_of(found[BIOMETRICS_ERASED]),
            withdrawn=[
                (_id_of(one), uuid.UUID(str(one.details["consent"]))) for one in found[WITHDRAWN]
            ],
            refused=db.exec(refused.order_by(col(Consent.decided_at))).all(),
            revoked=_ids_of(found[REVOKED]),
            models=sorted({str(one.details["model"]) for one in found[MODEL_ERASED]}),
        )


def _ids_of(entries: Sequence[AuditEntry]) -> list[uuid.UUID]:
    return [_id_of(one) for one in entries]


def _id_of(entry: AuditEntry) -> uuid.UUID:
    return uuid.UUID(entry.subject.partition(":")[2])


def _reason_of(entry: AuditEntry) -> str:
    return str(entry.details.get("reason", _NO_REASON))


def repeat(db: Session, since: Since, *, at: datetime, today: date) -> Repeated:
    """Take back in a restored database what was taken back after its backup.

    Kiosks and people that the backup lacks are left out.
    """
    kiosks = sum(_revoke(db, kiosk_id, at) for kiosk_id in since.revoked)
    statements = sum(_withdraw(db, *one, at=at, today=today) for one in since.withdrawn)
    refused = [one for one in since.refused if one.person_id not in since.erased]
    statements += sum(_refuse(db, one, at=at, today=today) for one in refused)
    people = [
        one
        for one in since.without_biometrics
        if one not in since.erased and db.get(Person, one) is not None
    ]
    for person_id in people:
        enrollment.erase_biometrics(db, person_id, actor=SYSTEM, at=at)
    db.flush()
    erased = sum(_erase(db, *one, at=at, today=today) for one in since.erased.items())
    return Repeated(kiosks, statements, len(people), erased)


def _erase(db: Session, person_id: uuid.UUID, reason: str, *, at: datetime, today: date) -> bool:
    person = db.get(Person, person_id)
    if person is None or person.erased_at is not None:
        return False
    when: dict[str, Any] = {"actor": SYSTEM, "at": at, "today": today}
    try:
        erase_person(db, person_id, reason=reason, **when)
    except InvalidError:  # the name of the backup stands in the reason
        erase_person(db, person_id, reason=_NO_REASON, **when)
    db.flush()
    return True


def _revoke(db: Session, kiosk_id: uuid.UUID, at: datetime) -> bool:
    kiosk = db.get(Kiosk, kiosk_id)
    if kiosk is None or kiosk.state == KioskState.REVOKED:
        return False
    revoke(db, kiosk, actor=SYSTEM, at=at)
    return True


def _withdraw(
    db: Session, person_id: uuid.UUID, consent_id: uuid.UUID, *, at: datetime, today: date
) -> bool:
    consent = db.get(Consent, consent_id)
    if consent is None or consent.person_id != person_id or consent.withdrawn_at is not None:
        return False
    enrollment.withdraw_consent(db, person_id, consent_id, actor=SYSTEM, at=at, today=today)
    return True


def _refuse(db: Session, said: Consent, *, at: datetime, today: date) -> bool:
    if said.withdrawn_at is not None or db.get(Person, said.person_id) is None:
        return False
    new = ConsentCreate(
        given_by=said.given_by,
        role=ConsentRole(said.role),
        text_version=said.text_version,
        decision=ConsentDecision.REFUSED,
        expires_on=said.expires_on,
    )
    try:
        enrollment.record_consent(db, said.person_id, new, actor=SYSTEM, at=at, today=today)
    except (ConflictError, InvalidError):  # erased, or the refusal has ended
        return False
    return True
