"""Stand-in for the credentials branch, with its names and forms: everything in memory."""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from protocol.v1.checkin import (
    CardKind,
    HolderKind,
    make_printed_card,
    read_card_number,
)
from server.audit.service import record
from server.db.types import now
from server.db.vault import Vault
from server.errors import ConflictError, NotFoundError


@dataclass(frozen=True)
class HolderRef:
    """Whose credentials: kind and id."""

    kind: HolderKind
    id: uuid.UUID


@dataclass(frozen=True)
class CardRead:
    """A card, without its number."""

    id: uuid.UUID
    kind: CardKind
    label: str
    added_at: datetime


@dataclass
class CredentialsRead:
    """What one person or account has."""

    pin_state: str = "none"
    cards: list[CardRead] = field(default_factory=list)
    has_link: bool = False
    link_made_at: datetime | None = None


_PINS: dict[HolderRef, str] = {}
_KEPT: dict[HolderRef, CredentialsRead] = {}
_NUMBERS: dict[str, HolderRef] = {}
_LINKS: dict[str, HolderRef] = {}


def credentials_of(db: Session, vault: Vault, holder: HolderRef) -> CredentialsRead:
    """Return what one person or account has."""
    del db, vault
    return _KEPT.setdefault(holder, CredentialsRead())


def _note(db: Session, action: str, holder: HolderRef, actor: str) -> None:
    record(db, actor=actor, action=f"credentials.{action}", subject=f"person:{holder.id}")


def issue_pin(db: Session, vault: Vault, holder: HolderRef, *, actor: str) -> None:
    """Make a PIN; one that there was ends."""
    _PINS[holder] = f"{secrets.randbelow(10**6):06d}"
    credentials_of(db, vault, holder).pin_state = "to_hand_out"
    _note(db, "pin_issued", holder, actor)


def show_pin(db: Session, vault: Vault, holder: HolderRef, *, actor: str) -> str:
    """Return the PIN, which counts as handed out then."""
    if holder not in _PINS:
        raise NotFoundError
    credentials_of(db, vault, holder).pin_state = "handed_out"
    _note(db, "pin_shown", holder, actor)
    return _PINS[holder]


def revoke_pin(db: Session, vault: Vault, holder: HolderRef, *, actor: str) -> None:
    """Remove the PIN."""
    _PINS.pop(holder, None)
    credentials_of(db, vault, holder).pin_state = "none"
    _note(db, "pin_revoked", holder, actor)


def _add(
    db: Session, vault: Vault, holder: HolderRef, text: str, kind: CardKind, actor: str
) -> CardRead:
    number = read_card_number(text)
    if _NUMBERS.get(number, holder) != holder:
        raise ConflictError
    _NUMBERS[number] = holder
    if holder not in _PINS:
        issue_pin(db, vault, holder, actor=actor)
    card = CardRead(uuid.uuid4(), kind, "…" + number[-4:], now())
    credentials_of(db, vault, holder).cards.append(card)
    _note(db, "card_added", holder, actor)
    return card


def add_reader_card(
    db: Session, vault: Vault, holder: HolderRef, number: str, *, actor: str
) -> CardRead:
    """Add a card by the number that its reader typed."""
    return _add(db, vault, holder, number, CardKind.READER, actor)


def add_printed_card(
    db: Session, vault: Vault, holder: HolderRef, *, actor: str
) -> tuple[CardRead, str]:
    """Make a printed card; returns what its QR says."""
    text = make_printed_card()
    return _add(db, vault, holder, text, CardKind.PRINTED, actor), text


def revoke_card(db: Session, card_id: uuid.UUID, *, actor: str) -> None:
    """Remove a card."""
    for holder, kept in _KEPT.items():
        for card in [one for one in kept.cards if one.id == card_id]:
            kept.cards.remove(card)
            _note(db, "card_revoked", holder, actor)
            return
    raise NotFoundError


def make_link(db: Session, holder: HolderRef, *, actor: str) -> str:
    """Make a link; one that there was ends."""
    revoke_link(db, holder, actor=actor)
    token = secrets.token_urlsafe(24)
    _LINKS[token] = holder
    kept = _KEPT.setdefault(holder, CredentialsRead())
    kept.has_link, kept.link_made_at = True, now()
    _note(db, "link_made", holder, actor)
    return token


def revoke_link(db: Session, holder: HolderRef, *, actor: str) -> None:
    """Remove the link."""
    for token in [token for token, of in _LINKS.items() if of == holder]:
        del _LINKS[token]
    kept = _KEPT.setdefault(holder, CredentialsRead())
    kept.has_link, kept.link_made_at = False, None
    _note(db, "link_revoked", holder, actor)


def holder_of_link(db: Session, token: str) -> HolderRef | None:
    """Return whose link it is."""
    del db
    return _LINKS.get(token)


def waiting_holders(db: Session) -> list[HolderRef]:
    """Return whose PIN nobody has shown or printed yet."""
    del db
    return [holder for holder, kept in _KEPT.items() if kept.pin_state == "to_hand_out"]
