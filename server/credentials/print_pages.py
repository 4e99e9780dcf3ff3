"""Printing: cards and PIN letters of one or many people, and the PINs still to hand out."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.checkin import CardKind
from server.credentials import service
from server.credentials.fonts import require_fonts
from server.credentials.forms import MOST_PRINTED, PrintForm
from server.credentials.handing_out import people_to_hand_out, staff_to_hand_out
from server.credentials.holders import (
    HolderPath,
    NamedHolder,
    holder_for,
    people_in_course,
    people_of,
    staff_of,
)
from server.credentials.new_pins import NewPins, make_ahead
from server.credentials.printing import PinLetter, PrintedCard, card_sheets, pin_letters
from server.credentials.renewal import renew_if_held
from server.db.dependencies import DatabaseDep, ReadDBDep
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.errors import InvalidError
from server.timetable.local_time import local_date
from server.timetable.service import course_of, courses
from server.web.access import OfficeDep
from server.web.dates import isolated
from server.web.pages import render, request_translator
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep

router = GuardedRouter(prefix="/credentials", include_in_schema=False)
_ONE = "/{kind}/{holder_id}"


@router.get("/print")
def print_page(
    request: Request,
    principal: OfficeDep,
    db: ReadDBDep,
    vault: VaultDep,
    settings: SettingsDep,
    course_id: Annotated[uuid.UUID | None, Query()] = None,
) -> Response:
    """List people to choose for a print: whose PIN waits to be handed out, or a whole course."""
    if course_id is None:
        people = people_of(db, people_to_hand_out(db, limit=MOST_PRINTED + 1))
    else:
        course_of(db, course_id)
        people = people_in_course(db, course_id, on=local_date(now(), settings.zone))
    shown = people[:MOST_PRINTED]
    context = {
        "staff": staff_of(db, principal, staff_to_hand_out(db, limit=MOST_PRINTED)),
        "has_more": len(people) > len(shown),
        "course_id": course_id,
        "full": (),
    }
    return render(request, "credentials/print.html", context | _context(db, vault, shown))


@router.post("/print/cards")
def print_cards(
    request: Request,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    settings: SettingsDep,
    form: Annotated[PrintForm, Form()],
) -> Response:
    """Make a new printed card of each chosen person; of nobody where one has too many cards."""
    require_fonts()
    pins = _pins_ahead(database, vault, form)
    with database.transaction() as db:
        service.begin_change(db)
        people = _chosen(db, form)
        if full := [one for one in people if service.is_full(db, one.ref)]:
            return _refused(request, _context(db, vault, people), full)
        cards = [_new_card(db, vault, one, principal.actor, pins) for one in people]
    return _pdf(card_sheets(cards, settings.school.name, request_translator(request)), "cards")


@router.post("/print/letters")
def print_letters(
    request: Request,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    settings: SettingsDep,
    form: Annotated[PrintForm, Form()],
) -> Response:
    """Print the PINs of the chosen people; a person without one gets one.

    They are committed before they are printed: a PIN on paper always counts.
    """
    require_fonts()
    pins = _pins_ahead(database, vault, form)
    with database.transaction() as db:
        service.begin_change(db)
        people = _chosen(db, form)
        letters = [_letter(db, vault, one, principal.actor, pins) for one in people]
    return _pdf(pin_letters(letters, settings.school.name, request_translator(request)), "pins")


@router.post(_ONE + "/cards/print")
def print_card(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """Make a new printed card; the printed card before ends."""
    require_fonts()
    with database.transaction() as db:
        service.begin_change(db)
        holder = holder_for(db, principal, ref)
        card = _new_card(db, vault, holder, principal.actor)
    return _pdf(card_sheets([card], settings.school.name, request_translator(request)), "card")


@router.post(_ONE + "/pin/print")
def print_pin(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """Print the PIN, which counts as handed out then."""
    require_fonts()
    with database.transaction() as db:
        service.begin_change(db)
        holder = holder_for(db, principal, ref)
        letter = _letter(db, vault, holder, principal.actor)
    return _pdf(pin_letters([letter], settings.school.name, request_translator(request)), "pin")


def _chosen(db: Session, form: PrintForm) -> Sequence[NamedHolder]:
    people = people_of(db, form.person_id)
    if not people:
        raise InvalidError(problem="nobody_chosen")
    return people


def _pins_ahead(database: Database, vault: Vault, form: PrintForm) -> NewPins:
    """Make the PINs that the chosen people lack, before anybody waits for this request."""
    with database.reading() as db:
        count = sum(not service.has_pin(db, one.ref) for one in _chosen(db, form))
    return make_ahead(database, vault, count)


def _new_card(
    db: Session, vault: Vault, holder: NamedHolder, actor: str, pins: NewPins | None = None
) -> PrintedCard:
    """Replace the printed card of a person: what was printed before may be lost."""
    for card in tuple(service.credentials_of(db, vault, holder.ref).cards):
        if card.kind == CardKind.PRINTED:
            service.revoke_card(db, card.id, actor=actor)
    if not service.has_pin(db, holder.ref):
        service.issue_pin(db, vault, holder.ref, actor=actor, pins=pins)
    _card, text = service.add_printed_card(db, vault, holder.ref, actor=actor)
    return PrintedCard(holder.name, holder.number, text)


def _letter(
    db: Session, vault: Vault, holder: NamedHolder, actor: str, pins: NewPins | None = None
) -> PinLetter:
    if not service.has_pin(db, holder.ref):
        service.issue_pin(db, vault, holder.ref, actor=actor, pins=pins)
    renew_if_held(db, vault, holder.ref)
    pin = service.show_pin(db, vault, holder.ref, actor=actor)
    return PinLetter(holder.name, holder.number, pin)


def _context(db: Session, vault: Vault, people: Sequence[NamedHolder]) -> dict[str, Any]:
    states = {one.ref.id: service.credentials_of(db, vault, one.ref).pin_state for one in people}
    return {"people": people, "states": states, "courses": courses(db)}


def _refused(request: Request, context: dict[str, Any], full: Sequence[NamedHolder]) -> Response:
    """Name the people who have too many cards; the others stay chosen."""
    t = request_translator(request)
    names = t("credentials.print.between").join(isolated(one.name, t) for one in full)
    shown = {"has_more": False, "course_id": None, "staff": (), "full": full, "full_names": names}
    return render(request, "credentials/print.html", context | shown, status_code=400)


def _pdf(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
