"""Accounts and sign-ins: who may come in, for how long, and what happens after wrong guesses."""

import secrets
import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from server.accounts.passwords import (
    MAX_LENGTH,
    MIN_LENGTH,
    hash_password,
    needs_rehash,
    one_time_password,
    verify_password,
)
from server.accounts.tables import Account, SignIn, SignInThrottle
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.config import Settings
from server.db.engine import Database
from server.db.lock import FIRST_ACCOUNT_LOCK, lock_until_commit
from server.errors import ConflictError, InvalidError, NotFoundError
from server.web.principal import Principal, Role

ADMIN_NAME = "admin"
#: A sign-in's last use is written at most this often.
TOUCH_EVERY = timedelta(minutes=1)
_FORGET_FAILURES_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class SignedIn:
    """The password was right. `token` goes into the cookie and is kept nowhere else."""

    token: str
    account: Account


@dataclass(frozen=True)
class Refused:
    """The name or the password was wrong."""


@dataclass(frozen=True)
class Locked:
    """Too many wrong guesses; nothing is checked until then."""

    until: datetime


SignInOutcome = SignedIn | Refused | Locked


@dataclass(frozen=True)
class Credentials:
    """What somebody signs in with.

    Attributes:
        username: as typed.
        password: as typed.
        device: the mark of a browser that this name has signed in with before; empty for others.
    """

    username: str
    password: str = field(repr=False)
    device: str = field(default="", repr=False)


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
    _record(session, actor, "account.create", account.id, {"role": role.value})
    return account


@dataclass(frozen=True)
class _Attempt:
    """A guess that is counted already; only being right takes it back."""

    throttle_key: bytes
    password_hash: str | None
    locks_until: datetime | None


def sign_in(
    database: Database, settings: Settings, *, guess: Credentials, at: datetime
) -> SignInOutcome:
    """Check a password and open a session.

    The guess is counted before it is checked, so that many at once get no more tries than one
    after another; and it is checked between two transactions, since argon2 takes its time and
    nobody who is not signed in may keep others from writing.
    """
    name = normalise(guess.username)
    with database.transaction() as session:
        attempt = _count_attempt(session, settings, name, guess.device, at)
    if isinstance(attempt, Locked):
        return attempt
    is_right = verify_password(attempt.password_hash, guess.password)
    renewed = None
    if is_right and attempt.password_hash and needs_rehash(attempt.password_hash):
        renewed = hash_password(guess.password)
    with database.transaction() as session:
        if not is_right or (account := _unchanged(session, name, attempt)) is None:
            return _refuse(session, attempt)
        row = session.get(SignInThrottle, attempt.throttle_key)
        if row is not None:
            session.delete(row)
        account.password_hash = renewed or account.password_hash
        account.last_sign_in_at = at
        _record(session, f"account:{account.id}", "account.sign_in", account.id)
        return SignedIn(_open(session, settings, account, at), account)


def principal_of(
    session: Session, settings: Settings, *, token: str, at: datetime
) -> tuple[Principal, bool] | None:
    """Whose session a token is, and whether its last use should be written again; None if none."""
    row = session.get(SignIn, _hash(token))
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
    row = session.get(SignIn, _hash(token))
    if row is not None:
        row.last_seen_at = at


def sign_out(session: Session, *, token: str) -> None:
    """End a session. Its cookie is worthless from then on, wherever it was copied to."""
    row = session.get(SignIn, _hash(token))
    if row is not None:
        _record(session, f"account:{row.account_id}", "account.sign_out", row.account_id)
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
        col(SignIn.account_id) == account.id, col(SignIn.token_hash) != _hash(keep_token)
    )
    session.exec(others)
    _record(session, f"account:{account.id}", "account.change_password", account.id)
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
    of_name = col(SignInThrottle.name_hash) == _hash(account.username)
    session.exec(delete(SignInThrottle).where(of_name))
    _record(session, actor, "account.reset_password", account.id)
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


def _count_attempt(
    session: Session, settings: Settings, name: str, device: str, at: datetime
) -> _Attempt | Locked:
    account = find_account(session, name)
    known = account.password_hash if account is not None and account.is_active else None
    key = _throttle_key(name, device, known)
    throttle = _throttle(session, key, at)
    if throttle.locked_until is not None and throttle.locked_until > at:
        return Locked(throttle.locked_until)
    throttle.failures += 1
    throttle.last_failure_at = at
    if throttle.failures < settings.lockout_failures:
        return _Attempt(key, known, None)
    throttle.failures = 0
    throttle.locked_until = at + timedelta(minutes=settings.lockout_minutes)
    return _Attempt(key, known, throttle.locked_until)


def _throttle_key(name: str, device: str, password_hash: str | None) -> bytes:
    """Strangers share one count per name. A browser that has signed in before has its own.

    So nobody can lock others out of the browsers they use by guessing wrongly on purpose. A new
    password starts a new count.

    Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
    """
    if not device or password_hash is None:
        return _hash(name)
    return _hash("\0".join((name, device, password_hash)))


def _throttle(session: Session, key: bytes, at: datetime) -> SignInThrottle:
    row = session.get(SignInThrottle, key, with_for_update=True)
    if row is None:
        row = SignInThrottle(name_hash=key, failures=0, last_failure_at=at)
        session.add(row)
        session.flush()
    return row


def _unchanged(session: Session, name: str, attempt: _Attempt) -> Account | None:
    """The account as it was when its password was read; None where it was changed meanwhile."""
    account = find_account(session, name)
    if account is None or not account.is_active or account.password_hash != attempt.password_hash:
        return None
    return account


def _refuse(session: Session, attempt: _Attempt) -> SignInOutcome:
    _record(session, SYSTEM, "account.refuse_sign_in", attempt.throttle_key.hex()[:16])
    return Refused() if attempt.locks_until is None else Locked(attempt.locks_until)


def _open(session: Session, settings: Settings, account: Account, at: datetime) -> str:
    purge_sign_ins(session, at=at)
    token = secrets.token_urlsafe(32)
    expires_at = at + timedelta(hours=settings.session_max_hours)
    session.add(
        SignIn(
            token_hash=_hash(token),
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


def _record(
    session: Session,
    actor: str,
    action: str,
    identity: uuid.UUID | str,
    details: dict[str, str] | None = None,
) -> None:
    subject = subject_of("account", identity)
    record(session, actor=actor, action=action, subject=subject, details=details)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
