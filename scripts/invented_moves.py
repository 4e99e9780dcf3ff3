"""What pages show of photos that were moved, and of recognitions that were not clear."""

import json
import uuid
from datetime import timedelta

from sqlmodel import col, select

from scripts.invented_school import School
from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.db.types import now
from server.enrollment.moved import OFFLINE
from server.enrollment.tables import EnrolmentMove

#: Between the student and the next one, on the scale of distances.
_CLOSE = 0.05


def add_moves(database: Database, school: School, *, actor: str) -> uuid.UUID:
    """Move one student's photos to another, and let some recognitions be close; return the move."""
    with database.transaction() as db:
        faces = select(StoredEvent).where(
            StoredEvent.kind == "seen",
            StoredEvent.method == "face",
            col(StoredEvent.lesson_id).is_not(None),
        )
        events = db.exec(faces.order_by(col(StoredEvent.counted_at), col(StoredEvent.id))).all()
        for event in events[::9]:
            event.margin = _CLOSE
            event.body = json.dumps({**json.loads(event.body), "margin": _CLOSE})
            db.add(event)
        wrong = next(one.person_id for one in events[::-1] if one.person_id is not None)
        right = next(one for one in school.people if one != wrong)
        move = EnrolmentMove(
            from_id=wrong,
            to_id=right,
            enrolments=[],
            used_since=now() - timedelta(days=1),
            made_by=actor,
            made_at=now(),
            asked_until=now() + OFFLINE,
        )
        db.add(move)
        return move.id
