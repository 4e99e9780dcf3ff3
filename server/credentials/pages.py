"""PIN, cards and link of one person or staff account: the section, and what is done to them."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.credentials import service
from server.credentials.forms import CardForm
from server.credentials.holders import HolderPath, NamedHolder, holder_for
from server.credentials.renewal import renew_if_held
from server.db.dependencies import DBDep, ReadDBDep
from server.db.vault import Vault
from server.errors import ConflictError, InvalidError, NotFoundError
from server.web.access import OfficeDep
from server.web.pages import is_htmx, render, request_translator, see_other
from server.web.problems import problem_text
from server.web.qr import qr_picture, server_address
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep

router = GuardedRouter(prefix="/credentials", include_in_schema=False)
_BASE = "/{kind}/{holder_id}"
_Refused = ConflictError | InvalidError


@router.get(_BASE)
def credentials_page(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    db: ReadDBDep,
    vault: VaultDep,
) -> Response:
    """Which ways a person or account has; the section alone where its page asks for it."""
    return _page(request, db, vault, holder_for(db, principal, ref))


@router.post(_BASE + "/pin")
def issue_pin(ref: HolderPath, principal: OfficeDep, db: DBDep, vault: VaultDep) -> Response:
    """Make a PIN; one that there was ends."""
    holder = holder_for(db, principal, ref)
    service.issue_pin(db, vault, holder.ref, actor=principal.actor)
    return see_other(holder.base)


@router.post(_BASE + "/pin/show")
def show_pin(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
) -> Response:
    """Show the PIN, which counts as handed out then."""
    holder = holder_for(db, principal, ref)
    renew_if_held(db, vault, holder.ref)
    pin = service.show_pin(db, vault, holder.ref, actor=principal.actor)
    return render(request, "credentials/pin.html", {"holder": holder, "pin": pin})


@router.post(_BASE + "/pin/revoke")
def revoke_pin(ref: HolderPath, principal: OfficeDep, db: DBDep, vault: VaultDep) -> Response:
    """Remove the PIN."""
    holder = holder_for(db, principal, ref)
    service.revoke_pin(db, vault, holder.ref, actor=principal.actor)
    return see_other(holder.base)


@router.post(_BASE + "/cards")
def add_card(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
    form: Annotated[CardForm, Form()],
) -> Response:
    """Add a card by the number that its reader typed, or say why it cannot be added."""
    holder = holder_for(db, principal, ref)
    try:
        with db.begin_nested():
            service.add_reader_card(db, vault, holder.ref, form.number, actor=principal.actor)
    except (ConflictError, InvalidError) as exc:
        return _page(request, db, vault, holder, exc)
    return see_other(holder.base)


@router.post(_BASE + "/cards/{card_id}/revoke")
def revoke_card(
    ref: HolderPath,
    card_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
) -> Response:
    """Remove a card of this person or account."""
    holder = holder_for(db, principal, ref)
    known = service.credentials_of(db, vault, holder.ref).cards
    if card_id not in {card.id for card in known}:
        raise NotFoundError
    service.revoke_card(db, card_id, actor=principal.actor)
    return see_other(holder.base)


@router.post(_BASE + "/link")
def make_link(
    request: Request,
    ref: HolderPath,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Make the link of the phone page and show it, this once; one that there was ends."""
    holder = holder_for(db, principal, ref)
    token = service.make_link(db, holder.ref, actor=principal.actor)
    address = f"{server_address(request, settings)}/me/{token}"
    context = {"holder": holder, "address": address, "qr": qr_picture(address, "claim-qr")}
    return render(request, "credentials/link.html", context, status_code=201)


@router.post(_BASE + "/link/revoke")
def revoke_link(ref: HolderPath, principal: OfficeDep, db: DBDep) -> Response:
    """Remove the link."""
    holder = holder_for(db, principal, ref)
    service.revoke_link(db, holder.ref, actor=principal.actor)
    return see_other(holder.base)


def _page(
    request: Request,
    db: Session,
    vault: Vault,
    holder: NamedHolder,
    refusal: _Refused | None = None,
) -> Response:
    problem = problem_text(request_translator(request), refusal)
    context = {
        "holder": holder,
        "held": service.credentials_of(db, vault, holder.ref),
        "problem": problem,
    }
    template = "section.html" if is_htmx(request) else "credentials.html"
    status_code = 400 if refusal else 200
    return render(request, f"credentials/{template}", context, status_code=status_code)
