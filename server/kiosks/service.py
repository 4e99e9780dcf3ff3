"""Kiosks as the office sees them, and what kiosks say about themselves."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import BigInteger, cast, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.messages import Erasure, Status
from server.audit.service import record
from server.db.prepared import Prepared, several, table_of
from server.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from server.kiosks.presence import note_heartbeat
from server.kiosks.tables import ErasureReceipt, Kiosk, KioskProgress, KioskState, LostSpan
from server.timetable.service import room_of
from server.timetable.tables import Room

_ANEW = {"populate_existing": True}

_LOCKED_KIOSKS = (
    select(Kiosk)
    .where(col(Kiosk.id).in_(several("kiosks")))
    .order_by(col(Kiosk.id))
    .with_for_update(read=True, key_share=True)
)
_LOCKED_PROGRESS = (
    select(KioskProgress)
    .where(col(KioskProgress.kiosk_id).in_(several("kiosks")))
    .order_by(col(KioskProgress.kiosk_id))
    .with_for_update()
)
#: A kiosk and its progress; None where there is none.
Locked = tuple[Kiosk | None, KioskProgress | None]


@dataclass(frozen=True)
class KioskView:
    """A kiosk with its room and how far its events have come."""

    kiosk: Kiosk
    room: Room
    progress: KioskProgress


class KioskNote(NamedTuple):
    """What the first page says of a kiosk; see `Kiosk`, `Room` and `KioskProgress`.

    Attributes:
        lost: how many lost events wait for a decision, see `LostSpan`.
    """

    id: uuid.UUID
    name: str
    state: str
    is_online: bool
    last_seen_at: datetime | None
    room: str
    forked_at: datetime | None
    lost: int


_VIEWS = (
    select(Kiosk, Room, KioskProgress)
    .join(Room, col(Room.id) == col(Kiosk.room_id))
    .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
    .order_by(col(Kiosk.name))
)
_kiosks, _rooms, _progress = table_of(Kiosk), table_of(Room), table_of(KioskProgress)
_spans = table_of(LostSpan)
_lost = (
    sqlalchemy.select(cast(func.coalesce(func.sum(_spans.c.missing), 0), BigInteger))
    .where(_spans.c.kiosk_id == _kiosks.c.id, _spans.c.closed_at.is_(None))
    .scalar_subquery()
)
_NOTES = Prepared(
    sqlalchemy.select(
        _kiosks.c.id,
        _kiosks.c.name,
        _kiosks.c.state,
        _kiosks.c.is_online,
        _kiosks.c.last_seen_at,
        _rooms.c.name,
        _progress.c.forked_at,
        _lost,
    )
    .join(_rooms, _rooms.c.id == _kiosks.c.room_id)
    .join(_progress, _progress.c.kiosk_id == _kiosks.c.id)
    .order_by(_kiosks.c.name)
)


def create_kiosk(db: Session, *, name: str, room_id: uuid.UUID, actor: str) -> Kiosk:
    """Add a kiosk, to be claimed later.

    Raises:
        NotFoundError: there is no such room.
        ConflictError: there is a kiosk of that name.
    """
    room_of(db, room_id)
    kiosk = Kiosk(name=name, room_id=room_id)
    try:
        with db.begin_nested():
            db.add(kiosk)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(
            f"There is a kiosk called {name} already.", problem="name_taken"
        ) from exc
    db.add(KioskProgress(kiosk_id=kiosk.id))
    record(db, actor=actor, action="kiosk.create", subject=f"kiosk:{kiosk.id}")
    return kiosk


def rename_kiosk(db: Session, kiosk_id: uuid.UUID, name: str, *, actor: str) -> Kiosk:
    """Give a kiosk another name.

    Raises:
        NotFoundError: there is no such kiosk.
        ConflictError: there is another one of that name.
    """
    kiosk = kiosk_of(db, kiosk_id, for_update=True)
    kiosk.name = name
    try:
        with db.begin_nested():
            db.add(kiosk)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(
            f"There is a kiosk called {name} already.", problem="name_taken"
        ) from exc
    record(db, actor=actor, action="kiosk.change", subject=f"kiosk:{kiosk_id}")
    return kiosk


def kiosk_of(db: Session, kiosk_id: uuid.UUID, *, for_update: bool = False) -> Kiosk:
    """One kiosk.

    Raises:
        NotFoundError: there is none of that id.
    """
    kiosk = db.get(Kiosk, kiosk_id, with_for_update=for_update)
    if kiosk is None:
        raise NotFoundError("There is no such kiosk.", problem="no_kiosk")
    return kiosk


def lock_chain(db: Session, kiosk_id: uuid.UUID) -> tuple[Kiosk | None, KioskProgress | None]:
    """Lock a kiosk's progress: one writer at a time works on its chain and its quarantine.

    The kiosk comes first, as everywhere; what is stored refers to it and would lock it later.

    Returns:
        Both; None where there is none.
    """
    kiosk = db.get(Kiosk, kiosk_id, with_for_update={"read": True, "key_share": True})
    progress = db.get(KioskProgress, kiosk_id, with_for_update=True, populate_existing=True)
    return kiosk, progress


def lock_chains(db: Session, kiosk_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Locked]:
    """Lock the progress of several kiosks, in the order of their ids; see `lock_chain`."""
    wanted = {"kiosks": list(kiosk_ids)}
    kiosks = db.exec(_LOCKED_KIOSKS, params=wanted, execution_options=_ANEW)
    found: dict[uuid.UUID, Locked] = {one.id: (one, None) for one in kiosks}
    wanted = {"kiosks": list(found)}
    for progress in db.exec(_LOCKED_PROGRESS, params=wanted, execution_options=_ANEW):
        found[progress.kiosk_id] = (found[progress.kiosk_id][0], progress)
    return found


def kiosk_for_wire_id(db: Session, wire_id: str) -> Kiosk | None:
    """The claimed kiosk that uses this id on the wire, locked; None where there is none."""
    try:
        kiosk = db.get(Kiosk, uuid.UUID(wire_id), with_for_update=True)
    except ValueError:
        return None
    return kiosk if kiosk is not None and kiosk.state == KioskState.CLAIMED else None


def kiosk_view(db: Session, kiosk_id: uuid.UUID) -> KioskView:
    """One kiosk with room and progress.

    Raises:
        NotFoundError: there is none of that id.
    """
    kiosk = kiosk_of(db, kiosk_id)
    progress = db.get(KioskProgress, kiosk_id) or KioskProgress(kiosk_id=kiosk_id)
    return KioskView(kiosk, room_of(db, kiosk.room_id), progress)


def kiosk_views(db: Session) -> list[KioskView]:
    """Every kiosk, by name, with room and progress."""
    return [KioskView(*row) for row in db.exec(_VIEWS)]


def kiosk_notes(db: Session) -> list[KioskNote]:
    """The same, as few columns as the first page needs."""
    return [KioskNote(*row) for row in _NOTES.rows(db)]


def take_status(
    db: Session, kiosk: Kiosk, status: Status, at: datetime, *, is_news: bool = True
) -> None:
    """Keep what a kiosk says about itself; its watermark is taken in by `server.attendance`.

    Args:
        db: the database session.
        kiosk: who says it.
        status: what it says.
        at: the server's clock.
        is_news: false where the broker kept it from earlier: it proves nothing about now.
    """
    if is_news:
        note_heartbeat(kiosk, at, is_online=status.online)
    if status.online:
        kiosk.status = status.model_dump(mode="json")
    db.add(kiosk)


def take_erasure(db: Session, kiosk: Kiosk, erasure: Erasure, at: datetime) -> None:
    """Keep a kiosk's signed word that a person's data is gone; a repeat changes nothing.

    Raises:
        ForbiddenError: another kiosk's, or not signed by this one.
        InvalidError: the person id is none of ours.
    """
    if erasure.kiosk_id != kiosk.wire_id or kiosk.signing_key is None:
        raise ForbiddenError("This erasure speaks for another kiosk.", problem="foreign_erasure")
    body = erasure.model_dump(mode="json", exclude={"signature"})
    try:
        key = signing.public_key(kiosk.signing_key)
        signing.verify_document(body, erasure.signature, key, context="erasure")
    except ValueError as exc:
        raise ForbiddenError(
            "The erasure was not signed by this kiosk.", problem="unsigned_erasure"
        ) from exc
    try:
        person_id = uuid.UUID(erasure.person_id)
    except ValueError as exc:
        raise InvalidError(
            "The person id is not one of this server's.", problem="foreign_person"
        ) from exc
    if db.get(ErasureReceipt, uuid.UUID(erasure.id)) is None:
        db.add(
            ErasureReceipt(
                id=uuid.UUID(erasure.id),
                kiosk_id=kiosk.id,
                person_id=person_id,
                erased_at=erasure.erased_at,
                received_at=at,
                body=erasure.to_json().decode(),
            )
        )
        record(
            db,
            actor=f"kiosk:{kiosk.id}",
            action="person.erased_on_kiosk",
            subject=f"person:{person_id}",
        )
