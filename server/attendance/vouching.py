"""What else vouched for a mark: a second factor, or the teacher who tapped."""

import json
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from sqlmodel import Session

from server.accounts.tables import Account
from server.attendance.register import Judgement
from server.attendance.tables import StoredEvent
from server.db.prepared import Prepared, several, table_of

_EVENTS, _ACCOUNTS = table_of(StoredEvent), table_of(Account)
_BODIES = Prepared(
    sqlalchemy.select(_EVENTS.c.kiosk_id, _EVENTS.c.id, _EVENTS.c.body).where(
        _EVENTS.c.kiosk_id.in_(several("kiosks")), _EVENTS.c.id.in_(several("events"))
    )
)
_NAMES = Prepared(
    sqlalchemy.select(_ACCOUNTS.c.id, _ACCOUNTS.c.display_name).where(
        _ACCOUNTS.c.id.in_(several("accounts"))
    )
)
_CHUNK = 500


#: Kiosk and event of a line; nothing where nobody was seen.
LineKey = tuple[uuid.UUID | None, uuid.UUID | None]


@dataclass(frozen=True)
class Vouching:
    """Beside the method of a mark.

    Attributes:
        second: method of the second factor; empty where none was asked for.
        teacher: name of the account of the teacher; empty where it was no teacher's word.
    """

    second: str = ""
    teacher: str = ""


NOBODY = Vouching()


def vouching_of(db: Session, mark: Judgement) -> Vouching:
    """Return what vouched for a line of a register."""
    return next(iter(vouchings_of(db, [mark]).values()), NOBODY)


def vouchings_of(db: Session, marks: Iterable[Judgement]) -> dict[LineKey, Vouching]:
    """Return what vouched for the lines of a register, by kiosk and event."""
    keys = [(one.kiosk_id, one.event_id) for one in marks if one.kiosk_id and one.event_id]
    said: dict[LineKey, dict[str, Any]] = {}
    for start in range(0, len(keys), _CHUNK):
        part = keys[start : start + _CHUNK]
        kiosks, events = {kiosk for kiosk, _event in part}, [event for _kiosk, event in part]
        for kiosk, event, body in _BODIES.rows(db, kiosks=kiosks, events=events):
            said[kiosk, event] = json.loads(body)
    names = _names(db, {by for one in said.values() if (by := _account(one.get("by")))})
    return {
        key: Vouching(
            str(one.get("second") or ""),
            names.get(_account(one.get("by")), ""),
        )
        for key, one in said.items()
    }


def _names(db: Session, accounts: Collection[uuid.UUID]) -> dict[uuid.UUID | None, str]:
    return dict(_NAMES.rows(db, accounts=accounts)) if accounts else {}


def _account(said: object) -> uuid.UUID | None:
    """Return the id of an account; what a kiosk sent may be anything."""
    try:
        return uuid.UUID(str(said))
    except ValueError:
        return None
