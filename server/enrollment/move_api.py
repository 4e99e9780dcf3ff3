"""Move an enrolment to the right person: the JSON API."""

import uuid

from server.db.dependencies import DBDep
from server.db.types import now
from server.enrollment.move_schemas import EnrolmentMoveCreate, EnrolmentMoveRead
from server.enrollment.moving import MoveOrder, movable, move_enrolments, repeated_move
from server.enrollment.photo import school_date
from server.enrollment.tables import EnrolmentMove
from server.web.access import AdminDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep

router = GuardedRouter(prefix="/api/v1", tags=["enrolment"])


@router.post("/people/{person_id}/enrolments/move", status_code=201)
def move_to_right_person(
    person_id: uuid.UUID,
    body: EnrolmentMoveCreate,
    principal: AdminDep,
    db: DBDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> EnrolmentMoveRead:
    """Move photos and templates to the person they show. That person needs a live consent.

    The same move again returns the first one.
    """
    chosen = body.enrolment_ids
    if chosen is None:
        chosen = frozenset(one.id for one in movable(db, person_id))
        done = None if chosen else repeated_move(db, person_id, body.to_person_id)
        if done is not None:
            return read_move(done)
    order = MoveOrder(person_id, body.to_person_id, chosen)
    move = move_enrolments(
        db, vault, order, actor=principal.actor, at=now(), today=school_date(settings)
    )
    return read_move(move)


def read_move(move: EnrolmentMove) -> EnrolmentMoveRead:
    """Return a move as the API shows it."""
    return EnrolmentMoveRead(
        id=move.id,
        from_person_id=move.from_id,
        to_person_id=move.to_id,
        enrolment_ids=[uuid.UUID(one) for one in move.enrolments],
        used_since=move.used_since,
        made_at=move.made_at,
    )
