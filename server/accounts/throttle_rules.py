"""How many wrong guesses are taken from where, and how long the next one waits. Pure rules.

Wrong guesses at one account are counted for each place they come from: a browser that the account
has signed in with, else the network address. All other places together have one count for each
account, and each address has one for all accounts. The last two are asked only of places from which
the account has not signed in before. So nobody can lock an owner out of the browsers and addresses
that the owner uses, and colleagues behind one address do not lock each other out.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: Without a wrong guess for this long, the next wait is a first one again.
FORGET_WAITS_AFTER = timedelta(days=1)
#: How long a guess may wait between its moment and its turn, with much to spare.
LONGEST_TURN = timedelta(minutes=5)
#: Wrong guesses of an address that one sign-in from there makes good, at most once an hour for
#: each account: signing in again and again must not pay for guesses.
CREDIT = 10
CREDIT_EVERY = timedelta(hours=1)
#: A whole school may come from one address: it takes as many wrong guesses as this many places.
PLACES_OF_ADDRESS = 60


class Counter(StrEnum):
    """What is counted."""

    PLACE = "place"  # one account, from one browser or address
    STRANGERS = "strangers"  # one account, from places it has not signed in from
    ADDRESS = "address"  # one address, at accounts that have not signed in from there
    SESSION = "session"  # the password asked for again, in one sign-in
    CODE = "code"  # codes of the second step of one account, from one browser or address
    CODES_OF_STRANGERS = "codes"  # the same, from places it has not signed in from
    TOKEN = "token"  # noqa: S105 - a kind: API tokens that do not work, from one address


@dataclass(frozen=True)
class GuessLimit:
    """How much one counter takes.

    Attributes:
        most: wrong guesses in a row before a wait, at least 1.
        wait: the first wait.
        longest: the next waits double up to this.
        forgive: one wrong guess is forgotten each time this has passed.
    """

    most: int
    wait: timedelta
    longest: timedelta
    forgive: timedelta


@dataclass(frozen=True)
class Count:
    """The state of one counter.

    Attributes:
        since: up to when wrong guesses were forgotten, UTC.
        failures: wrong guesses that count.
        locks: waits in a row.
        locked_until: when the newest wait ends, UTC; None: there was none.
    """

    since: datetime
    failures: int = 0
    locks: int = 0
    locked_until: datetime | None = None


def limits(failures: int, minutes: int) -> dict[Counter, GuessLimit]:
    """Return the limit of every counter.

    Args:
        failures: of the settings: wrong guesses in a row from one place.
        minutes: of the settings: the wait after them.
    """
    wait = timedelta(minutes=minutes)
    place = GuessLimit(failures, wait, wait, wait)
    everybody = PLACES_OF_ADDRESS * failures
    doubling = replace(place, longest=16 * wait)
    return {
        Counter.PLACE: place,
        # Four places' worth, then ever longer waits: some hundred guesses a day from all the world.
        Counter.STRANGERS: replace(doubling, most=4 * failures),
        Counter.ADDRESS: GuessLimit(everybody, wait, wait, wait / everybody),
        Counter.SESSION: place,
        # Who guesses codes knows the password, and a code has six digits only.
        Counter.CODE: doubling,
        Counter.CODES_OF_STRANGERS: replace(doubling, most=4 * failures),
        # A right token is never counted, so a program with an old one locks out no other.
        Counter.TOKEN: place,
    }


def waits_until(count: Count, limit: GuessLimit, at: datetime) -> datetime | None:
    """Return when the next guess is taken; None: now.

    A wait beyond the longest one comes from a clock that was wrong, and does not count. Guesses
    that waited for their turn state an earlier moment than one that overtook them.
    """
    until = count.locked_until
    if until is None or until <= at or until > at + limit.longest + LONGEST_TURN:
        return None
    return until


def guessed(count: Count, limit: GuessLimit, at: datetime) -> Count:
    """Count a guess that is taken; a wait begins where it is one too many."""
    now = _forgiven(count, limit, at)
    if now.failures + 1 < limit.most:
        return replace(now, failures=now.failures + 1)
    wait = min(limit.wait * 2 ** min(now.locks, 16), limit.longest)
    return Count(since=at, locks=now.locks + 1, locked_until=at + wait)


def taken_back(count: Count, limit: GuessLimit, *, begun_wait: datetime | None) -> Count:
    """Take one guess back, as it was right.

    Args:
        count: as it is now.
        limit: its limit.
        begun_wait: the wait that this guess began; it ends.
    """
    if begun_wait is None or count.locked_until != begun_wait:
        return credited(count, 1)
    return replace(count, failures=limit.most - 1, locks=count.locks - 1, locked_until=None)


def credited(count: Count, points: int) -> Count:
    """Forget as many wrong guesses."""
    return replace(count, failures=max(0, count.failures - points))


def _forgiven(count: Count, limit: GuessLimit, at: datetime) -> Count:
    """Return the count without what is long past. A clock that was ahead forgives nothing."""
    since = min(count.since, at)
    steps = (at - since) // limit.forgive
    locks = count.locks
    if locks and (count.locked_until or since) + FORGET_WAITS_AFTER <= at:
        locks = 0
    return replace(
        count,
        since=since + steps * limit.forgive,
        failures=max(0, count.failures - steps),
        locks=locks,
    )
