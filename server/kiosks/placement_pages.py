"""Pages of one kiosk: its name, its room, and what is no longer waited for."""

import uuid
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.kiosks import placements, service
from server.kiosks.forms import ClosureForm, KioskForm
from server.kiosks.pages import TechnicianDep
from server.kiosks.schemas import ClosureCreate, KioskMove, KioskUpdate
from server.timetable.local_time import BadLocalTimeError, midnight, parse_date
from server.timetable.service import rooms
from server.web.access import AdminDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)


@router.get("/kiosks/{kiosk_id}/rename")
def rename_page(request: Request, kiosk_id: uuid.UUID, _: TechnicianDep, db: ReadDBDep) -> Response:
    """The form with the kiosk's name."""
    form = KioskForm(name=service.kiosk_of(db, kiosk_id).name)
    return _page(request, db, kiosk_id, "rename", form=form)


@router.post("/kiosks/{kiosk_id}/rename")
def rename(
    request: Request,
    kiosk_id: uuid.UUID,
    principal: TechnicianDep,
    db: DBDep,
    form: Annotated[KioskForm, Form()],
) -> Response:
    """Give the kiosk another name."""
    service.kiosk_of(db, kiosk_id)
    try:
        name = KioskUpdate(name=form.name).name
        with db.begin_nested():
            service.rename_kiosk(db, kiosk_id, name, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _page(request, db, kiosk_id, "rename", form=form, exc=exc)
    return see_other(f"/kiosks/{kiosk_id}")


@router.get("/kiosks/{kiosk_id}/move")
def move_page(request: Request, kiosk_id: uuid.UUID, _: TechnicianDep, db: ReadDBDep) -> Response:
    """The form with the rooms."""
    form = KioskForm(room_id=str(service.kiosk_of(db, kiosk_id).room_id))
    return _page(request, db, kiosk_id, "move", form=form)


@router.post("/kiosks/{kiosk_id}/move")
def move(
    request: Request,
    kiosk_id: uuid.UUID,
    principal: TechnicianDep,
    db: DBDep,
    form: Annotated[KioskForm, Form()],
) -> Response:
    """Hang the kiosk in another room from now on; registers of the past stay as they are."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    try:
        body = KioskMove.model_validate({"room_id": form.room_id})
        with db.begin_nested():
            placements.move(db, kiosk, room_id=body.room_id, actor=principal.actor, at=now())
    except (ServerError, ValueError) as exc:
        return _page(request, db, kiosk_id, "move", form=form, exc=exc)
    return see_other(f"/kiosks/{kiosk_id}")


@router.get("/kiosks/{kiosk_id}/do-not-wait")
def closure_page(request: Request, kiosk_id: uuid.UUID, _: AdminDep, db: ReadDBDep) -> Response:
    """The form that asks from which date on, and why."""
    return _page(request, db, kiosk_id, "do_not_wait", form=ClosureForm())


@router.post("/kiosks/{kiosk_id}/do-not-wait")
def close_watermark(
    request: Request,
    kiosk_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[ClosureForm, Form()],
) -> Response:
    """Stop waiting for what the kiosk has not reported from a date until now."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    try:
        from_at = _beginning(form.from_date, settings.zone)
        reason = ClosureCreate(from_date=parse_date(form.from_date), reason=form.reason).reason
        with db.begin_nested():
            placements.close_watermark(
                db, kiosk, from_at=from_at, reason=reason, actor=principal.actor, at=now()
            )
    except (ServerError, ValueError) as exc:
        return _page(request, db, kiosk_id, "do_not_wait", form=form, exc=exc)
    return see_other(f"/kiosks/{kiosk_id}")


def _beginning(text: str, zone: ZoneInfo) -> datetime:
    try:
        return midnight(parse_date(text), zone)
    except OverflowError as exc:
        raise BadLocalTimeError("This date is out of range.", problem="date") from exc


def _page(
    request: Request,
    db: Session,
    kiosk_id: uuid.UUID,
    action: str,
    *,
    form: KioskForm | ClosureForm,
    exc: Exception | None = None,
) -> Response:
    invalid = "reason" if action == "do_not_wait" else "incomplete"
    context: dict[str, Any] = {
        "view": service.kiosk_view(db, kiosk_id),
        "rooms": [(str(room.id), room.name) for room in rooms(db)],
        "form": form,
        "problem": problem_text(request_translator(request), exc, invalid=invalid),
    }
    return render(request, f"kiosks/{action}.html", context, status_code=400 if exc else 200)
