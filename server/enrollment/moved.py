"""How long kiosks may go on with photos that were moved to another person."""

import uuid
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from server.enrollment.tables import EnrolmentMove

#: A kiosk that is offline for longer after a move is no longer asked about.
OFFLINE = timedelta(days=7)
#: Clocks of kiosk and server may differ by as much, and a kiosk fetches its gallery within it.
_TOLERANCE = timedelta(minutes=10)


def may_show_another(
    db: Session, person_id: uuid.UUID, *, counted_at: datetime, received_at: datetime
) -> bool:
    """Whether the kiosk of an event may have named a person for the face of another one."""
    query = select(EnrolmentMove.made_at).where(
        EnrolmentMove.from_id == person_id, col(EnrolmentMove.asked_until) >= counted_at
    )
    return any(had_old_photos(counted_at, received_at, moved) for moved in db.exec(query))


def had_old_photos(counted_at: datetime, received_at: datetime, moved_at: datetime) -> bool:
    """Whether the kiosk of an event may have had photos that were moved at a moment.

    A kiosk that is connected drops them at once; one that is offline tells its events later.
    """
    was_offline = received_at - counted_at > _TOLERANCE
    return was_offline or counted_at <= moved_at + _TOLERANCE
