"""What else vouched for a mark: a second factor, or the teacher who tapped."""

import json
import uuid
from dataclasses import dataclass

from sqlmodel import Session

from server.accounts.tables import Account
from server.attendance.register import Judgement
from server.attendance.tables import StoredEvent


@dataclass(frozen=True)
class Vouching:
    """Beside the method of a mark.

    Attributes:
        second: method of the second factor; empty where none was asked for.
        teacher: name of the account of the teacher; empty where it was no teacher's word.
    """

    second: str = ""
    teacher: str = ""


def vouching_of(db: Session, mark: Judgement) -> Vouching:
    """Return what vouched for a line of a register."""
    if mark.event_id is None or mark.kiosk_id is None:
        return Vouching()
    row = db.get(StoredEvent, (mark.kiosk_id, mark.event_id))
    event = json.loads(row.body) if row is not None else {}
    return Vouching(str(event.get("second") or ""), _name(db, event.get("by")))


def _name(db: Session, account_id: object) -> str:
    """Return the name of an account; what a kiosk sent may be anything."""
    try:
        account = db.get(Account, uuid.UUID(str(account_id)))
    except ValueError:
        return ""
    return "" if account is None else account.display_name
