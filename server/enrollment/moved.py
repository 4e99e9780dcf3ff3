"""How long kiosks may go on with photos that were moved to another person."""

import uuid
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from server.enrollment.tables import EnrolmentMove

#: A kiosk that is offline for longer after a move is no longer asked about.
OFFLINE = timedelta(days=7)


def may_show_another(db: Session, person_id: uuid.UUID, at: datetime) -> bool:
    """Whether a kiosk may have named a person then for the face of another one."""
    query = select(EnrolmentMove.id).where(
        EnrolmentMove.from_id == person_id, col(EnrolmentMove.asked_until) >= at
    )
    return db.exec(query.limit(1)).first() is not None
