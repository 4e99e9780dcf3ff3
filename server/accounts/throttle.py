"""The counts of wrong guesses in the database: read, taken before a check, settled after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

from sqlmodel import Session, col, delete, func, select

from server.accounts import throttle_rules
from server.accounts.tables import Account, GuessCount
from server.accounts.throttle_rules import (
    CREDIT,
    CREDIT_EVERY,
    Count,
    Counter,
    GuessLimit,
    credited,
    taken_back,
)
from server.config import Settings
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.errors import TooManyAttemptsError
from server.web.device_marks import is_of_password

#: Rows at most; then those that matter least go. About 4 MB.
MOST_ROWS = 20_000
#: How many go at a time, so that not every guess of a flood has to look for one.
_ROOM = 1_000
_FORGET_AFTER = timedelta(days=2)
#: An address from which an account has not signed in for this long is a stranger's again.
KNOWN_FOR = timedelta(days=60)


@dataclass(frozen=True)
class Counted:
    """One counter that a guess is counted by.

    Attributes:
        counter: which kind.
        key: which row.
        limit: how much it takes.
        name_hash: of the account's name; None where it is of no single account.
    """

    counter: Counter
    key: bytes
    limit: GuessLimit
    name_hash: bytes | None


@dataclass(frozen=True)
class GuessPlace:
    """Where a guess comes from.

    Attributes:
        device: mark of a browser in which this name has signed in before; empty for any other. It
            counts only with the password that it was made with.
        address: mark of the network address.
    """

    device: str
    address: str


@dataclass(frozen=True)
class Taken:
    """A guess that is counted already; only being right takes it back.

    Attributes:
        by: the counters.
        begun: the waits that begin with it, by key.
    """

    by: tuple[Counted, ...]
    begun: dict[bytes, datetime]

    @property
    def waits_until(self) -> datetime | None:
        """When the next guess is taken if this one is wrong; None: at once."""
        return max(self.begun.values(), default=None)


class Throttle:
    """The counters of one installation.

    Args:
        settings: say how many wrong guesses are taken, and the wait after them.
    """

    def __init__(self, settings: Settings) -> None:
        self._limits = throttle_rules.limits(settings.lockout_failures, settings.lockout_minutes)

    def for_password(
        self, db: Session, name: str, place: GuessPlace, password_hash: str | None, at: datetime
    ) -> tuple[Counted, ...]:
        """Return what counts a guess at the password of a name, whether it exists or not.

        A browser that has signed in before has a count that ends with the password.

        Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
        """
        if password_hash is not None and is_of_password(place.device, password_hash):
            named = self._counted(Counter.PLACE, name, place.device, password_hash)
            return (named,)
        here = self._counted(Counter.PLACE, name, place.address)
        if _is_known(db.get(GuessCount, here.key), at):
            return (here,)
        strangers = self._counted(Counter.STRANGERS, name)
        everybody = self._counted(Counter.ADDRESS, None, place.address)
        return (here, strangers, everybody)

    def for_session(self, token: str) -> tuple[Counted, ...]:
        """Return what counts passwords that are asked for again inside a sign-in."""
        return (self._counted(Counter.SESSION, None, token),)

    def for_code(
        self, db: Session, account: Account, place: GuessPlace, at: datetime
    ) -> tuple[Counted, ...]:
        """Return what counts the codes of an account's second step."""
        name = account.username
        is_own = is_of_password(place.device, account.password_hash)
        here = self._counted(Counter.CODE, name, place.device if is_own else place.address)
        address = self._counted(Counter.PLACE, name, place.address)
        if is_own or _is_known(db.get(GuessCount, address.key), at):
            return (here,)
        return (here, self._counted(Counter.CODES_OF_STRANGERS, name))

    def for_token(self, address: str) -> tuple[Counted, ...]:
        """Return what counts wrong API tokens; `address`: mark of the network address."""
        return (self._counted(Counter.TOKEN, None, address),)

    def know(self, db: Session, name: str, place: GuessPlace, at: datetime) -> None:
        """Note that an account has signed in from an address, which is no stranger's any more.

        Each account gives its address credit for wrong guesses, at most once an hour.
        """
        lock_until_commit(db, SIGN_IN_LOCK)
        here = self._counted(Counter.PLACE, name, place.address)
        row = db.get(GuessCount, here.key) or _new_row(db, here, at)
        last, row.succeeded_at, row.touched_at = row.succeeded_at, at, at
        everybody = self._counted(Counter.ADDRESS, None, place.address)
        total = db.get(GuessCount, everybody.key)
        if total is not None and (last is None or last + CREDIT_EVERY <= at):
            _keep(total, credited(_count(total), CREDIT), at)
        db.flush()

    def _counted(self, counter: Counter, name: str | None, *parts: str) -> Counted:
        name_hash = None if name is None else digest(name)
        key = digest("\0".join((counter, name or "", *parts)))
        return Counted(counter, key, self._limits[counter], name_hash)


def waiting(db: Session, by: Sequence[Counted], at: datetime) -> datetime | None:
    """Return when the next guess is taken; None: now. Writes nothing."""
    rows = ((one, db.get(GuessCount, one.key)) for one in by)
    waits = (throttle_rules.waits_until(_count(row), one.limit, at) for one, row in rows if row)
    return max((until for until in waits if until is not None), default=None)


def take(db: Session, by: Sequence[Counted], at: datetime) -> Taken | datetime:
    """Count a guess before it is checked, so that many at once get no more than one after another.

    Returns:
        What was counted; or when the next guess is taken, and nothing was counted.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    if (until := waiting(db, by, at)) is not None:
        return until
    begun = {}
    for one in by:
        row = db.get(GuessCount, one.key) or _new_row(db, one, at)
        count = throttle_rules.guessed(_count(row), one.limit, at)
        _keep(row, count, at)
        if count.failures == 0 and count.locked_until is not None:
            begun[one.key] = count.locked_until
    db.flush()
    return Taken(tuple(by), begun)


def settle(db: Session, taken: Taken, at: datetime) -> None:
    """Take back a guess that was right, and forget the wrong ones before it.

    Of an address only this guess is taken back.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    for one in taken.by:
        row = db.get(GuessCount, one.key)
        if row is None:
            continue
        if one.counter is Counter.ADDRESS:
            count = taken_back(_count(row), one.limit, begun_wait=taken.begun.get(one.key))
            _keep(row, count, at)
        elif row.succeeded_at is None:
            db.delete(row)
        else:
            _keep(row, Count(since=at), at)
    db.flush()


def forget_name(db: Session, name: str) -> None:
    """Delete every count of a name, and from where it signed in."""
    db.exec(delete(GuessCount).where(col(GuessCount.name_hash) == digest(name)))


def sweep(db: Session, at: datetime) -> None:
    """Delete counts that say nothing any more."""
    old, unknown = at - _FORGET_AFTER, at - KNOWN_FOR
    succeeded = col(GuessCount.succeeded_at)
    is_unknown = succeeded.is_(None) | (succeeded <= unknown)
    db.exec(delete(GuessCount).where(col(GuessCount.touched_at) <= old, is_unknown))


def too_many(until: datetime, at: datetime) -> TooManyAttemptsError:
    """Return the error that says until when no guess is taken."""
    error = TooManyAttemptsError(until=until.isoformat())
    error.retry_after_s = max(1, ceil((until - at).total_seconds()))
    return error


def digest(text: str) -> bytes:
    """The form in which tokens, names and marks are kept."""
    return sha256(text.encode()).digest()


def _is_known(row: GuessCount | None, at: datetime) -> bool:
    last = row.succeeded_at if row is not None else None
    return last is not None and last + KNOWN_FOR > at


def _count(row: GuessCount) -> Count:
    return Count(row.since_at, row.failures, row.locks, row.locked_until)


def _keep(row: GuessCount, count: Count, at: datetime) -> None:
    row.since_at, row.failures = count.since, count.failures
    row.locks, row.locked_until = count.locks, count.locked_until
    row.touched_at = at


def _new_row(db: Session, one: Counted, at: datetime) -> GuessCount:
    if db.exec(select(func.count()).select_from(GuessCount)).one() >= MOST_ROWS:
        _make_room(db, at)
    row = GuessCount(key=one.key, name_hash=one.name_hash, since_at=at, touched_at=at)
    db.add(row)
    return row


def _make_room(db: Session, at: datetime) -> None:
    """Delete what matters least: without a wait, with few failures, long untouched.

    Waits and known places stay as long as anything else can go.
    """
    sweep(db, at)
    least = (
        select(GuessCount.key)
        .order_by(
            col(GuessCount.succeeded_at).is_not(None),
            col(GuessCount.locked_until).is_not(None) & (col(GuessCount.locked_until) > at),
            col(GuessCount.failures),
            col(GuessCount.touched_at),
        )
        .limit(_ROOM)
    )
    _delete(db, db.exec(least).all())


def _delete(db: Session, keys: Iterable[bytes]) -> None:
    db.exec(delete(GuessCount).where(col(GuessCount.key).in_(list(keys))))
