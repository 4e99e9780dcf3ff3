"""Accounts and their sign-ins: who there is, who is in and for how long, and their passwords."""

import secrets
import unicodedata
import uuid
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from server.accounts.passwords import (
    MAX_LENGTH,
    MIN_LENGTH,
    hash_password,
    one_time_password,
    verify_password,
)
from server.accounts.tables import Account, SignIn, SignInThrottle
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.config import Settings
from server.db.lock import FIRST_ACCOUNT_LOCK, lock_until_commit
from server.errors import ConflictError, InvalidError, NotFoundError
from server.web.principal import Principal, Role

ADMIN_NAME = "admin"
#: A sign-in's last use is written at most this often.
TOUCH_EVERY = timedelta(minutes=1)
_FORGET_FAILURES_AFTER = timedelta(days=1)


def normalise(username: str) -> str:
    """The form in which usernames are stored and compared."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


def find_account(db: Session, username: str) -> Account | None:
    """The account of a name, or None."""
    return db.exec(select(Account).where(Account.username == normalise(username))).first()


def create_account(
    db: Session, *, username: str, display_name: str, role: Role, password: str, actor: str
) -> Account:
    """Create an account whose password must be changed at first use.

    Raises:
        ConflictError: the name is taken.
    """
    account = Account(
        username=normalise(username),
        display_name=display_name,
        role=role.value,
        password_hash=hash_password(password),
        must_change_password=True,
    )
    try:
        with db.begin_nested():
            db.add(account)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError("An account of this name exists already.", problem="taken") from exc
    note(db, actor, "account.create", account.id, {"role": role.value})
    return account


def principal_of(
    db: Session, settings: Settings, *, token: str, at: datetime
) -> tuple[Principal, bool] | None:
    """Whose sign-in a token is, and whether its last use should be written again; None if none."""
    row = db.get(SignIn, digest(token))
    idle = timedelta(minutes=settings.sign_in_idle_minutes)
    if row is None or row.expires_at <= at or row.last_seen_at + idle <= at:
        return None
    account = db.get(Account, row.account_id)
    if account is None or not account.is_active:
        return None
    principal = Principal(
        account.id, account.display_name, Role(account.role), account.must_change_password
    )
    return principal, row.last_seen_at + TOUCH_EVERY <= at


def touch(db: Session, *, token: str, at: datetime) -> None:
    """Write that a sign-in is still in use."""
    row = db.get(SignIn, digest(token))
    if row is not None:
        row.last_seen_at = at


def sign_out(db: Session, *, token: str) -> None:
    """End a sign-in. Its cookie is worthless from then on, wherever it was copied to."""
    row = db.get(SignIn, digest(token))
    if row is not None:
        note(db, f"account:{row.account_id}", "account.sign_out", row.account_id)
        db.delete(row)


def change_password(
    db: Session, account_id: uuid.UUID, *, old: str, new: str, keep_token: str
) -> Account:
    """Change one's own password and end all one's other sign-ins.

    Raises:
        InvalidError: the old one is wrong, or the new one too weak.
    """
    account = get_account(db, account_id)
    if not verify_password(account.password_hash, old):
        raise InvalidError("The current password is not right.", problem="wrong_password")
    _refuse_weak(account, old, new)
    account.password_hash = hash_password(new)
    account.must_change_password = False
    others = delete(SignIn).where(
        col(SignIn.account_id) == account.id, col(SignIn.token_hash) != digest(keep_token)
    )
    db.exec(others)
    note(db, f"account:{account.id}", "account.change_password", account.id)
    return account


def reset_password(db: Session, *, username: str) -> str:
    """Give an account a new one-time password, unlock it and end its sign-ins.

    Raises:
        NotFoundError: no such account.
    """
    account = find_account(db, username)
    if account is None:
        raise NotFoundError(
            f"There is no account named {normalise(username)}.", problem="no_account"
        )
    account.is_active = True
    return renew_password(db, account, actor=SYSTEM)


def renew_password(db: Session, account: Account, *, actor: str) -> str:
    """Give an account a new one-time password, unlock it and end its sign-ins."""
    password = one_time_password()
    account.password_hash = hash_password(password)
    account.must_change_password = True
    end_sign_ins(db, account)
    of_name = col(SignInThrottle.name_hash) == digest(account.username)
    db.exec(delete(SignInThrottle).where(of_name))
    note(db, actor, "account.reset_password", account.id)
    return password


def end_sign_ins(db: Session, account: Account) -> None:
    """Sign an account out everywhere."""
    db.exec(delete(SignIn).where(col(SignIn.account_id) == account.id))


def ensure_admin(db: Session) -> str | None:
    """Make the first account where there is none; returns its one-time password."""
    lock_until_commit(db, FIRST_ACCOUNT_LOCK)
    if db.exec(select(Account).limit(1)).first() is not None:
        return None
    password = one_time_password()
    create_account(
        db,
        username=ADMIN_NAME,
        display_name="Administrator",
        role=Role.ADMIN,
        password=password,
        actor=SYSTEM,
    )
    return password


def get_account(db: Session, account_id: uuid.UUID) -> Account:
    """One account.

    Raises:
        NotFoundError: no such account.
    """
    account = db.get(Account, account_id)
    if account is None:
        raise NotFoundError
    return account


def purge_sign_ins(db: Session, *, at: datetime) -> None:
    """Delete sign-ins that are over and failures that are long past."""
    db.exec(delete(SignIn).where(col(SignIn.expires_at) <= at))
    old = at - _FORGET_FAILURES_AFTER
    db.exec(delete(SignInThrottle).where(col(SignInThrottle.last_failure_at) <= old))


def open_sign_in(db: Session, settings: Settings, account: Account, at: datetime) -> str:
    """Open a sign-in; returns the token for the cookie, which is kept nowhere."""
    purge_sign_ins(db, at=at)
    token = secrets.token_urlsafe(32)
    expires_at = at + timedelta(hours=settings.sign_in_max_hours)
    db.add(
        SignIn(
            token_hash=digest(token),
            account_id=account.id,
            created_at=at,
            last_seen_at=at,
            expires_at=expires_at,
        )
    )
    return token


def _refuse_weak(account: Account, old: str, new: str) -> None:
    if not MIN_LENGTH <= len(new) <= MAX_LENGTH:
        raise InvalidError(
            f"A password needs {MIN_LENGTH} to {MAX_LENGTH} characters.", problem="weak_password"
        )
    if new == old or account.username in new.casefold():
        raise InvalidError(
            "The new password must differ from the old one and not contain the user name.",
            problem="weak_password",
        )


def note(
    db: Session,
    actor: str,
    action: str,
    identity: uuid.UUID | str,
    details: dict[str, str] | None = None,
) -> None:
    """Write to the audit trail what was done to an account."""
    subject = subject_of("account", identity)
    record(db, actor=actor, action=action, subject=subject, details=details)


def digest(text: str) -> bytes:
    """The form in which tokens and names of the throttle are kept."""
    return sha256(text.encode()).digest()
