"""Signing in: a guess is counted, checked, and then opens a sign-in or does not."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from server.accounts import sessions
from server.accounts.passwords import hash_password, needs_rehash, verify_password
from server.accounts.refusals import note_entered, note_refused
from server.accounts.service import find_account, normalise, note
from server.accounts.tables import Account
from server.accounts.throttle import GuessPlace, Taken, Throttle, settle, take, waiting
from server.config import Settings
from server.db.engine import Database
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.web.principal import SignInStep


@dataclass(frozen=True)
class SignedIn:
    """The password was right.

    Attributes:
        token: goes into the cookie and is kept nowhere else.
        account: whose.
        step: what the sign-in still lacks; None: it is complete.
    """

    token: str
    account: Account
    step: SignInStep | None


@dataclass(frozen=True)
class Refused:
    """The name, the password or the code was wrong."""


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
        place: where from.
    """

    username: str
    password: str = field(repr=False)
    place: GuessPlace = field(repr=False)


@dataclass(frozen=True)
class _Attempt:
    """A guess that is counted already; only being right takes it back."""

    taken: Taken
    password_hash: str | None


def sign_in(
    database: Database, settings: Settings, *, guess: Credentials, at: datetime
) -> SignInOutcome:
    """Check a password and open a sign-in.

    The guess is counted before it is checked, so that many at once get no more tries than one
    after another; and it is checked between two transactions, since argon2 takes its time and
    nobody who is not signed in may keep others from writing. One that has to wait writes nothing.
    """
    if (locked := refused_at_once(database, settings, guess=guess, at=at)) is not None:
        return locked
    name = normalise(guess.username)
    throttle = Throttle(settings)
    with database.transaction() as db:
        attempt = _count_attempt(db, throttle, name, guess.place, at)
    if isinstance(attempt, Locked):
        return attempt
    is_right = verify_password(attempt.password_hash, guess.password)
    renewed = None
    if is_right and attempt.password_hash and needs_rehash(attempt.password_hash):
        renewed = hash_password(guess.password)
    with database.transaction() as db:
        lock_until_commit(db, SIGN_IN_LOCK)
        if not is_right or (account := _unchanged(db, name, attempt)) is None:
            return refuse(db, find_account(db, name), attempt.taken, at)
        settle(db, attempt.taken, at)
        account.password_hash = renewed or account.password_hash
        needs_code = sessions.has_second_factor(db, account.id)
        if needs_code:
            note_entered(db, account, at)
        else:
            welcome(db, throttle, account, guess.place, at)
        token = sessions.open_sign_in(db, settings, account, at, needs_code=needs_code)
        step = sessions.next_step(db, account, needs_code=needs_code)
        return SignedIn(token, account, step)


def refused_at_once(
    database: Database, settings: Settings, *, guess: Credentials, at: datetime
) -> Locked | None:
    """Return until when a guess has to wait; None: it is checked. Writes nothing."""
    name = normalise(guess.username)
    with database.reading() as db:
        by = Throttle(settings).for_password(db, name, guess.place, _known_hash(db, name), at)
        until = waiting(db, by, at)
    return None if until is None else Locked(until)


def _known_hash(db: Session, name: str) -> str | None:
    account = find_account(db, name)
    return account.password_hash if account is not None and account.is_active else None


def _count_attempt(
    db: Session, throttle: Throttle, name: str, place: GuessPlace, at: datetime
) -> _Attempt | Locked:
    known = _known_hash(db, name)
    taken = take(db, throttle.for_password(db, name, place, known, at), at)
    return Locked(taken) if isinstance(taken, datetime) else _Attempt(taken, known)


def _unchanged(db: Session, name: str, attempt: _Attempt) -> Account | None:
    """The account as it was when its password was read; None where it was changed meanwhile.

    Each change of a password takes the same lock first, so it stays so until the commit.
    """
    account = find_account(db, name)
    if account is None or not account.is_active or account.password_hash != attempt.password_hash:
        return None
    return account


def welcome(
    db: Session, throttle: Throttle, account: Account, place: GuessPlace, at: datetime
) -> None:
    """Note a complete sign-in: its place is known from now on."""
    throttle.know(db, account.username, place, at)
    account.last_sign_in_at = at
    note(db, f"account:{account.id}", "account.sign_in", account.id)


def refuse(db: Session, account: Account | None, taken: Taken, at: datetime) -> Refused | Locked:
    """Note a wrong guess; the caller commits it."""
    note_refused(db, account, at)
    return Refused() if taken.waits_until is None else Locked(taken.waits_until)
