"""The document that a kiosk checks PINs and cards with; it holds neither."""

import base64
import hashlib
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

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
from server.credentials.renewal import is_awaited
from server.credentials.service import open_pin
from server.credentials.tables import Card, CodeUse, HeldPin, Pin
from server.db.vault import Vault
from server.errors import ForbiddenError, RenewingPinsError, SealBrokenError
from server.kiosks.tables import Kiosk
from server.policies.service import current_policy

_VERSION_LENGTH = 32
_CODES_KEPT = timedelta(minutes=3)
_CARD_WAYS = frozenset({Fallback.CARD, Fallback.CARD_ALONE})
_Key = tuple[str, uuid.UUID]


def build(db: Session, vault: Vault, kiosk: Kiosk, at: datetime) -> CredentialDocument:
    """Put the document of one kiosk together, and note whose PINs the kiosk holds from now on.

    Raises:
        ForbiddenError: the kiosk is not claimed.
        RenewingPinsError: the PINs that a revoked device in its place held are not renewed yet.
        SealBrokenError: a key of the school or the kiosk cannot be decrypted.
    """
    if kiosk.sealing_key is None:
        raise ForbiddenError("This kiosk is not claimed.", problem="not_claimed")
    if is_awaited(db, kiosk):
        raise RenewingPinsError
    pin_id, pin_key = keys.kiosk_pin_key(db, vault, kiosk)
    card_key = keys.card_key(db, vault)
    salt = keys.pin_salt(db, vault)
    holders = _holders(db, vault, kiosk, pin_key, at)
    _note_held(db, kiosk, holders)
    draft = CredentialDocument(
        version="draft",
        kiosk_id=kiosk.wire_id,
        pin_salt=base64.b64encode(salt).decode(),
        pin_key=WrappedKey(key_id=pin_id, wrapped=""),
        card_key=WrappedKey(key_id="card", wrapped=""),
        holders=holders,
        used_codes=_used_codes(db, kiosk, at),
    )
    # Sealing is different each time, so the version is of what is sealed.
    content = draft.to_json() + pin_key + card_key + kiosk.sealing_key.encode()
    return draft.model_copy(
        update={
            "version": hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH],
            "pin_key": _wrapped(kiosk, pin_key, pin_id),
            "card_key": _wrapped(kiosk, card_key, "card"),
        }
    )


def _wrapped(kiosk: Kiosk, key: bytes, key_id: str) -> WrappedKey:
    sealed = sealing.wrap_key(key, kiosk.sealing_key or "", kiosk_id=kiosk.wire_id, key_id=key_id)
    return WrappedKey(key_id=key_id, wrapped=sealed)


def _holders(
    db: Session, vault: Vault, kiosk: Kiosk, pin_key: bytes, at: datetime
) -> tuple[Holder, ...]:
    """Return who has a PIN or a card, as far as the policy allows these ways."""
    ways = set(current_policy(db).kiosk.fallbacks)
    people = scope.people_at(db, kiosk, at)
    pins, cards = _pins(db, people), _cards(db, people)
    staff = scope.staff_at(db, kiosk, at) if Fallback.TEACHER in ways else []
    names = {account.id: account.display_name for account in staff}
    with_cards, with_pins = bool(ways & _CARD_WAYS), bool(ways & {Fallback.PIN, *_CARD_WAYS})
    found = []
    for key in sorted({*pins, *cards}):
        kind, holder_id = key
        is_staff = kind == HolderKind.STAFF
        if is_staff and holder_id not in names:
            continue
        verifier = None
        if key in pins and (with_pins or is_staff):
            verifier = _verifier(vault, pins[key], pin_key)
        own = tuple(cards.get(key, ())) if with_cards else ()
        if verifier or own or is_staff:
            name = names.get(holder_id, "")
            found.append(Holder(id=str(holder_id), kind=kind, name=name, pin=verifier, cards=own))
    return tuple(found[:MAX_HOLDERS])


def _verifier(vault: Vault, row: Pin, pin_key: bytes) -> str | None:
    """Return what the kiosk compares with; None for a PIN that cannot be decrypted."""
    try:
        _pin, base = open_pin(vault, row)
    except SealBrokenError:  # the vault has logged it; one key must not cost everybody else
        return None
    return pin_verifier(base, pin_key, str(row.holder_id))


def _pins(db: Session, people: Collection[uuid.UUID] | None) -> dict[_Key, Pin]:
    query = select(Pin)
    if people is not None:
        is_staff = col(Pin.holder_kind) == HolderKind.STAFF
        query = query.where(is_staff | col(Pin.holder_id).in_(people))
    return {(row.holder_kind, row.holder_id): row for row in db.exec(query)}


def _cards(db: Session, people: Collection[uuid.UUID] | None) -> dict[_Key, list[CardEntry]]:
    query = select(Card)
    if people is not None:
        is_staff = col(Card.holder_kind) == HolderKind.STAFF
        query = query.where(is_staff | col(Card.holder_id).in_(people))
    found: dict[_Key, list[CardEntry]] = {}
    for row in db.exec(query.order_by(col(Card.id))):
        entry = CardEntry(hash=row.hash, kind=row.kind)
        found.setdefault((row.holder_kind, row.holder_id), []).append(entry)
    return found


def _note_held(db: Session, kiosk: Kiosk, holders: Iterable[Holder]) -> None:
    query = select(HeldPin.holder_kind, HeldPin.holder_id).where(HeldPin.kiosk_id == kiosk.id)
    known = set(db.exec(query))
    for one in holders:
        key = (one.kind, uuid.UUID(one.id))
        if one.pin is not None and key not in known:
            db.add(HeldPin(kiosk_id=kiosk.id, holder_kind=key[0], holder_id=key[1]))
    db.flush()


def _used_codes(db: Session, kiosk: Kiosk, at: datetime) -> tuple[str, ...]:
    query = select(CodeUse.code_id).where(
        col(CodeUse.received_at) > at - _CODES_KEPT, col(CodeUse.kiosk_id) != kiosk.id
    )
    found = db.exec(query.order_by(col(CodeUse.received_at).desc()).limit(MAX_USED_CODES))
    return tuple(sorted(set(found)))
