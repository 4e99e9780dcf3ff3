"""A broken accelerator is tried again ever more rarely, and never more than so often a minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.runtime.attempts import Attempts, LadderPolicy

POLICY = LadderPolicy(
    first_retry_s=1.0, longest_retry_s=8.0, settled_s=60.0, starts_per_minute=4, poll_s=2.0
)


def test_the_first_start_is_at_once() -> None:
    assert Attempts(POLICY).wait_s(0.0) == 0.0


def test_pauses_double_up_to_the_longest() -> None:
    attempts = Attempts(LadderPolicy(first_retry_s=1.0, longest_retry_s=8.0, starts_per_minute=99))
    pauses = []
    for _ in range(6):
        attempts.note_failure(100.0)
        pauses.append(attempts.wait_s(100.0))

    assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_what_served_long_starts_over_with_a_short_pause() -> None:
    attempts = Attempts(POLICY)
    for _ in range(3):
        attempts.note_failure(0.0)
    attempts.note_success(10.0)
    attempts.note_failure(70.0)

    assert attempts.wait_s(70.0) == 1.0


def test_what_served_shortly_does_not() -> None:
    attempts = Attempts(POLICY)
    attempts.note_failure(0.0)
    attempts.note_success(10.0)
    attempts.note_failure(69.0)

    assert attempts.wait_s(69.0) == 2.0


def test_a_lasting_fault_waits_longest_from_the_first() -> None:
    attempts = Attempts(POLICY)
    attempts.note_failure(0.0, is_lasting=True)

    assert attempts.wait_s(0.0) == 8.0


def test_a_device_plugged_in_anew_does_not_wait() -> None:
    attempts = Attempts(POLICY)
    attempts.note_failure(0.0, is_lasting=True)
    attempts.note_return()

    assert attempts.wait_s(0.0) == 0.0


@given(st.lists(st.floats(0.0, 90.0), min_size=1, max_size=60), st.booleans())
def test_never_more_starts_a_minute_than_allowed(steps_s: list[float], returns: bool) -> None:
    attempts, now_s = Attempts(POLICY), 0.0
    starts: list[float] = []
    for step_s in steps_s:
        now_s += step_s
        if attempts.wait_s(now_s) == 0.0:
            attempts.note_start(now_s)
            starts.append(now_s)
            attempts.note_failure(now_s)
            if returns:
                attempts.note_return()

    busiest = max(sum(first <= other < first + 60.0 for other in starts) for first in starts)
    assert busiest <= 4
