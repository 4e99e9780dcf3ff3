"""Pages of the kiosks: the list, adding one, its claim code, its state, revoking it."""

import uuid
from typing import Annotated

from fastapi import Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.names import actor_names
from server.certificates.links import NetworkLink
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.kiosks import claiming, lost_spans, placements, service
from server.kiosks.claim_words import claim_offer, words_to_compare
from server.kiosks.clock_words import clock_line
from server.kiosks.forms import KioskForm
from server.kiosks.health import HEALTH_WORDS, health_of
from server.kiosks.networks import uses_another
from server.kiosks.parts import part_lines
from server.kiosks.runs import missing_numbers
from server.kiosks.schemas import KioskCreate
from server.kiosks.stranger_words import stranger_words
from server.kiosks.tables import Kiosk
from server.networks.service import networks_of, weak_network_note
from server.timetable.service import rooms
from server.web.access import require_role
from server.web.filters import Chosen, Filter, FilterBar
from server.web.links import plain_sentences
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import CountUndecidedDep, get_services

router = GuardedRouter(include_in_schema=False)
TechnicianDep = Annotated[Principal, require_role(Role.TECHNICIAN)]
_LOST_SPANS = 50
ViewerDep = Annotated[Principal, require_role(Role.TECHNICIAN, Role.OFFICE, Role.DPO)]


@router.get("/kiosks")
def kiosks_page(
    request: Request,
    _: ViewerDep,
    db: ReadDBDep,
    room: Chosen[uuid.UUID] = None,
    state: Annotated[str, Query(pattern=f"^({'|'.join(HEALTH_WORDS)})?$")] = "",
) -> Response:
    """The kiosks and how each is; all of them, or those of a room or in a state."""
    t, at, known = request_translator(request), now(), rooms(db)
    every = [(view, health_of(view, at)) for view in service.kiosk_views(db)]
    states = [(word, t(f"kiosks.health.{word}")) for word in HEALTH_WORDS]
    named = [(str(one.id), one.name) for one in known]
    context = {
        "rows": [
            (view, health)
            for view, health in every
            if room in (None, view.room.id) and state in ("", health.word)
        ],
        "bar": FilterBar(
            "/kiosks",
            (
                Filter("room", t("timetable.room"), named, str(room or "")),
                Filter("state", t("kiosks.state"), states, state),
            ),
        ),
        "has_rooms": bool(known),
        "strangers": stranger_words(request, t),
    }
    return render(request, "kiosks/list.html", context)


@router.get("/kiosks/new")
def new_kiosk_page(
    request: Request,
    _: TechnicianDep,
    db: ReadDBDep,
    room: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The form for a kiosk."""
    return _form(request, db, KioskForm(room_id=room))


@router.post("/kiosks/new")
def create_kiosk(
    request: Request,
    principal: TechnicianDep,
    db: DBDep,
    form: Annotated[KioskForm, Form()],
) -> Response:
    """Add the kiosk and show its claim code, this one time."""
    try:
        body = KioskCreate.model_validate(form.model_dump())
        kiosk = service.create_kiosk(
            db, name=body.name, room_id=body.room_id, actor=principal.actor
        )
    except (ServerError, ValueError) as exc:
        return _form(request, db, form, problem_text(request_translator(request), exc))
    return _code(request, db, kiosk, principal)


@router.get("/kiosks/{kiosk_id}")
def kiosk_page(
    request: Request,
    kiosk_id: uuid.UUID,
    _: ViewerDep,
    db: ReadDBDep,
    count_undecided: CountUndecidedDep,
    lost_page: PageNumber = 1,
) -> Response:
    """One kiosk: health, progress, actions."""
    links, t = get_services(request).links, request_translator(request)
    view = service.kiosk_view(db, kiosk_id)
    closures = placements.closures_of(db, [kiosk_id])
    lost = read_page(
        lambda limit, offset: lost_spans.spans_of(db, kiosk_id, limit=limit, offset=offset),
        lost_page,
        _LOST_SPANS,
    )
    health = health_of(view, now())
    # After a restore its device may be the one that is unknown now.
    may_be_unknown = health.word == "silent"
    context = {
        "view": view,
        "health": health,
        "strangers": may_be_unknown and stranger_words(request, t),
        "weak": weak_network_note(db),
        "is_other_network": uses_another(view.kiosk, networks_of(db).current),
        "parts": part_lines(view.kiosk.status),
        "clock": clock_line(view.kiosk.status),
        "undecided": count_undecided(db, kiosk_id=kiosk_id),
        "trust_words": words_to_compare(links),
        "plain": list(plain_sentences(links, t, NetworkLink.SERVER, NetworkLink.BROKER)),
        "hung": placements.placements_of(db, kiosk_id),
        "closures": closures,
        "lost": lost.rows,
        "lost_pager": lost,
        "missing": missing_numbers(db, view.progress),
        "room_names": {room.id: room.name for room in rooms(db)},
        "names": actor_names(
            db, {*(one.closed_by for one in closures), *(one.closed_by for one in lost.rows)}
        ),
    }
    return render(request, "kiosks/kiosk.html", context)


@router.post("/kiosks/{kiosk_id}/code")
def new_code(
    request: Request, kiosk_id: uuid.UUID, principal: TechnicianDep, db: DBDep
) -> Response:
    """Make a new claim code and show it, this one time."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    return _code(request, db, kiosk, principal)


@router.get("/kiosks/{kiosk_id}/revoke")
def revoke_page(request: Request, kiosk_id: uuid.UUID, _: TechnicianDep, db: ReadDBDep) -> Response:
    """Ask before revoking."""
    return render(request, "kiosks/revoke.html", {"view": service.kiosk_view(db, kiosk_id)})


@router.post("/kiosks/{kiosk_id}/revoke")
def revoke(kiosk_id: uuid.UUID, principal: TechnicianDep, db: DBDep) -> Response:
    """Take the kiosk's credentials away."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    claiming.revoke(db, kiosk, actor=principal.actor, at=now())
    return see_other(f"/kiosks/{kiosk_id}")


def _form(request: Request, db: Session, form: KioskForm, problem: str = "") -> Response:
    choices = [(str(room.id), room.name) for room in rooms(db)]
    context = {"form": form, "rooms": choices, "problem": problem}
    return render(request, "kiosks/new.html", context, status_code=400 if problem else 200)


def _code(request: Request, db: Session, kiosk: Kiosk, principal: Principal) -> Response:
    code, expires_at = claiming.issue_code(db, kiosk, actor=principal.actor, at=now())
    context = {
        "kiosk": kiosk,
        "code": code,
        "expires_at": expires_at,
        "offer": claim_offer(request, get_services(request).links, code),
    }
    return render(request, "kiosks/code.html", context, status_code=201)
