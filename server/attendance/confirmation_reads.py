"""The confirmations of registers, read for many lessons at once."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy
from sqlmodel import Session

from server.accounts.tables import Account
from server.attendance.tables import RegisterConfirmation
from server.db.prepared import Prepared, several, table_of

_TABLE, _ACCOUNTS = table_of(RegisterConfirmation), table_of(Account)
_CONFIRMED = Prepared(
    sqlalchemy.select(
        _TABLE.c.lesson_id,
        _TABLE.c.id,
        _TABLE.c.made_at,
        _ACCOUNTS.c.display_name,
        _TABLE.c.unseen,
        _TABLE.c.states,
    )
    .join(_ACCOUNTS, _ACCOUNTS.c.id == _TABLE.c.made_by)
    .where(_TABLE.c.lesson_id.in_(several("lessons")))
    .order_by(_TABLE.c.made_at, _TABLE.c.id)
)


@dataclass(frozen=True)
class ConfirmedRegister:
    """A person's word that a register is right; see `RegisterConfirmation`.

    Attributes:
        by: display name of the account.
    """

    id: uuid.UUID
    made_at: datetime
    by: str
    unseen: frozenset[uuid.UUID]
    states: dict[uuid.UUID, str]


def confirmations_of(
    db: Session, lesson_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, ConfirmedRegister]:
    """Return the newest confirmation of each lesson; lessons without one are left out."""
    newest = {row[0]: row[1:] for row in _CONFIRMED.rows(db, lessons=lesson_ids)}
    return {lesson: _confirmation(*row) for lesson, row in newest.items()}


def _confirmation(
    key: uuid.UUID, made_at: datetime, by: str, unseen: list[str], states: dict[str, str]
) -> ConfirmedRegister:
    return ConfirmedRegister(
        key,
        made_at,
        by,
        frozenset(uuid.UUID(one) for one in unseen),
        {uuid.UUID(person): state for person, state in states.items()},
    )
