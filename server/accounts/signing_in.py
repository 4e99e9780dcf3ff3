"""Signing in: a guess is counted, checked, and then opens a sign-in or does not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete

from server.accounts.passwords import hash_password, needs_rehash, verify_password
from server.accounts.service import digest, find_account, normalise, note, open_sign_in
from server.accounts.tables import Account, SignInThrottle
from server.audit.service import SYSTEM
from server.config import Settings
from server.db.engine import Database
from server.db.lock import SIGN_IN_LOCK, lock_until_commit


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
    """What a person signs in with.

    Attributes:
        username: as typed.
        password: as typed.
        device: the mark of a browser that this name has signed in with before; empty for others.
    """

    username: str
    password: str = field(repr=False)
    device: str = field(default="", repr=False)


@dataclass(frozen=True)
class _Attempt:
    """A guess that is counted already; only being right takes it back."""

    throttle_key: bytes
    password_hash: str | None
    locks_until: datetime | None


def sign_in(
    database: Database, settings: Settings, *, guess: Credentials, at: datetime
) -> SignInOutcome:
    """Check a password and open a sign-in.

    The guess is counted before it is checked, so that many at once get no more tries than one
    after another; and it is checked between two transactions, since argon2 takes its time and
    nobody who is not signed in may keep others from writing.
    """
    name = normalise(guess.username)
    with database.transaction() as db:
        attempt = _count_attempt(db, settings, name, guess.device, at)
    if isinstance(attempt, Locked):
        return attempt
    is_right = verify_password(attempt.password_hash, guess.password)
    renewed = None
    if is_right and attempt.password_hash and needs_rehash(attempt.password_hash):
        renewed = hash_password(guess.password)
    with database.transaction() as db:
        if not is_right or (account := _unchanged(db, name, attempt)) is None:
            return _refuse(db, attempt)
        counted = col(SignInThrottle.name_hash) == attempt.throttle_key
        db.exec(delete(SignInThrottle).where(counted))
        account.password_hash = renewed or account.password_hash
        account.last_sign_in_at = at
        note(db, f"account:{account.id}", "account.sign_in", account.id)
        return SignedIn(open_sign_in(db, settings, account, at), account)


def _count_attempt(
    db: Session, settings: Settings, name: str, device: str, at: datetime
) -> _Attempt | Locked:
    account = find_account(db, name)
    known = account.password_hash if account is not None and account.is_active else None
    key = _throttle_key(name, device, known)
    lock_until_commit(db, SIGN_IN_LOCK)
    throttle = _throttle(db, key, at)
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
        return digest(name)
    return digest("\0".join((name, device, password_hash)))


def _throttle(db: Session, key: bytes, at: datetime) -> SignInThrottle:
    row = db.get(SignInThrottle, key)
    if row is None:
        row = SignInThrottle(name_hash=key, failures=0, last_failure_at=at)
        db.add(row)
        db.flush()
    return row


def _unchanged(db: Session, name: str, attempt: _Attempt) -> Account | None:
    """The account as it was when its password was read; None where it was changed meanwhile."""
    account = find_account(db, name)
    if account is None or not account.is_active or account.password_hash != attempt.password_hash:
        return None
    return account


def _refuse(db: Session, attempt: _Attempt) -> SignInOutcome:
    note(db, SYSTEM, "account.refuse_sign_in", attempt.throttle_key.hex()[:16])
    return Refused() if attempt.locks_until is None else Locked(attempt.locks_until)
