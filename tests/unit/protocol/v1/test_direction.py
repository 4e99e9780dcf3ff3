"""Whether a check-in is a coming or a leaving: the one rule of kiosk and server."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import (
    ArrivalStatus,
    AttendancePolicy,
    Direction,
    assumed_direction,
    early_min,
    known_direction,
    left_at,
    window_of,
)

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
IN, OUT = Direction.IN, Direction.OUT
ASK = AttendancePolicy(direction="ask", leaving_from_min=10)
WINDOW = window_of(START, END, ASK)
MS = timedelta(milliseconds=1)

_policies = st.builds(
    AttendancePolicy,
    opens_before_min=st.integers(0, 240),
    late_after_min=st.integers(0, 240),
    closes_after_start_min=st.none() | st.integers(0, 1440),
    direction=st.sampled_from(["off", "ask", "invented"]),
    leaving_from_min=st.integers(0, 240),
)
_after_ms = st.integers(-300 * 60_000, 900 * 60_000)
_words = st.sampled_from([None, "in", "out", "invented"])


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - timedelta(minutes=5), IN),
        (END - timedelta(minutes=10) - MS, IN),
        (END - timedelta(minutes=10), OUT),
        (END - MS, OUT),
    ],
)
def test_leaving_is_assumed_from_leaving_time_on(at: datetime, expected: Direction) -> None:
    assert assumed_direction(WINDOW, ASK, at) is expected


def test_leaving_time_never_begins_before_the_lesson() -> None:
    policy = ASK.model_copy(update={"leaving_from_min": 60})
    assert window_of(START, END, policy).leaving_from == START


def test_with_zero_minutes_only_the_button_says_that_a_person_leaves() -> None:
    policy = ASK.model_copy(update={"leaving_from_min": 0})
    window = window_of(START, END, policy)
    assert assumed_direction(window, policy, END - MS) is IN
    assert early_min(window, END - MS) == 1


@pytest.mark.parametrize("word", ["off", "invented_later"])
def test_no_direction_is_assumed_where_the_policy_does_not_ask(word: str) -> None:
    policy = ASK.model_copy(update={"direction": word})
    assert assumed_direction(WINDOW, policy, END - MS) is None


def test_an_older_policy_does_not_ask() -> None:
    older = AttendancePolicy.model_validate({"late_after_min": 5})
    assert (older.direction, older.leaving_from_min) == ("off", 10)


@pytest.mark.parametrize(("word", "expected"), [("in", IN), ("out", OUT), ("up", None)])
def test_words_of_newer_versions_are_no_direction(word: str, expected: Direction | None) -> None:
    assert known_direction(word) is expected


@pytest.mark.parametrize(
    ("minute", "expected"), [(20, 25), (34.9, 10), (35, 0), (44, 0), (0, 45), (-5, 50)]
)
def test_minutes_before_the_end_are_counted_before_leaving_time(
    minute: float, expected: int
) -> None:
    assert early_min(WINDOW, START + timedelta(minutes=minute)) == expected


@given(_policies, st.integers(1, 600), _after_ms)
def test_the_guess_agrees_with_what_counts_as_early(
    policy: AttendancePolicy, lasts_min: int, after_ms: int
) -> None:
    window = window_of(START, START + timedelta(minutes=lasts_min), policy)
    at = START + timedelta(milliseconds=after_ms)
    guess = assumed_direction(window, policy, at)
    assert (guess is not None) == (policy.direction == "ask")
    assert (guess is OUT) == (policy.direction == "ask" and early_min(window, at) == 0)
    assert window.starts_at <= window.leaving_from <= window.ends_at


@given(_policies, st.integers(1, 600), _after_ms, _words)
def test_one_who_leaves_within_the_window_was_there(
    policy: AttendancePolicy, lasts_min: int, after_ms: int, word: str | None
) -> None:
    window = window_of(START, START + timedelta(minutes=lasts_min), policy)
    at = START + timedelta(milliseconds=after_ms)
    plain, status = window.arrival(at), window.arrival(at, word)
    is_out_later = word == "out" and window.is_open(at)
    assert status == (plain or (status if is_out_later else None))
    assert (status is not None) == (plain is not None or is_out_later)
    assert (status is ArrivalStatus.LATE) == (status is not None and at > window.late_after)


@given(st.lists(st.tuples(st.integers(-30, 60), _words), max_size=12))
def test_the_last_direction_in_the_window_decides(moves: list[tuple[int, str | None]]) -> None:
    told = [(START + timedelta(minutes=minute), word) for minute, word in sorted(moves, key=str)]
    told.sort(key=lambda one: one[0])
    counted = [(at, word) for at, word in told if WINDOW.is_open(at) and word in ("in", "out")]
    last = counted[-1] if counted else (None, "in")
    assert left_at(WINDOW, told) == (last[0] if last[1] == "out" else None)
