"""Wrong claim codes end old codes, and never keep a right one out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.kiosks.guesses import (
    CODE_LIFETIME,
    GUESSES_A_CODE_SURVIVES,
    ClaimGuesses,
)

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESSES = st.sampled_from(["a", "b", "c", "d", "e", "f"])


def test_budget_is_a_millionth_of_all_codes() -> None:
    assert GUESSES_A_CODE_SURVIVES == 32**8 // 10**6


@given(st.lists(st.tuples(ADDRESSES, st.integers(0, 7200)), max_size=200), st.integers(0, 1439))
def test_code_ends_by_the_guesses_since_it_was_made_and_by_nothing_else(
    guesses: list[tuple[str, int]], issued_minute: int
) -> None:
    """Whoever sent them: an address has no say in whether a code works."""
    counter = ClaimGuesses(survives=20)
    issued_at = AT + issued_minute * MINUTE
    for address, second in sorted(guesses, key=lambda one: one[1]):
        counter.note(address, AT + timedelta(seconds=second))
    since = sum(AT + timedelta(seconds=second) >= issued_at for _, second in guesses)
    around = sum(AT + timedelta(seconds=second) >= issued_at - MINUTE for _, second in guesses)
    assert counter.is_worn_out(issued_at) or since < 20
    assert not counter.is_worn_out(issued_at) or around >= 20


@given(st.lists(ADDRESSES, max_size=60), st.integers(1, 10))
def test_address_is_slowed_after_its_own_wrong_codes_alone(
    addresses: list[str], allowed: int
) -> None:
    counter = ClaimGuesses(per_address=allowed)
    seen = dict.fromkeys(addresses, 0)
    for address in addresses:
        wrong = counter.note(address, AT)
        seen[address] += 1
        assert (wrong.wait_until is not None) == (seen[address] > allowed)


def test_memory_is_bounded_however_many_guess_for_however_long() -> None:
    counter = ClaimGuesses(most_addresses=3)
    for minute in range(3000):
        counter.note(f"2001:db8::{minute:x}", AT + minute * MINUTE)
    assert len(counter._by_address) == 3
    assert len(counter._by_minute) <= CODE_LIFETIME / MINUTE + 1


def test_the_trail_is_told_of_every_wrong_code_at_most_once_an_hour() -> None:
    counter = ClaimGuesses()
    told = [counter.note("a", AT + number * MINUTE).untold for number in range(24 * 60)]
    assert [number for number, count in enumerate(told) if count] == list(range(0, 24 * 60, 60))
    assert sum(told) == 23 * 60 + 1
    late = counter.note("a", AT + timedelta(days=2)).untold
    assert sum(told) + late == 24 * 60 + 1


def test_clock_that_is_set_back_forgets_no_guess() -> None:
    counter = ClaimGuesses(survives=2)
    counter.note("a", AT)
    counter.note("a", AT - timedelta(days=3))
    assert counter.is_worn_out(AT)
