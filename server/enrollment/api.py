"""Consents and enrolments: the JSON API."""

import uuid
from typing import Annotated

from fastapi import File, Request, UploadFile
from sqlmodel import Session

from server.db.dependencies import DBDep
from server.db.types import now
from server.enrollment import service
from server.enrollment.photo import read_photo, school_date
from server.enrollment.problems import waiting_code, waiting_words
from server.enrollment.schemas import EnrolmentRead
from server.enrollment.tables import Enrolment, EnrolmentStatus
from server.people import service as people
from server.people.consent import ConsentState
from server.people.schemas import ConsentCreate, ConsentRead
from server.people.tables import Consent, ConsentDecision, ConsentRole
from server.web.access import OfficeDep, require_role
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import SettingsDep, VaultDep, get_settings

router = GuardedRouter(prefix="/api/v1", tags=["enrolment"])
PhotoFile = Annotated[UploadFile, File(description="JPEG, PNG, WebP or HEIC")]


@router.post("/people/{person_id}/consents", status_code=201)
def record_consent(
    person_id: uuid.UUID,
    body: ConsentCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> ConsentRead:
    """Write down that consent was given or refused. A refusal erases photos and templates."""
    today = school_date(settings)
    consent = service.record_consent(
        db, person_id, body, actor=principal.actor, at=now(), today=today
    )
    return _read_consent(consent, people.state_of(db, person_id, today))


@router.get("/people/{person_id}/consents")
def list_consents(
    person_id: uuid.UUID,
    principal: Annotated[Principal, require_role(Role.OFFICE, Role.DPO)],
    db: DBDep,
    settings: SettingsDep,
) -> list[ConsentRead]:
    """Everything that was said about a person, newest first; the audit trail names the reader."""
    people.view_person(db, person_id, actor=principal.actor)
    state = people.state_of(db, person_id, school_date(settings))
    return [_read_consent(row, state) for row in people.consents_of(db, person_id)]


@router.post("/people/{person_id}/consents/{consent_id}/withdraw")
def withdraw_consent(
    person_id: uuid.UUID,
    consent_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> ConsentRead:
    """Take a consent back. Photos, templates and unfinished work are erased at once."""
    today = school_date(settings)
    consent = service.withdraw_consent(
        db, person_id, consent_id, actor=principal.actor, at=now(), today=today
    )
    return _read_consent(consent, people.state_of(db, person_id, today))


@router.post("/people/{person_id}/enrolments", status_code=202, dependencies=[PHOTO_BODY])
def start_enrolment(
    person_id: uuid.UUID,
    photo: PhotoFile,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
    request: Request,
) -> EnrolmentRead:
    """Take a photo in. The answer comes at once; ask for the enrolment until it is finished."""
    settings = get_settings(request)
    content = read_photo(photo.file, settings)
    enrolment = service.start_enrolment(
        db,
        vault,
        person_id=person_id,
        photo=content,
        actor=principal.actor,
        today=school_date(settings),
    )
    return _read_enrolment(request, db, enrolment)


@router.delete("/people/{person_id}/enrolments/{enrolment_id}", status_code=204)
def remove_enrolment(
    person_id: uuid.UUID, enrolment_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> None:
    """Erase one photo and its template, here and on kiosks; the consent stays."""
    service.remove_enrolment(db, person_id, enrolment_id, actor=principal.actor, at=now())


@router.get("/enrolments/{enrolment_id}")
def get_enrolment(
    enrolment_id: uuid.UUID, principal: OfficeDep, db: DBDep, request: Request
) -> EnrolmentRead:
    """How far an enrolment has come; the audit trail names who read the result."""
    row = service.view_enrolment(db, enrolment_id, actor=principal.actor)
    return _read_enrolment(request, db, row)


def _read_enrolment(request: Request, db: Session, row: Enrolment) -> EnrolmentRead:
    reason = row.reason or waiting_code(request, db, row)
    t = request_translator(request)
    return EnrolmentRead(
        id=row.id,
        person_id=row.person_id,
        status=EnrolmentStatus(row.status),
        reason=reason,
        message=waiting_words(request, reason, t) if reason else None,
        advice=row.advice,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _read_consent(row: Consent, state: ConsentState) -> ConsentRead:
    return ConsentRead(
        id=row.id,
        given_by=row.given_by,
        role=ConsentRole(row.role),
        text_version=row.text_version,
        decision=ConsentDecision(row.decision),
        decided_at=row.decided_at,
        expires_on=row.expires_on,
        withdrawn_at=row.withdrawn_at,
        state=state,
    )
