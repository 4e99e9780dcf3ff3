"""Kiosks as the office sees them, and what kiosks say about themselves."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.events import never_before
from protocol.v1.messages import Erasure, Status
from server.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from server.kiosks.tables import ErasureReceipt, Kiosk, KioskProgress, KioskState
from server.timetable.service import room_of
from server.timetable.tables import Room

TOUCH_INTERVAL = timedelta(seconds=30)
SILENT_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class KioskView:
    """A kiosk with its room and how far its events have come."""

    kiosk: Kiosk
    room: Room
    progress: KioskProgress


def create_kiosk(db: Session, *, name: str, room_id: uuid.UUID) -> Kiosk:
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
    db.flush()
    return kiosk


def rename_kiosk(db: Session, kiosk_id: uuid.UUID, name: str) -> Kiosk:
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
    return kiosk


def kiosk_of(db: Session, kiosk_id: uuid.UUID, *, for_update: bool = False) -> Kiosk:
    """One kiosk.

    Raises:
        NotFoundError: there is none of that id.
    """
    kiosk = db.get(Kiosk, kiosk_id, with_for_update=for_update)
    if kiosk is None:
        raise NotFoundError("There is no such kiosk.")
    return kiosk


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
    query = (
        select(Kiosk, Room, KioskProgress)
        .join(Room, col(Room.id) == col(Kiosk.room_id))
        .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
        .order_by(col(Kiosk.name))
    )
    return [KioskView(*row) for row in db.exec(query)]


def is_reachable(kiosk: Kiosk, at: datetime) -> bool:
    """Whether a kiosk is claimed and was heard of lately."""
    if kiosk.state != KioskState.CLAIMED or kiosk.last_seen_at is None:
        return False
    return kiosk.is_online or kiosk.last_seen_at > at - SILENT_AFTER


def needs_touch(kiosk: Kiosk, at: datetime) -> bool:
    """Whether it is worth a write to note that the kiosk was heard of."""
    return kiosk.last_seen_at is None or kiosk.last_seen_at < at - TOUCH_INTERVAL


def take_status(
    db: Session, kiosk: Kiosk, status: Status, at: datetime, *, is_news: bool = True
) -> None:
    """Keep what a kiosk says about itself, and its watermark.

    Args:
        db: the database session.
        kiosk: who says it.
        status: what it says.
        at: the server's clock.
        is_news: false where the broker kept it from earlier: it proves nothing about now.
    """
    kiosk.is_online = status.online
    if status.online:
        if is_news:
            kiosk.last_seen_at = at
        kiosk.status = status.model_dump(mode="json")
        kiosk.status_at = at
        progress = db.get(KioskProgress, kiosk.id, with_for_update=True)
        if progress is not None:
            move_watermark(progress, status.synced_through, status.last_seq, at)
            db.add(progress)
    db.add(kiosk)


def move_watermark(
    progress: KioskProgress, synced_through: datetime | None, last_seq: int, at: datetime
) -> None:
    """Note a kiosk's word that it has sent everything up to a moment.

    It counts once every event it speaks of is here, and never for a time that is yet to come.
    """
    if synced_through is not None:
        bounded = min(synced_through, at)
        if progress.claimed_through is None or bounded > progress.claimed_through:
            progress.claimed_through, progress.claimed_seq = bounded, last_seq
    if progress.stored_through >= progress.claimed_seq:
        progress.synced_through = never_before(progress.synced_through, progress.claimed_through)


def take_erasure(db: Session, kiosk: Kiosk, erasure: Erasure, at: datetime) -> None:
    """Keep a kiosk's signed word that a person's data is gone; a repeat changes nothing.

    Raises:
        ForbiddenError: another kiosk's, or not signed by this one.
        InvalidError: the person id is none of ours.
    """
    if erasure.kiosk_id != kiosk.wire_id or kiosk.signing_key is None:
        raise ForbiddenError("This erasure speaks for another kiosk.")
    body = erasure.model_dump(mode="json", exclude={"signature"})
    try:
        key = signing.public_key(kiosk.signing_key)
        signing.verify_document(body, erasure.signature, key, context="erasure")
    except ValueError as exc:
        raise ForbiddenError("The erasure was not signed by this kiosk.") from exc
    try:
        person_id = uuid.UUID(erasure.person_id)
    except ValueError as exc:
        raise InvalidError("The person id is not one of this server's.") from exc
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
