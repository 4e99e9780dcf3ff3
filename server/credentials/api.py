"""PINs, cards and links of people, over the API."""

import uuid
from dataclasses import asdict

from protocol.v1.checkin import HolderKind
from server.credentials import service
from server.credentials.schemas import CardCreate, CardOut, CredentialsOut, LinkOut, PinOut
from server.credentials.service import HolderRef
from server.db.dependencies import DBDep, ReadDBDep
from server.people.service import get_person
from server.web.access import OfficeDep
from server.web.routes import GuardedRouter
from server.web.state import VaultDep

router = GuardedRouter(prefix="/api/v1/people/{person_id}/credentials", tags=["credentials"])


def _holder(person_id: uuid.UUID) -> HolderRef:
    return HolderRef(HolderKind.PERSON, person_id)


@router.get("")
def read_credentials(
    person_id: uuid.UUID, principal: OfficeDep, db: ReadDBDep, vault: VaultDep
) -> CredentialsOut:
    """Say what a person has; nothing secret is in it."""
    del principal
    get_person(db, person_id)
    return CredentialsOut.model_validate(
        asdict(service.credentials_of(db, vault, _holder(person_id)))
    )


@router.post("/pin", status_code=201)
def issue_pin(person_id: uuid.UUID, principal: OfficeDep, db: DBDep, vault: VaultDep) -> PinOut:
    """Give a new PIN and return it; an earlier one ends."""
    holder = _holder(person_id)
    service.issue_pin(db, vault, holder, actor=principal.actor)
    return PinOut(pin=service.show_pin(db, vault, holder, actor=principal.actor))


@router.delete("/pin", status_code=204)
def revoke_pin(person_id: uuid.UUID, principal: OfficeDep, db: DBDep, vault: VaultDep) -> None:
    """Take the PIN back."""
    service.revoke_pin(db, vault, _holder(person_id), actor=principal.actor)


@router.post("/cards", status_code=201)
def add_card(
    person_id: uuid.UUID, body: CardCreate, principal: OfficeDep, db: DBDep, vault: VaultDep
) -> CardOut:
    """Add a card by its number; a person without a PIN gets one."""
    holder = _holder(person_id)
    card = service.add_reader_card(db, vault, holder, body.number, actor=principal.actor)
    return CardOut.model_validate(asdict(card))


@router.delete("/cards/{card_id}", status_code=204)
def revoke_card(person_id: uuid.UUID, card_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> None:
    """Take a card of this person back."""
    service.revoke_card(db, card_id, of=_holder(person_id), actor=principal.actor)


@router.post("/link", status_code=201)
def make_link(person_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> LinkOut:
    """Make the link to the page with the code for the phone; an earlier one ends."""
    token = service.make_link(db, _holder(person_id), actor=principal.actor)
    return LinkOut(path=f"/me/{token}")


@router.delete("/link", status_code=204)
def revoke_link(person_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> None:
    """End the link."""
    service.revoke_link(db, _holder(person_id), actor=principal.actor)
