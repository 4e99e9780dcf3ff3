"""The quarantine page: events that did not enter the record, and the decision about each."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.names import actor_names
from server.attendance import quarantine_decisions as decisions
from server.attendance import quarantine_listing as listing
from server.attendance.forms import QuarantineForm
from server.attendance.quarantine_access import FilterDep, ReaderDep, may_see_people
from server.attendance.quarantine_decisions import Decision
from server.attendance.tables import QuarantineDecision
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import InvalidError, ServerError
from server.timetable.schemas import Reason
from server.web.access import AdminDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal
from server.web.problems import problem_text
from server.web.routes import GuardedRouter

router = GuardedRouter(include_in_schema=False)

_CHOICES = {
    QuarantineDecision.ACCEPTED.value: decisions.accept,
    QuarantineDecision.DISCARDED.value: decisions.discard,
}
_REASON: TypeAdapter[str] = TypeAdapter(Reason)


@router.get("/quarantine")
def quarantine_page(
    request: Request,
    principal: ReaderDep,
    db: ReadDBDep,
    wanted: FilterDep,
    page: PageNumber = 1,
) -> Response:
    """List what waits, or what was decided."""

    def read(limit: int, offset: int) -> tuple[list[listing.QuarantineItem], int]:
        sees_people = may_see_people(principal)
        return listing.list_quarantine(
            db, wanted, with_people=sees_people, limit=limit, offset=offset
        )

    items = read_page(read, page, listing.PAGE)
    context = {
        "items": items.rows,
        "pager": items,
        "wanted": wanted,
        "groups": listing.undecided_groups(db),
        "full": listing.full_kiosks(db, wanted.kiosk_id),
        "discard_only": decisions.DISCARD_ONLY,
        "names": actor_names(db, {item.row.decided_by for item in items.rows}),
        "sees_people": may_see_people(principal),
    }
    return render(request, "attendance/quarantine.html", context)


@router.get("/quarantine/accept")
def accept_all_page(
    request: Request,
    _: AdminDep,
    db: ReadDBDep,
    kiosk: uuid.UUID,
    cause: Annotated[str, Query(max_length=48)],
) -> Response:
    """Ask before accepting everything of one kiosk and one reason."""
    return _accept_all_page(request, db, kiosk, cause)


@router.post("/quarantine/accept")
def accept_all(
    request: Request,
    principal: AdminDep,
    db: DBDep,
    kiosk: uuid.UUID,
    cause: Annotated[str, Query(max_length=48)],
    form: Annotated[QuarantineForm, Form()],
) -> Response:
    """Accept everything of one kiosk and one reason that can be."""
    try:
        decision = _decision(principal, form)
        decisions.accept_all(db, kiosk, cause, decision)
    except (ServerError, ValidationError) as exc:
        return _accept_all_page(request, db, kiosk, cause, form=form, exc=exc)
    return see_other("/quarantine")


@router.get("/quarantine/{row_id}")
def quarantined_page(
    request: Request, row_id: uuid.UUID, principal: ReaderDep, db: ReadDBDep
) -> Response:
    """Show one event, and the form to decide."""
    return _row_page(request, db, row_id, principal)


@router.post("/quarantine/{row_id}")
def decide(
    request: Request,
    row_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    form: Annotated[QuarantineForm, Form()],
) -> Response:
    """Accept or discard one event."""
    try:
        if form.decision not in _CHOICES:
            raise InvalidError("Choose to accept or to discard.", problem="incomplete")
        decision = _decision(principal, form)
        with db.begin_nested():
            _CHOICES[form.decision](db, row_id, decision)
    except (ServerError, ValidationError) as exc:
        return _row_page(request, db, row_id, principal, form=form, exc=exc)
    return see_other("/quarantine")


def _decision(principal: Principal, form: QuarantineForm) -> Decision:
    return Decision(principal.actor, _REASON.validate_python(form.reason), now())


def _row_page(
    request: Request,
    db: Session,
    row_id: uuid.UUID,
    principal: Principal,
    *,
    form: QuarantineForm | None = None,
    exc: Exception | None = None,
) -> Response:
    item = listing.quarantined(db, row_id, with_people=may_see_people(principal))
    context: dict[str, Any] = {
        "item": item,
        "form": form or QuarantineForm(),
        "names": actor_names(db, {item.row.decided_by}),
        "sees_people": may_see_people(principal),
        "problem": problem_text(request_translator(request), exc, invalid="reason"),
    }
    status = 400 if exc else 200
    return render(request, "attendance/quarantined.html", context, status_code=status)


def _accept_all_page(
    request: Request,
    db: Session,
    kiosk_id: uuid.UUID,
    cause: str,
    *,
    form: QuarantineForm | None = None,
    exc: Exception | None = None,
) -> Response:
    context = {
        "kiosk_id": kiosk_id,
        "kiosk": decisions.kiosk_named(db, str(kiosk_id)),
        "cause": cause,
        "most": decisions.MOST_AT_ONCE,
        "form": form or QuarantineForm(),
        "problem": problem_text(request_translator(request), exc, invalid="reason"),
    }
    status = 400 if exc else 200
    return render(request, "attendance/quarantine_accept.html", context, status_code=status)
