"""Guesses in the audit trail: the first one at once, further ones as one entry an hour.

Guessing therefore adds at most one entry an hour for each account that exists, and one for all
names that do not. The same holds for right passwords that a code must follow.
"""

import uuid
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from server.accounts.tables import Account, RefusedGuesses
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.lock import SIGN_IN_LOCK, lock_until_commit

#: How long guesses are gathered into one entry.
WINDOW = timedelta(hours=1)


def note_refused(db: Session, account: Account | None, at: datetime) -> None:
    """Note a refused guess at an account; None: there is no account of that name."""
    whose = account.id if account is not None else "unknown"
    _count(db, subject_of("account", whose), action="account.refuse_sign_in", at=at)


def note_wrong_token(db: Session, token_id: uuid.UUID | None, at: datetime) -> None:
    """Note an API token that does not work; None: there was never one of its text."""
    whose = token_id if token_id is not None else "unknown"
    _count(db, subject_of("token", whose), action="token.refuse", at=at)


def note_entered(db: Session, account: Account, at: datetime) -> None:
    """Note a right password whose code is still due: who typed it may not have the phone."""
    _count(db, subject_of("account", account.id), action="account.enter_password", at=at)


def sweep(db: Session, at: datetime) -> None:
    """Write what is still to be told, and delete rows that have nothing left to tell."""
    lock_until_commit(db, SIGN_IN_LOCK)
    is_over = col(RefusedGuesses.written_at) <= at - WINDOW
    for row in db.exec(select(RefusedGuesses).where(is_over, col(RefusedGuesses.guesses) > 0)):
        _write(db, row, at)
    db.exec(delete(RefusedGuesses).where(is_over))


def _count(db: Session, subject: str, *, action: str, at: datetime) -> None:
    lock_until_commit(db, SIGN_IN_LOCK)
    row = db.get(RefusedGuesses, (subject, action))
    if row is None:
        row = RefusedGuesses(subject=subject, action=action, since_at=at, written_at=at - WINDOW)
        db.add(row)
    if row.guesses == 0:
        row.since_at = at
    row.guesses += 1
    if row.written_at + WINDOW <= at:
        _write(db, row, at)


def _write(db: Session, row: RefusedGuesses, at: datetime) -> None:
    since = row.since_at.isoformat()
    if row.action == "account.enter_password":
        details = {"times": row.guesses, "since": since}
    else:
        details = {"guesses": row.guesses, "since": since}
    record(db, actor=SYSTEM, action=row.action, subject=row.subject, details=details)
    row.guesses, row.written_at = 0, at
