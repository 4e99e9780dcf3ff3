"""Change one's own password: counted like a sign-in, checked outside any transaction."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from server.accounts import second_factor
from server.accounts.password_rules import refuse_weak
from server.accounts.passwords import hash_password, verify_password
from server.accounts.refusals import note_refused
from server.accounts.service import get_account, note
from server.accounts.sessions import end_sign_ins, is_open
from server.accounts.tables import Account
from server.accounts.throttle import Throttle, settle, take, too_many
from server.config import Settings
from server.db.engine import Database
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.errors import ConflictError, InvalidError, NotSignedInError


@dataclass(frozen=True)
class Passwords:
    """What a person types to change a password."""

    old: str = field(repr=False)
    new: str = field(repr=False)


def change_password(
    database: Database,
    settings: Settings,
    *,
    account_id: uuid.UUID,
    passwords: Passwords,
    token: str,
    at: datetime,
) -> Account:
    """Change one's own password and end all one's other sign-ins.

    Args:
        database: where.
        settings: of the server.
        account_id: whose.
        passwords: the current one and the next.
        token: of the sign-in that asks; it stays.
        at: now, UTC.

    Raises:
        TooManyAttemptsError: too many wrong passwords in this sign-in.
        InvalidError: the old one is wrong, or the new one too weak.
        ConflictError: the password was changed meanwhile.
        NotSignedInError: the sign-in was ended meanwhile.
    """
    account = check_password(
        database, settings, account_id=account_id, password=passwords.old, token=token, at=at
    )
    if passwords.new == passwords.old:
        raise InvalidError(
            "The new password must differ from the old one.", problem="weak_password"
        )
    names = (account.display_name, settings.school.name)
    refuse_weak(passwords.new, username=account.username, names=names)
    chosen = hash_password(passwords.new)
    with database.transaction() as db:
        lock_until_commit(db, SIGN_IN_LOCK)
        current = get_account(db, account_id)
        if not is_open(db, token):
            raise NotSignedInError
        if current.password_hash != account.password_hash:
            raise ConflictError("The password was changed meanwhile.", problem="password_changed")
        current.password_hash = chosen
        current.must_change_password = False
        second_factor.forget_unconfirmed(db, account_id)
        end_sign_ins(db, account_id, except_token=token)
        note(db, f"account:{account_id}", "account.change_password", account_id)
        return current


def check_password(
    database: Database,
    settings: Settings,
    *,
    account_id: uuid.UUID,
    password: str,
    token: str,
    at: datetime,
) -> Account:
    """Ask a person who is signed in for the password again.

    Each sign-in has its own count, so a person at an unlocked screen locks out nobody else.

    Raises:
        TooManyAttemptsError: too many wrong passwords in this sign-in.
        InvalidError: it is wrong.
    """
    with database.transaction() as db:
        account = get_account(db, account_id)
        taken = take(db, Throttle(settings).for_session(token), at)
    if isinstance(taken, datetime):
        raise too_many(taken, at)
    is_right = verify_password(account.password_hash, password)
    with database.transaction() as db:
        if is_right:
            settle(db, taken, at)
            return account
        note_refused(db, account, at)
    if taken.waits_until is not None:
        raise too_many(taken.waits_until, at)
    raise InvalidError("The current password is not right.", problem="wrong_password")
