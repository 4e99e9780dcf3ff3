"""Where each kiosk hung when, and what is no longer waited for."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, or_, select

from server.audit.service import record
from server.db.prepared import several
from server.errors import ConflictError, InvalidError
from server.kiosks.tables import (
    Kiosk,
    KioskPlacement,
    KioskProgress,
    KioskState,
    WatermarkClosure,
)
from server.timetable.service import room_of

_CLOSURES = (
    select(WatermarkClosure)
    .where(col(WatermarkClosure.kiosk_id).in_(several("kiosks")))
    .order_by(col(WatermarkClosure.closed_at).desc())
)
_PLACEMENTS = (
    select(KioskPlacement)
    .where(
        col(KioskPlacement.room_id).in_(several("rooms")),
        col(KioskPlacement.from_at) < bindparam("last"),
        or_(
            col(KioskPlacement.until_at).is_(None),
            col(KioskPlacement.until_at) > bindparam("first"),
        ),
    )
    .order_by(col(KioskPlacement.from_at), col(KioskPlacement.id))
)


def open_placement(db: Session, kiosk: Kiosk, *, actor: str, at: datetime) -> KioskPlacement:
    """Note that a kiosk hangs in its room from now on."""
    row = KioskPlacement(kiosk_id=kiosk.id, room_id=kiosk.room_id, from_at=at, opened_by=actor)
    db.add(row)
    db.flush()
    return row


def close_placement(
    db: Session, kiosk: Kiosk, *, actor: str, at: datetime, device_left: bool
) -> None:
    """Note that a kiosk no longer hangs where it did; nothing happens where it hangs nowhere.

    Args:
        db: the caller's.
        kiosk: whose.
        actor: who says so.
        at: from when on.
        device_left: the device is gone or lost its claim: what it has not reported never comes.
    """
    row = current_placement(db, kiosk.id)
    if row is None:
        return
    row.until_at, row.closed_by = max(at, row.from_at), actor
    if device_left:
        progress = db.get(KioskProgress, kiosk.id)
        row.device_left = True
        row.reported_through = progress.synced_through if progress else None
    db.add(row)
    db.flush()


def welcome_back(db: Session, kiosk: Kiosk) -> None:
    """Wait for a device again that lost its claim and now claims with the key it had."""
    newest = next(iter(placements_of(db, kiosk.id)), None)
    if newest is not None and newest.device_left:
        newest.device_left, newest.reported_through = False, None
        db.add(newest)
        db.flush()


def current_placement(db: Session, kiosk_id: uuid.UUID) -> KioskPlacement | None:
    """Return where a kiosk hangs now; None where it hangs nowhere."""
    query = select(KioskPlacement).where(
        KioskPlacement.kiosk_id == kiosk_id, col(KioskPlacement.until_at).is_(None)
    )
    return db.exec(query.order_by(col(KioskPlacement.from_at).desc())).first()


def move(
    db: Session, kiosk: Kiosk, *, room_id: uuid.UUID, actor: str, at: datetime
) -> KioskPlacement | None:
    """Hang a kiosk in another room: one placement is closed, the next opened.

    Returns:
        The new placement; None for a kiosk that is not claimed and so hangs nowhere yet.

    Raises:
        NotFoundError: there is no such room.
        ConflictError: it hangs there already.
    """
    room_of(db, room_id)
    if kiosk.room_id == room_id:
        raise ConflictError("The kiosk is in this room already.", problem="same_room")
    kiosk.room_id = room_id
    db.add(kiosk)
    opened = None
    if kiosk.state == KioskState.CLAIMED:
        close_placement(db, kiosk, actor=actor, at=at, device_left=False)
        opened = open_placement(db, kiosk, actor=actor, at=at)
    details = {"room": str(room_id)}
    record(db, actor=actor, action="kiosk.move", subject=f"kiosk:{kiosk.id}", details=details)
    return opened


def close_watermark(
    db: Session, kiosk: Kiosk, *, from_at: datetime, reason: str, actor: str, at: datetime
) -> WatermarkClosure:
    """Stop waiting for what a kiosk has not reported from a moment until now.

    Late events still correct the register.

    Raises:
        InvalidError: the moment is not in the past.
        ConflictError: the kiosk was never claimed, or has reported everything since then.
    """
    if from_at >= at:
        raise InvalidError("Choose a date that has begun.", problem="future")
    if not placements_of(db, kiosk.id):
        raise ConflictError("This kiosk was never claimed.", problem="never_claimed")
    row = WatermarkClosure(
        kiosk_id=kiosk.id,
        from_at=from_at,
        through_at=at,
        reason=reason,
        closed_by=actor,
        closed_at=at,
    )
    db.add(row)
    record(
        db,
        actor=actor,
        action="kiosk.close_watermark",
        subject=f"kiosk:{kiosk.id}",
        details={"from": from_at.isoformat(), "through": at.isoformat()},
    )
    return row


def placements_of(db: Session, kiosk_id: uuid.UUID) -> Sequence[KioskPlacement]:
    """Return everywhere a kiosk hung, newest first."""
    query = select(KioskPlacement).where(KioskPlacement.kiosk_id == kiosk_id)
    return db.exec(query.order_by(col(KioskPlacement.from_at).desc())).all()


def closures_of(db: Session, kiosk_ids: Collection[uuid.UUID]) -> Sequence[WatermarkClosure]:
    """Return what is no longer waited for from these kiosks, newest first."""
    return db.execute(_CLOSURES, {"kiosks": kiosk_ids}).scalars().all()


def placements_between(
    db: Session, room_ids: Collection[uuid.UUID], first: datetime, last: datetime
) -> Sequence[KioskPlacement]:
    """Return the placements in these rooms that overlap a span of time, by their start."""
    values = {"rooms": room_ids, "first": first, "last": last}
    return db.execute(_PLACEMENTS, values).scalars().all()
