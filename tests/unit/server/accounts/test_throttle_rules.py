"""What the limits on guessing promise, for any order of guesses and any pace of the clock."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.throttle_rules import (
    CREDIT,
    FORGET_WAITS_AFTER,
    LONGEST_TURN,
    Count,
    Counter,
    GuessLimit,
    credited,
    guessed,
    limits,
    taken_back,
    waits_until,
)

START = datetime(2026, 11, 27, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = limits(5, 15)
DAY = timedelta(days=1)

any_counter = st.sampled_from(Counter)
pauses = st.lists(st.integers(0, 4 * 3600), max_size=300)
limit_values = st.builds(
    GuessLimit,
    most=st.integers(1, 50),
    wait=st.just(15 * MINUTE),
    longest=st.sampled_from([15 * MINUTE, 240 * MINUTE]),
    forgive=st.sampled_from([MINUTE, 15 * MINUTE]),
)


@dataclass
class Guesser:
    """Guesses wrongly whenever that is taken, and notes when it was."""

    limit: GuessLimit
    at: datetime = START
    count: Count = field(default_factory=lambda: Count(START))
    taken: list[datetime] = field(default_factory=list)

    def guess(self) -> None:
        if waits_until(self.count, self.limit, self.at) is None:
            self.count = guessed(self.count, self.limit, self.at)
            self.taken.append(self.at)

    def guess_after(self, pauses_s: list[int]) -> "Guesser":
        for pause_s in pauses_s:
            self.at += timedelta(seconds=pause_s)
            self.guess()
        return self

    def most_within(self, span: timedelta) -> int:
        """The most guesses taken within any span of this length."""
        return max(
            (sum(first <= one < first + span for one in self.taken) for first in self.taken),
            default=0,
        )


@given(limit_values, pauses)
def test_no_pace_gets_more_guesses_than_one_burst_and_what_was_forgiven(
    limit: GuessLimit, pauses_s: list[int]
) -> None:
    found = Guesser(limit).guess_after(pauses_s)
    assert found.most_within(limit.wait) <= 2 * limit.most + limit.wait // limit.forgive


@given(limit_values, st.integers(1, 50))
def test_the_guess_too_many_begins_a_wait_and_the_next_one_is_not_taken(
    limit: GuessLimit, more: int
) -> None:
    found = Guesser(limit).guess_after([0] * (limit.most + more))
    assert len(found.taken) == limit.most
    assert waits_until(found.count, limit, START) == START + limit.wait
    assert waits_until(found.count, limit, START + limit.wait) is None


@given(limit_values, st.integers(0, 300))
def test_a_guess_that_was_overtaken_on_the_way_to_its_turn_waits_too(
    limit: GuessLimit, earlier_s: int
) -> None:
    found = Guesser(limit).guess_after([0] * limit.most)
    moment = START - timedelta(seconds=earlier_s)
    assert waits_until(found.count, limit, moment) == START + limit.wait


def guesses_in(span: timedelta, limit: GuessLimit) -> int:
    """How many guesses a patient attacker gets: one as soon as it is taken, every second."""
    found = Guesser(limit)
    while found.at < START + span:
        found.guess()
        found.at = waits_until(found.count, limit, found.at) or found.at + timedelta(seconds=1)
    return len(found.taken)


@pytest.mark.parametrize(
    ("counter", "most"),
    [
        (Counter.PLACE, 500),  # from one address, at one account
        (Counter.STRANGERS, 250),  # from all the world, at one account
        (Counter.CODE, 70),  # with the password known, from one address
        (Counter.CODES_OF_STRANGERS, 250),
        (Counter.SESSION, 500),
    ],
)
def test_a_day_of_guessing_gets_no_further_than_this(counter: Counter, most: int) -> None:
    assert guesses_in(DAY, LIMITS[counter]) <= most


def test_an_address_is_limited_at_high_rates_only() -> None:
    school = [Guesser(LIMITS[Counter.ADDRESS]).guess_after([5] * 700)]
    assert len(school[0].taken) == 700  # one wrong password every five seconds for an hour
    flood = Guesser(LIMITS[Counter.ADDRESS]).guess_after([0] * 700)
    assert len(flood.taken) == 300


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_colleagues_behind_one_address_never_lock_each_other_out(typos: list[int]) -> None:
    """Each mistypes up to four times and then signs in, one after another, all at once."""
    limit = LIMITS[Counter.ADDRESS]
    count = Count(START)
    for wrong in typos:
        for _ in range(wrong + 1):
            assert waits_until(count, limit, START) is None
            count = guessed(count, limit, START)
        count = credited(taken_back(count, limit, begun_wait=None), CREDIT)
    assert count.failures == 0


@given(limit_values, st.integers(0, 60))
def test_a_right_guess_leaves_the_count_as_it_was(limit: GuessLimit, before: int) -> None:
    found = Guesser(limit).guess_after([0] * (before % limit.most))
    after = guessed(found.count, limit, START)
    begun = after.locked_until if after.failures == 0 else None
    assert replace(taken_back(after, limit, begun_wait=begun), since=START) == found.count


@given(limit_values, pauses, st.integers(0, 10**6))
def test_everything_is_forgotten_after_a_quiet_time(
    limit: GuessLimit, pauses_s: list[int], more_s: int
) -> None:
    found = Guesser(limit).guess_after(pauses_s)
    found.at += FORGET_WAITS_AFTER + limit.longest + 50 * limit.forgive
    found.at += timedelta(seconds=more_s)
    fresh = Guesser(limit, at=found.at, count=Count(found.at))
    found.guess_after([0] * 60)
    fresh.guess_after([0] * 60)
    assert found.taken[-len(fresh.taken) :] == fresh.taken
    assert found.count.locked_until == fresh.count.locked_until


@given(any_counter, st.integers(-(10**7), 10**7))
def test_a_clock_that_was_wrong_makes_nobody_wait_longer_than_the_longest_wait(
    counter: Counter, off_s: int
) -> None:
    limit = LIMITS[counter]
    then = START + timedelta(seconds=off_s)
    found = Guesser(limit, at=then, count=Count(then)).guess_after([0] * limit.most)
    until = waits_until(found.count, limit, START)
    assert until is None or until - START <= limit.longest + LONGEST_TURN
    assert guessed(found.count, limit, START).since <= START


def test_waits_of_strangers_double_up_to_four_hours() -> None:
    limit = LIMITS[Counter.STRANGERS]
    found = Guesser(limit)
    waits = []
    for _ in range(7):
        found.guess_after([0] * limit.most)
        until = waits_until(found.count, limit, found.at)
        assert until is not None
        waits.append((until - found.at) // MINUTE)
        found.at = until
    assert waits == [15, 30, 60, 120, 240, 240, 240]
