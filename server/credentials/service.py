"""Issue, show and revoke PINs, cards and links; every step is in the audit trail."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select

from protocol.v1.checkin import (
    PIN_DIGITS,
    CardKind,
    CheckInCodeError,
    HolderKind,
    card_hash,
    make_printed_card,
    read_card_number,
)
from server.accounts.tables import Account
from server.audit.service import record
from server.audit.tables import subject_of
from server.credentials import keys
from server.credentials.eligible import may_hold
from server.credentials.new_pins import NewPins
from server.credentials.tables import Card, CredentialVersion, HeldPin, OwnLink, Pin
from server.db.lock import CREDENTIAL_LOCK, lock_until_commit
from server.db.types import now
from server.db.vault import Sealed, Vault
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.tables import Person

PIN_PURPOSE = "pin"
MOST_CARDS = 8
_SHOWN = 4
_TOKEN_BYTES = 24


@dataclass(frozen=True)
class HolderRef:
    """Whose credentials: a person's, or those of the account of a member of staff."""

    kind: HolderKind
    id: uuid.UUID

    @property
    def subject(self) -> str:
        """How the audit trail names the holder."""
        return subject_of("account" if self.kind == HolderKind.STAFF else "person", self.id)


@dataclass(frozen=True)
class CardRead:
    """A card as pages show it; `label` is the end of its number, empty for a printed one."""

    id: uuid.UUID
    kind: CardKind
    label: str
    added_at: datetime


@dataclass(frozen=True)
class CredentialsRead:
    """What a holder has. `pin_state` is none, to_hand_out or handed_out."""

    pin_state: str
    cards: list[CardRead]
    has_link: bool
    link_made_at: datetime | None


def credentials_of(db: Session, vault: Vault, holder: HolderRef) -> CredentialsRead:
    """Return what a holder has; nothing secret is in it."""
    del vault
    pin = db.get(Pin, (holder.kind, holder.id))
    link = db.get(OwnLink, (holder.kind, holder.id))
    state = "none" if pin is None else "handed_out" if pin.handed_out_at else "to_hand_out"
    return CredentialsRead(
        pin_state=state,
        cards=[_card_read(card) for card in _cards_of(db, holder)],
        has_link=link is not None,
        link_made_at=link.made_at if link else None,
    )


def begin_change(db: Session) -> None:
    """Let one transaction at a time change credentials, until its commit.

    What changes several, or records other things too, calls this before its first entry in the
    audit trail: everything else takes the two locks in this order.
    """
    lock_until_commit(db, CREDENTIAL_LOCK)


def issue_pin(
    db: Session, vault: Vault, holder: HolderRef, *, actor: str, pins: NewPins | None = None
) -> None:
    """Give a new random PIN that nobody else of the school has; an earlier one ends.

    Args:
        db: the database session.
        vault: encrypts it.
        holder: who gets it.
        actor: who gives it.
        pins: those made ahead, where several are given.

    Raises:
        NotFoundError: no such person or account.
    """
    begin_change(db)
    _check_holder(db, holder)
    _put_pin(db, vault, holder, pins or NewPins())
    _note(db, "credentials.pin_issued", holder, actor)


def has_pin(db: Session, holder: HolderRef) -> bool:
    """Return whether a holder has a PIN."""
    return db.get(Pin, (holder.kind, holder.id)) is not None


def is_full(db: Session, holder: HolderRef) -> bool:
    """Return whether a holder has so many reader cards that a printed one cannot be added."""
    kept = [card for card in _cards_of(db, holder) if card.kind != CardKind.PRINTED]
    return len(kept) >= MOST_CARDS


def renew_pins(
    db: Session, vault: Vault, holders: Sequence[HolderRef], *, actor: str, pins: NewPins
) -> int:
    """Replace the PINs of those who have one; return how many that were."""
    begin_change(db)
    count = 0
    for holder in holders:
        if has_pin(db, holder):
            _put_pin(db, vault, holder, pins)
            _note(db, "credentials.pin_issued", holder, actor)
            count += 1
    return count


def show_pin(db: Session, vault: Vault, holder: HolderRef, *, actor: str) -> str:
    """Return a PIN to be shown or printed; it counts as handed out from then on.

    Raises:
        NotFoundError: the holder has none.
        SealBrokenError: it cannot be decrypted.
    """
    begin_change(db)
    row = db.get(Pin, (holder.kind, holder.id), populate_existing=True)
    if row is None:
        raise NotFoundError("There is no PIN.", problem="no_pin")
    pin, _base = open_pin(vault, row)
    row.handed_out_at = now()
    db.add(row)
    _note(db, "credentials.pin_shown", holder, actor)
    return pin


def revoke_pin(db: Session, vault: Vault, holder: HolderRef, *, actor: str) -> None:
    """Take a PIN back. Cards that need it do not work until there is a new one.

    Raises:
        NotFoundError: the holder has none.
    """
    del vault
    begin_change(db)
    row = db.get(Pin, (holder.kind, holder.id))
    if row is None:
        raise NotFoundError("There is no PIN.", problem="no_pin")
    db.delete(row)
    _changed(db)
    _note(db, "credentials.pin_revoked", holder, actor)


def add_reader_card(
    db: Session, vault: Vault, holder: HolderRef, number: str, *, actor: str
) -> CardRead:
    """Add a card that a reader types; a holder without a PIN gets one.

    Raises:
        NotFoundError: no such person or account.
        InvalidError: this is no card number, or the holder has too many cards.
        ConflictError: the card is another holder's, or theirs already.
    """
    try:
        sound = read_card_number(number)
    except CheckInCodeError as exc:
        raise InvalidError("This is not the number of a card.", problem="card_unreadable") from exc
    return _add_card(db, vault, holder, sound, CardKind.READER, actor=actor)


def add_printed_card(
    db: Session, vault: Vault, holder: HolderRef, *, actor: str
) -> tuple[CardRead, str]:
    """Make a card to print; a holder without a PIN gets one.

    Returns:
        The card, and the text of its QR, which is kept nowhere.

    Raises:
        NotFoundError: no such person or account.
        InvalidError: the holder has too many cards.
    """
    text = make_printed_card()
    return _add_card(db, vault, holder, text, CardKind.PRINTED, actor=actor), text


def revoke_card(
    db: Session, card_id: uuid.UUID, *, actor: str, of: HolderRef | None = None
) -> None:
    """Take a card back; with `of`, only one of this holder.

    Raises:
        NotFoundError: there is no such card.
    """
    begin_change(db)
    row = db.get(Card, card_id)
    if row is None or (of is not None and (row.holder_kind, row.holder_id) != (of.kind, of.id)):
        raise NotFoundError("There is no such card.", problem="card_gone")
    db.delete(row)
    _changed(db)
    holder = HolderRef(HolderKind(row.holder_kind), row.holder_id)
    _note(db, "credentials.card_revoked", holder, actor)


def make_link(db: Session, holder: HolderRef, *, actor: str) -> str:
    """Make the link to a holder's page; an earlier one ends. Returns its token, shown this once.

    Raises:
        NotFoundError: no such person or account.
    """
    begin_change(db)
    _check_holder(db, holder)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.merge(
        OwnLink(
            holder_kind=holder.kind,
            holder_id=holder.id,
            token_hash=_digest(token),
            made_at=now(),
        )
    )
    if holder.kind == HolderKind.STAFF:  # kiosks know the teachers that a phone's code may be of
        _changed(db)
    _note(db, "credentials.link_made", holder, actor)
    return token


def revoke_link(db: Session, holder: HolderRef, *, actor: str) -> None:
    """End a holder's link; nothing happens where there is none."""
    begin_change(db)
    row = db.get(OwnLink, (holder.kind, holder.id))
    if row is not None:
        db.delete(row)
        if holder.kind == HolderKind.STAFF:
            _changed(db)
        _note(db, "credentials.link_revoked", holder, actor)


def holder_of_link(db: Session, token: str) -> HolderRef | None:
    """Return whose page a token opens; None where it is no token that is still good."""
    row = db.exec(select(OwnLink).where(OwnLink.token_hash == _digest(token))).first()
    return None if row is None else HolderRef(HolderKind(row.holder_kind), row.holder_id)


def forget_holder(db: Session, holder: HolderRef) -> None:
    """Delete everything of a holder, before anything enters the audit trail."""
    begin_change(db)
    for table in (Pin, Card, OwnLink, HeldPin):
        db.exec(
            delete(table).where(
                col(table.holder_kind) == holder.kind, col(table.holder_id) == holder.id
            )
        )
    _changed(db)


def held_by(db: Session, holder: HolderRef) -> list[str]:
    """Return what a holder has, as the audit trail calls it: `pin`, `link`, `card` for each."""
    key = (holder.kind, holder.id)
    found = [name for name, table in (("pin", Pin), ("link", OwnLink)) if db.get(table, key)]
    return found + ["card"] * len(_cards_of(db, holder))


def open_pin(vault: Vault, row: Pin) -> tuple[str, bytes]:
    """Return a PIN and its base; see `protocol.v1.checkin.pin_base`.

    Raises:
        SealBrokenError: it cannot be decrypted.
    """
    return open_sealed_pin(vault, Sealed(row.key_id, row.data), row.holder_id)


def open_sealed_pin(vault: Vault, sealed: Sealed, holder_id: uuid.UUID) -> tuple[str, bytes]:
    """Return the PIN of a holder and its base; see `open_pin`."""
    raw = vault.open(sealed, purpose=PIN_PURPOSE, context=str(holder_id))
    return raw[:PIN_DIGITS].decode(), raw[PIN_DIGITS:]


def version_of(db: Session) -> int:
    """Return the number that grows with every change that kiosks must hear of."""
    row = db.get(CredentialVersion, 1)
    return 0 if row is None else row.version


def _put_pin(db: Session, vault: Vault, holder: HolderRef, pins: NewPins) -> None:
    """Replace a PIN. No kiosk holds the new one yet, so none has to be revoked for it."""
    held = col(HeldPin.holder_kind) == holder.kind, col(HeldPin.holder_id) == holder.id
    db.exec(delete(HeldPin).where(*held))
    new = pins.take(db, vault)
    sealed = vault.seal(new.pin.encode() + new.base, purpose=PIN_PURPOSE, context=str(holder.id))
    db.merge(
        Pin(
            holder_kind=holder.kind,
            holder_id=holder.id,
            key_id=sealed.key_id,
            data=sealed.data,
            lookup_hash=keys.pin_lookup(db, vault, new.pin),
            issued_at=now(),
            handed_out_at=None,
        )
    )
    _changed(db)


def _add_card(
    db: Session, vault: Vault, holder: HolderRef, number: str, kind: CardKind, *, actor: str
) -> CardRead:
    begin_change(db)
    _check_holder(db, holder)
    hashed = card_hash(number, keys.card_key(db, vault))
    taken = db.exec(select(Card).where(Card.hash == hashed)).first()
    if taken is not None:
        raise ConflictError("This card is in use already.", problem="card_taken")
    if len(_cards_of(db, holder)) >= MOST_CARDS:
        raise InvalidError("There are too many cards. Remove one first.", problem="many_cards")
    label = number[-_SHOWN:] if kind is CardKind.READER and len(number) > 2 * _SHOWN else ""
    row = Card(holder_kind=holder.kind, holder_id=holder.id, kind=kind, hash=hashed, label=label)
    db.add(row)
    if not has_pin(db, holder):
        issue_pin(db, vault, holder, actor=actor)
    _changed(db)
    _note(db, "credentials.card_added", holder, actor)
    return _card_read(row)


def _card_read(row: Card) -> CardRead:
    return CardRead(row.id, CardKind(row.kind), row.label, row.added_at)


def _cards_of(db: Session, holder: HolderRef) -> Sequence[Card]:
    query = select(Card).where(Card.holder_kind == holder.kind, Card.holder_id == holder.id)
    return db.exec(query.order_by(col(Card.added_at), col(Card.id))).all()


def _check_holder(db: Session, holder: HolderRef) -> None:
    """Refuse who may have none, as of now: an erasure may have ended while this one waited."""
    if holder.kind == HolderKind.STAFF:
        account = db.get(Account, holder.id, populate_existing=True)
        is_there = account is not None
        if account is not None and not may_hold(account):
            raise NotFoundError("This account may have none.", problem="account_unfit")
    else:
        person = db.get(Person, holder.id, populate_existing=True)
        is_there = person is not None and person.erased_at is None
    if not is_there:
        raise NotFoundError("There is no such holder.", problem="no_holder")


def _changed(db: Session) -> None:
    row = db.get(CredentialVersion, 1, with_for_update=True) or CredentialVersion()
    row.version += 1
    db.add(row)
    db.flush()


def _note(db: Session, action: str, holder: HolderRef, actor: str) -> None:
    record(db, actor=actor, action=action, subject=holder.subject)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
