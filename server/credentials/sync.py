"""The document that a kiosk checks PINs and cards with; it holds neither."""

import base64
import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from protocol.v1 import sealing
from protocol.v1.checkin import MAX_HOLDERS, MAX_USED_CODES, pin_verifier
from protocol.v1.messages import (
    CardEntry,
    CredentialDocument,
    Fallback,
    Holder,
    HolderKind,
    WrappedKey,
)
from server.credentials import keys, scope
from server.credentials.keys import DocumentKeys
from server.credentials.renewal import is_awaited
from server.credentials.service import open_sealed_pin
from server.credentials.tables import Card, CodeUse, HeldPin, OwnLink, Pin
from server.db.engine import Database
from server.db.prepared import Prepared, several, table_of
from server.db.upsert import insert_into
from server.db.vault import Sealed, Vault
from server.errors import ForbiddenError, RenewingPinsError, SealBrokenError
from server.kiosks.tables import Kiosk, KioskState
from server.policies.service import current_policies

#: Part of the version. Increase it when the same rows give another document.
_FORMAT = 1
_VERSION_LENGTH = 32
_CODES_KEPT = timedelta(minutes=3)
_CARD_WAYS = frozenset({Fallback.CARD, Fallback.CARD_ALONE})
_Key = tuple[str, uuid.UUID]

_PIN, _CARD, _LINK = table_of(Pin).c, table_of(Card).c, table_of(OwnLink).c
#: Staff who may show a code on their phone.
_LINKED_STAFF = Prepared(select(_LINK.holder_id).where(_LINK.holder_kind == HolderKind.STAFF))
_ALL_PINS = select(_PIN.holder_kind, _PIN.holder_id, _PIN.key_id, _PIN.data)
_ALL_CARDS = select(_CARD.holder_kind, _CARD.holder_id, _CARD.hash, _CARD.kind).order_by(_CARD.id)


def _of_people(table: Any) -> Any:
    return or_(table.holder_kind == HolderKind.STAFF, table.holder_id.in_(several("people")))


_EVERYBODY = Prepared(_ALL_PINS), Prepared(_ALL_CARDS)
_PEOPLE = Prepared(_ALL_PINS.where(_of_people(_PIN))), Prepared(_ALL_CARDS.where(_of_people(_CARD)))


@dataclass(frozen=True)
class PlannedHolder:
    """Who is in a document. The PIN is still encrypted; None where its holder has none here."""

    kind: str
    id: uuid.UUID
    name: str
    pin: Sealed | None
    cards: tuple[tuple[str, str], ...]  # hash, kind


@dataclass(frozen=True)
class DocumentPlan:
    """Everything that a document is made of, as it is stored: nothing is decrypted yet."""

    kiosk: Kiosk
    keys: DocumentKeys
    holders: tuple[PlannedHolder, ...]
    used_codes: tuple[str, ...]

    def version(self, vault: Vault) -> str:
        """Return what names the document: a hash of all that it is made of.

        Each PIN and key is encrypted with a random nonce, so what is written anew has another
        version, also after the database was restored. What can be decrypted depends on the keys
        that the vault has.
        """
        parts = [
            _FORMAT,
            vault.key_ids(),
            (self.kiosk.wire_id, self.kiosk.generation, self.kiosk.sealing_key),
            [_listed(one) for one in (self.keys.pin, self.keys.card, self.keys.salt)],
            [(one.kind, one.id.hex, one.name, _listed(one.pin), one.cards) for one in self.holders],
            self.used_codes,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_VERSION_LENGTH]


def plan(database: Database, vault: Vault, kiosk: Kiosk, at: datetime) -> DocumentPlan:
    """Read what the document of one kiosk is made of, and note whose PINs the kiosk may hold.

    The note is committed before this returns: if the kiosk is revoked, these PINs are renewed.
    Only a kiosk that lacks a key, or gets a new holder, needs a transaction that writes.

    Raises:
        ForbiddenError: the kiosk is not claimed, or no longer by the device that asks.
        RenewingPinsError: the PINs that a revoked device in its place held are not renewed yet.
    """
    with database.reading() as db:
        found = _read(db, kiosk, at)
        is_noted = found is not None and not _to_note(db, found)
        # Last, so that everything above was read during this claim.
        _check_claim(db, kiosk)
    if found is not None and is_noted:
        return found
    with database.transaction() as db:
        keys.make_school_keys(db, vault)
        _check_claim(db, kiosk, lock=True)
        if is_awaited(db, kiosk):
            raise RenewingPinsError
        keys.make_kiosk_pin_key(db, vault, kiosk)
        found = _read(db, kiosk, at)
        assert found is not None, "the keys were just made"
        _note_held(db, found)
    return found


def build(vault: Vault, plan: DocumentPlan) -> CredentialDocument:
    """Decrypt what was planned, and put the document together. It needs no database.

    Raises:
        SealBrokenError: a key of the school or the kiosk cannot be decrypted.
    """
    kiosk = plan.kiosk
    pin_key, card_key, salt = plan.keys.open(vault, kiosk)
    found = (_holder(vault, one, pin_key) for one in plan.holders)
    return CredentialDocument(
        version=plan.version(vault),
        kiosk_id=kiosk.wire_id,
        pin_salt=base64.b64encode(salt).decode(),
        pin_key=_wrapped(kiosk, pin_key, f"pin-{kiosk.generation}"),
        card_key=_wrapped(kiosk, card_key, "card"),
        holders=tuple(one for one in found if one is not None),
        used_codes=plan.used_codes,
    )


def _check_claim(db: Session, kiosk: Kiosk, *, lock: bool = False) -> None:
    """Refuse a device whose claim has ended, as of now; with `lock`, it lasts until the commit."""
    query = select(Kiosk.state, Kiosk.generation).where(Kiosk.id == kiosk.id)
    row = db.exec(query.with_for_update(key_share=True) if lock else query).first()
    if row != (KioskState.CLAIMED, kiosk.generation) or kiosk.sealing_key is None:
        raise ForbiddenError("This kiosk is not claimed.", problem="not_claimed")


def _read(db: Session, kiosk: Kiosk, at: datetime) -> DocumentPlan | None:
    """Return what the document is made of; None: a key is not made yet."""
    if is_awaited(db, kiosk):
        raise RenewingPinsError
    found = keys.document_keys(db, kiosk)
    if found is None:
        return None
    return DocumentPlan(kiosk, found, _holders(db, kiosk, at), _used_codes(db, kiosk, at))


def _holders(db: Session, kiosk: Kiosk, at: datetime) -> tuple[PlannedHolder, ...]:
    """Return who has a PIN or a card, as far as the policy allows these ways.

    Also staff with nothing but a link: the kiosk must know that a phone's code is a teacher's.
    """
    ways = set(current_policies(db).at(kiosk.room_id).policy.kiosk.fallbacks)
    pins, cards = _pins_and_cards(db, scope.people_at(db, kiosk, at))
    staff = scope.staff_at(db, kiosk, at) if Fallback.TEACHER in ways else []
    names = {account.id: account.display_name for account in staff}
    with_cards, with_pins = bool(ways & _CARD_WAYS), bool(ways & {Fallback.PIN, *_CARD_WAYS})
    linked = _LINKED_STAFF.values(db) if names and Fallback.QR in ways else ()
    phones = [(HolderKind.STAFF.value, one) for one in linked]
    found = []
    for key in sorted({*pins, *cards, *phones}):
        kind, holder_id = key
        is_staff = kind == HolderKind.STAFF
        if is_staff and holder_id not in names:
            continue
        pin = pins.get(key) if with_pins or is_staff else None
        own = tuple(cards.get(key, ())) if with_cards else ()
        if pin or own or is_staff:
            name = names.get(holder_id, "")
            found.append(PlannedHolder(kind, holder_id, name, pin, own))
    return tuple(found[:MAX_HOLDERS])


def _pins_and_cards(
    db: Session, people: Collection[uuid.UUID] | None
) -> tuple[dict[_Key, Sealed], dict[_Key, list[tuple[str, str]]]]:
    """Return the PINs and cards of some people, or of everybody, and those of all staff."""
    pins, cards = _EVERYBODY if people is None else _PEOPLE
    values = {} if people is None else {"people": list(people)}
    found: dict[_Key, list[tuple[str, str]]] = {}
    for row in cards.rows(db, **values):
        found.setdefault((row.holder_kind, row.holder_id), []).append((row.hash, row.kind))
    return {
        (row.holder_kind, row.holder_id): Sealed(row.key_id, row.data)
        for row in pins.rows(db, **values)
    }, found


def _to_note(db: Session, plan: DocumentPlan) -> Sequence[PlannedHolder]:
    """Return whose PIN is planned for a kiosk that never had it."""
    query = select(HeldPin.holder_kind, HeldPin.holder_id)
    known = set(db.exec(query.where(HeldPin.kiosk_id == plan.kiosk.id)))
    return [one for one in plan.holders if one.pin and (one.kind, one.id) not in known]


def _note_held(db: Session, plan: DocumentPlan) -> None:
    rows = [
        {"kiosk_id": plan.kiosk.id, "holder_kind": one.kind, "holder_id": one.id}
        for one in _to_note(db, plan)
    ]
    if rows:
        db.execute(insert_into(db, HeldPin).on_conflict_do_nothing(), rows)


def _used_codes(db: Session, kiosk: Kiosk, at: datetime) -> tuple[str, ...]:
    query = select(CodeUse.code_id).where(
        col(CodeUse.received_at) > at - _CODES_KEPT, col(CodeUse.kiosk_id) != kiosk.id
    )
    found = db.exec(query.order_by(col(CodeUse.received_at).desc()).limit(MAX_USED_CODES))
    return tuple(sorted(set(found)))


def _holder(vault: Vault, planned: PlannedHolder, pin_key: bytes) -> Holder | None:
    """Return a holder as the kiosk gets it; None: nothing of a person can be used."""
    verifier = None if planned.pin is None else _verifier(vault, planned, pin_key)
    if verifier is None and not planned.cards and planned.kind != HolderKind.STAFF:
        return None
    cards = tuple(CardEntry(hash=hashed, kind=kind) for hashed, kind in planned.cards)
    return Holder(
        id=str(planned.id), kind=planned.kind, name=planned.name, pin=verifier, cards=cards
    )


def _verifier(vault: Vault, planned: PlannedHolder, pin_key: bytes) -> str | None:
    """Return what the kiosk compares with; None for a PIN that cannot be decrypted."""
    assert planned.pin is not None
    try:
        _pin, base = open_sealed_pin(vault, planned.pin, planned.id)
    except SealBrokenError:  # the vault has logged it; one key must not cost everybody else
        return None
    return pin_verifier(base, pin_key, str(planned.id))


def _wrapped(kiosk: Kiosk, key: bytes, key_id: str) -> WrappedKey:
    sealed = sealing.wrap_key(key, kiosk.sealing_key or "", kiosk_id=kiosk.wire_id, key_id=key_id)
    return WrappedKey(key_id=key_id, wrapped=sealed)


def _listed(sealed: Sealed | None) -> tuple[str, str] | None:
    return None if sealed is None else (sealed.key_id, sealed.data.hex())
