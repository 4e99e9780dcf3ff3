"""Accounts and their sessions: who there is, who is in and for how long, and their passwords."""

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


def find_account(session: Session, username: str) -> Account | None:
    """The account of a name, or None."""
    return session.exec(select(Account).where(Account.username == normalise(username))).first()


def create_account(
    session: Session, *, username: str, display_name: str, role: Role, password: str, actor: str
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
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as exc:
        raise ConflictError("An account of this name exists already.", problem="taken") from exc
    note(session, actor, "account.create", account.id, {"role": role.value})
    return account


def principal_of(
    session: Session, settings: Settings, *, token: str, at: datetime
) -> tuple[Principal, bool] | None:
    """Whose session a token is, and whether its last use should be written again; None if none."""
    row = session.get(SignIn, digest(token))
    idle = timedelta(minutes=settings.session_idle_minutes)
    if row is None or row.expires_at <= at or row.last_seen_at + idle <= at:
        return None
    account = session.get(Account, row.account_id)
    if account is None or not account.is_active:
        return None
    principal = Principal(
        account.id, account.display_name, Role(account.role), account.must_change_password
    )
    return principal, row.last_seen_at + TOUCH_EVERY <= at


def touch(session: Session, *, token: str, at: datetime) -> None:
    """Write that a session is still in use."""
    row = session.get(SignIn, digest(token))
    if row is not None:
        row.last_seen_at = at


def sign_out(session: Session, *, token: str) -> None:
    """End a session. Its cookie is worthless from then on, wherever it was copied to."""
    row = session.get(SignIn, digest(token))
    if row is not None:
        note(session, f"account:{row.account_id}", "account.sign_out", row.account_id)
        session.delete(row)


def change_password(
    session: Session, account_id: uuid.UUID, *, old: str, new: str, keep_token: str
) -> Account:
    """Change one's own password and end all one's other sessions.

    Raises:
        InvalidError: the old one is wrong, or the new one too weak.
    """
    account = get_account(session, account_id)
    if not verify_password(account.password_hash, old):
        raise InvalidError("The current password is not right.", problem="wrong_password")
    _refuse_weak(account, old, new)
    account.password_hash = hash_password(new)
    account.must_change_password = False
    others = delete(SignIn).where(
        col(SignIn.account_id) == account.id, col(SignIn.token_hash) != digest(keep_token)
    )
    session.exec(others)
    note(session, f"account:{account.id}", "account.change_password", account.id)
    return account


def reset_password(session: Session, *, username: str) -> str:
    """Give an account a new one-time password, unlock it and end its sessions.

    Raises:
        NotFoundError: no such account.
    """
    account = find_account(session, username)
    if account is None:
        raise NotFoundError(f"There is no account named {normalise(username)}.")
    account.is_active = True
    return renew_password(session, account, actor=SYSTEM)


def renew_password(session: Session, account: Account, *, actor: str) -> str:
    """Give an account a new one-time password, unlock it and end its sessions."""
    password = one_time_password()
    account.password_hash = hash_password(password)
    account.must_change_password = True
    end_sessions(session, account)
    of_name = col(SignInThrottle.name_hash) == digest(account.username)
    session.exec(delete(SignInThrottle).where(of_name))
    note(session, actor, "account.reset_password", account.id)
    return password


def end_sessions(session: Session, account: Account) -> None:
    """Sign an account out everywhere."""
    session.exec(delete(SignIn).where(col(SignIn.account_id) == account.id))


def ensure_admin(session: Session) -> str | None:
    """Make the first account where there is none; returns its one-time password."""
    lock_until_commit(session, FIRST_ACCOUNT_LOCK)
    if session.exec(select(Account).limit(1)).first() is not None:
        return None
    password = one_time_password()
    create_account(
        session,
        username=ADMIN_NAME,
        display_name="Administrator",
        role=Role.ADMIN,
        password=password,
        actor=SYSTEM,
    )
    return password


def get_account(session: Session, account_id: uuid.UUID) -> Account:
    """One account.

    Raises:
        NotFoundError: no such account.
    """
    account = session.get(Account, account_id)
    if account is None:
        raise NotFoundError
    return account


def purge_sign_ins(session: Session, *, at: datetime) -> None:
    """Delete sessions that are over and failures that are long past."""
    session.exec(delete(SignIn).where(col(SignIn.expires_at) <= at))
    old = at - _FORGET_FAILURES_AFTER
    session.exec(delete(SignInThrottle).where(col(SignInThrottle.last_failure_at) <= old))


def open_session(session: Session, settings: Settings, account: Account, at: datetime) -> str:
    """Open a session; returns the token for the cookie, which is kept nowhere."""
    purge_sign_ins(session, at=at)
    token = secrets.token_urlsafe(32)
    expires_at = at + timedelta(hours=settings.session_max_hours)
    session.add(
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
    session: Session,
    actor: str,
    action: str,
    identity: uuid.UUID | str,
    details: dict[str, str] | None = None,
) -> None:
    """Write to the audit trail what was done to an account."""
    subject = subject_of("account", identity)
    record(session, actor=actor, action=action, subject=subject, details=details)


def digest(text: str) -> bytes:
    """The form in which tokens and names of the throttle are kept."""
    return sha256(text.encode()).digest()
