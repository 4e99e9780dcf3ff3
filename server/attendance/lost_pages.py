"""Pages on which an admin decides about events that a kiosk lost or that never arrived."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.attendance import lost_decisions
from server.attendance.forms import MissingForm, ReasonForm
from server.attendance.schemas import LostSpanClose, MissingEventsClose
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import NotFoundError, ServerError
from server.kiosks import lost_spans, service
from server.kiosks.lost_spans import Closing
from server.kiosks.runs import Run
from server.web.access import AdminDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter

router = GuardedRouter(include_in_schema=False)


@router.get("/kiosks/{kiosk_id}/lost/{span_id}")
def lost_page(
    request: Request, kiosk_id: uuid.UUID, span_id: uuid.UUID, _: AdminDep, db: ReadDBDep
) -> Response:
    """Ask why nobody waits for these lost events any more."""
    return _lost_page(request, db, kiosk_id, span_id, ReasonForm())


@router.post("/kiosks/{kiosk_id}/lost/{span_id}")
def close_lost(
    request: Request,
    kiosk_id: uuid.UUID,
    span_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    form: Annotated[ReasonForm, Form()],
) -> Response:
    """Close the lost events."""
    try:
        reason = LostSpanClose(reason=form.reason).reason
        with db.begin_nested():
            decision = Closing(reason, principal.actor)
            lost_decisions.close_span(db, kiosk_id, span_id, decision, now())
    except (ServerError, ValidationError) as exc:
        return _lost_page(request, db, kiosk_id, span_id, form, exc)
    return see_other(f"/kiosks/{kiosk_id}#lost")


@router.get("/kiosks/{kiosk_id}/missing")
def missing_page(request: Request, kiosk_id: uuid.UUID, _: AdminDep, db: ReadDBDep) -> Response:
    """Ask why nobody waits for the missing numbers any more."""
    return _missing_page(request, db, kiosk_id, MissingForm())


@router.post("/kiosks/{kiosk_id}/missing")
def close_missing(
    request: Request,
    kiosk_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    form: Annotated[MissingForm, Form()],
) -> Response:
    """Close the numbers that the page showed; one that is missed since then stays open."""
    try:
        body = MissingEventsClose.model_validate(form.model_dump())
        with db.begin_nested():
            decision = Closing(body.reason, principal.actor)
            span = Run(body.first, body.last)
            lost_decisions.close_missing(db, kiosk_id, span, decision, now())
    except (ServerError, ValidationError) as exc:
        return _missing_page(request, db, kiosk_id, form, exc)
    return see_other(f"/kiosks/{kiosk_id}#lost")


def _lost_page(
    request: Request,
    db: Session,
    kiosk_id: uuid.UUID,
    span_id: uuid.UUID,
    form: ReasonForm,
    exc: Exception | None = None,
) -> Response:
    span = lost_spans.span_of(db, kiosk_id, span_id)
    return _page(request, db, kiosk_id, {"span": span, "missing": None, "form": form}, exc)


def _missing_page(
    request: Request,
    db: Session,
    kiosk_id: uuid.UUID,
    form: MissingForm,
    exc: Exception | None = None,
) -> Response:
    missing = lost_decisions.missing_events(db, kiosk_id)
    if missing is None:
        raise NotFoundError("No events are missing.", problem="none_missing")
    return _page(request, db, kiosk_id, {"span": None, "missing": missing, "form": form}, exc)


def _page(
    request: Request,
    db: Session,
    kiosk_id: uuid.UUID,
    about: dict[str, Any],
    exc: Exception | None,
) -> Response:
    problem = problem_text(request_translator(request), exc, invalid="reason")
    context = about | {"view": service.kiosk_view(db, kiosk_id), "problem": problem}
    status_code = 400 if exc else 200
    return render(request, "attendance/lost.html", context, status_code=status_code)
