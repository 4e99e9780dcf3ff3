"""One person with their consent and enrolment, and statements about them."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.types import now
from server.enrollment import backfill, checks, resemblance, service
from server.enrollment.photo import school_date
from server.enrollment.places import places_context
from server.enrollment.problems import waiting_code, waiting_words
from server.enrollment.tables import EnrolmentStatus
from server.enrollment.words import reason_words
from server.errors import InvalidError
from server.guardians.service import guardian_names
from server.networks.service import networks_of
from server.people import service as people
from server.people.consent import ConsentState
from server.people.schemas import ConsentCreate, ConsentForm
from server.people.words import problem_words
from server.web.access import AdminDep, OfficeDep, require_role
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)
_PENDING = EnrolmentStatus.PENDING.value
Reader = Annotated[Principal, require_role(Role.OFFICE, Role.DPO)]


@router.get("/people/{person_id}")
def person_page(request: Request, person_id: uuid.UUID, principal: Reader, db: DBDep) -> Response:
    """Show one person, and record in the audit trail who viewed them."""
    today = school_date(get_settings(request))
    context = _person_context(request, db, person_id)
    context |= places_context(db, person_id, principal, today)
    service.note_view(db, person_id, actor=principal.actor)
    return render(request, "enrollment/person.html", context)


@router.get("/people/{person_id}/photos")
def photos_fragment(
    request: Request, person_id: uuid.UUID, principal: Reader, database: DatabaseDep
) -> Response:
    """How far the photos are: what the person page asks for while some are on their way.

    Only while some are does it leave no entry in the audit trail: the page left one.
    """
    with database.reading() as db:
        context = _person_context(request, db, person_id)
    if not context["is_working"]:
        with database.transaction() as db:
            service.note_view(db, person_id, actor=principal.actor)
    return render(request, "enrollment/photos.html", context)


@router.post("/people/{person_id}/enrolments/{enrolment_id}/remove")
def remove_photo(
    person_id: uuid.UUID, enrolment_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Erase one photo and its template."""
    service.remove_enrolment(db, person_id, enrolment_id, actor=principal.actor, at=now())
    return see_other(f"/people/{person_id}")


@router.post("/people/{person_id}/enrolments/{enrolment_id}/restore")
def restore_photo(
    person_id: uuid.UUID, enrolment_id: uuid.UUID, principal: AdminDep, db: DBDep
) -> Response:
    """Use a photo after all that was set aside for being unlike the others."""
    resemblance.restore(db, person_id, enrolment_id, actor=principal.actor, at=now())
    return see_other(f"/people/{person_id}")


@router.post("/people/{person_id}/resembles/{other_id}/dismiss")
def dismiss_duplicate(
    person_id: uuid.UUID, other_id: uuid.UUID, principal: AdminDep, db: DBDep
) -> Response:
    """Say that two people who look like one are two."""
    resemblance.dismiss(db, person_id, other_id, actor=principal.actor)
    return see_other(f"/people/{person_id}")


@router.get("/people/{person_id}/consents/new")
def consent_page(request: Request, person_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """The form on which consent or refusal is written down."""
    return _consent_form(request, db, person_id, ConsentForm(), {})


@router.post("/people/{person_id}/consents/new")
def record_consent(
    request: Request,
    person_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[ConsentForm, Form()],
) -> Response:
    """Write it down, or show the form again with what is wrong."""
    given = form.model_dump() | {"expires_on": form.expires_on or None}
    try:
        service.record_consent(
            db,
            person_id,
            ConsentCreate.model_validate(given),
            actor=principal.actor,
            at=now(),
            today=school_date(get_settings(request)),
        )
    except ValidationError as exc:
        problems = {str(e["loc"][0]): e["type"] for e in exc.errors(include_input=False)}
    except InvalidError:
        problems = {"expires_on": "expired"}
    else:
        return see_other(f"/people/{person_id}")
    return _consent_form(request, db, person_id, form, problems)


@router.get("/people/{person_id}/consents/{consent_id}/withdraw")
def withdraw_page(
    request: Request,
    person_id: uuid.UUID,
    consent_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
) -> Response:
    """Ask once more before everything is erased."""
    person = people.get_person(db, person_id)
    templates = len(service.templates_of(db, person_id))
    context = {"person": person, "consent_id": consent_id, "templates": templates}
    return render(request, "enrollment/withdraw.html", context)


@router.post("/people/{person_id}/consents/{consent_id}/withdraw")
def withdraw(
    request: Request,
    person_id: uuid.UUID,
    consent_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
) -> Response:
    """Take the consent back and erase."""
    service.withdraw_consent(
        db,
        person_id,
        consent_id,
        actor=principal.actor,
        at=now(),
        today=school_date(get_settings(request)),
    )
    return see_other(f"/people/{person_id}")


def _consent_form(
    request: Request,
    db: Session,
    person_id: uuid.UUID,
    form: ConsentForm,
    problems: dict[str, str],
) -> Response:
    context = {
        "person": people.get_person(db, person_id),
        "values": form,
        "guardian_names": guardian_names(db, person_id),
        "problem_words": problem_words(request_translator(request), problems),
    }
    status_code = 400 if problems else 200
    return render(request, "enrollment/consent.html", context, status_code=status_code)


def _person_context(request: Request, db: Session, person_id: uuid.UUID) -> dict[str, object]:
    settings = get_settings(request)
    t = request_translator(request)
    state = people.state_of(db, person_id, school_date(settings))
    enrolments = service.enrolments_of(db, person_id)
    templates = service.templates_of(db, person_id)
    is_comparing = checks.is_under_way(db, person_id)
    waiting = {
        row.id: waiting_words(request, code, t)
        for row in enrolments
        if (code := waiting_code(request, db, row)) is not None
    }
    return {
        "person": people.get_person(db, person_id),
        "state": state,
        "may_enrol": state is ConsentState.LIVE,
        "consents": people.consents_of(db, person_id),
        "enrolments": enrolments,
        "is_working": is_comparing or any(row.status == _PENDING for row in enrolments),
        "waiting": waiting,
        "is_comparing": is_comparing,
        "is_check_failing": checks.is_failing(db, person_id),
        "photos_in_use": service.photos_in_use(templates, networks_of(db).current),
        "models": sorted({template.model_id for template in templates}),
        "since": min((template.created_at for template in templates), default=None),
        "set_aside": service.photos_set_aside(templates),
        "is_adding": backfill.is_under_way(db, person_id),
        "needs_photo": bool(backfill.in_need_of_a_photo(db, [person_id])),
        "likenesses": resemblance.likenesses_of(db, person_id),
        "removable": service.REMOVABLE,
        "reason_words": lambda code: reason_words(t, code),
    }
