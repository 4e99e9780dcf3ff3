"""Templates from scans that wait for a second day: count them, and delete them."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, func, select

from server.networks.tables import WaitingScan

#: What the vault seals them for.
SCAN_PURPOSE = "scan"
#: The kind of job that compares a person's scans of two days.
CONFIRM = "confirm_scans"
#: A face of a month ago says little about whether two scans agree.
KEPT = timedelta(days=30)


def of_person(db: Session, person_id: uuid.UUID) -> list[WaitingScan]:
    """A person's waiting scans, oldest first; still sealed."""
    query = select(WaitingScan).where(WaitingScan.person_id == person_id)
    return list(db.exec(query.order_by(col(WaitingScan.captured_at), col(WaitingScan.id))))


def people_with_any(db: Session) -> set[uuid.UUID]:
    """Everybody with a waiting scan."""
    return set(db.exec(select(col(WaitingScan.person_id)).distinct()))


def counts_by_key(db: Session) -> dict[str, int]:
    """How many waiting scans each key of the vault sealed."""
    query = select(WaitingScan.key_id, func.count()).group_by(col(WaitingScan.key_id))
    return dict(db.exec(query).all())


def forget_people(db: Session, person_ids: Collection[uuid.UUID]) -> int:
    """Delete all waiting scans of these people; returns how many."""
    return _delete(db, col(WaitingScan.person_id).in_(person_ids))


def forget_events(db: Session, kiosk_id: uuid.UUID, event_ids: Collection[uuid.UUID]) -> int:
    """Delete the scans of events that a person took back; returns how many."""
    if not event_ids:
        return 0
    of_kiosk = col(WaitingScan.kiosk_id) == kiosk_id
    return _delete(db, of_kiosk & col(WaitingScan.event_id).in_(event_ids))


def forget_all(db: Session) -> int:
    """Delete every waiting scan; returns how many."""
    return _delete(db, col(WaitingScan.id).is_not(None))


def expire(db: Session, at: datetime) -> int:
    """Delete scans that waited for too long; returns how many."""
    return _delete(db, col(WaitingScan.captured_at) < at - KEPT)


def _delete(db: Session, chosen: object) -> int:
    return db.exec(delete(WaitingScan).where(chosen)).rowcount  # type: ignore[arg-type]
