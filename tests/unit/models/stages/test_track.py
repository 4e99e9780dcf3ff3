from itertools import permutations
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.stages.track import Box, Tracker, assign

SIZES = st.floats(20, 300)
PLACES = st.floats(-200, 600)
BOXES = st.tuples(PLACES, PLACES, SIZES, SIZES)
STEP_S = 1 / 15
COSTS = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.floats(0, 9), st.just(inf)), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)


def best_by_trying(costs: list[list[float]]) -> tuple[int, float]:
    """Most pairs, and of those the least sum: every way of pairing is tried."""
    places = [*range(len(costs[0])), *[-1] * len(costs)]
    pairings = [
        [costs[row][column] for row, column in enumerate(order) if column >= 0]
        for order in permutations(places, len(costs))
    ]
    allowed = [pairs for pairs in pairings if inf not in pairs]
    return max((len(pairs), -sum(pairs)) for pairs in allowed)


@given(costs=COSTS)
def test_pairs_are_as_many_as_can_be_and_the_cheapest(costs: list[list[float]]) -> None:
    pairs = assign(costs)
    count, total = best_by_trying(costs)
    assert len(pairs) == count
    assert sum(costs[row][column] for row, column in pairs) == pytest.approx(-total, abs=1e-6)


@given(costs=COSTS)
def test_every_row_and_column_is_used_once(costs: list[list[float]]) -> None:
    rows, columns = [list(side) for side in zip(*assign(costs), strict=True)] or [[], []]
    assert (len(set(rows)), len(set(columns))) == (len(rows), len(columns))


def test_nothing_is_paired_with_nothing() -> None:
    assert assign([]) == []
    assert assign([[], []]) == []
    assert assign([[inf]]) == []


@given(frames=st.lists(st.lists(BOXES, max_size=8), max_size=8))
def test_faces_of_one_frame_never_share_a_number(frames: list[list[Box]]) -> None:
    tracker = Tracker()
    numbers = [tracker.update(boxes, at / 30) for at, boxes in enumerate(frames)]
    assert all(len(set(ids)) == len(ids) for ids in numbers)


def test_a_moving_face_keeps_its_number() -> None:
    tracker = Tracker()
    ids = [
        tracker.update([(100.0 + 10 * step, 50.0, 100.0, 100.0)], step * STEP_S)
        for step in range(9)
    ]
    assert {number for frame in ids for number in frame} == {1}


def test_two_faces_keep_their_numbers_in_any_order() -> None:
    tracker = Tracker()
    left, right = (0.0, 0.0, 100.0, 100.0), (300.0, 0.0, 100.0, 100.0)
    assert tracker.update([left, right], 0.0) == [1, 2]
    assert tracker.update([right, left], 0.1) == [2, 1]


@given(
    speed=st.floats(60, 400),
    apart_px=st.floats(-40, 40),
    wobble=st.lists(st.floats(-2, 2), min_size=60, max_size=60),
)
def test_two_who_cross_keep_their_numbers_though_one_is_hidden(
    speed: float, apart_px: float, wobble: list[float]
) -> None:
    """The one behind is not seen while the boxes share more than half; at most half a second."""
    tracker, seconds = Tracker(), 240 / speed
    assume(0.55 * 110 / speed < 0.5)
    numbers: list[dict[str, int]] = []
    for step in range(int(2 * seconds / STEP_S)):
        at_s = step * STEP_S
        shift = wobble[step % 60]
        front = (100 + speed * at_s + shift, 100.0, 110.0, 110.0)
        behind = (100 + 2 * 240 - speed * at_s + shift, 100 + apart_px, 100.0, 100.0)
        is_hidden = abs(front[0] - behind[0]) < 55
        seen = {"front": front} if is_hidden else {"front": front, "behind": behind}
        ids = tracker.update([*seen.values()], at_s)
        numbers.append(dict(zip(seen, ids, strict=True)))
    assert numbers[-1] == numbers[0]


@given(hidden_s=st.floats(0.05, 0.5), speed=st.floats(-150, 150))
def test_a_face_hidden_for_half_a_second_keeps_its_number(hidden_s: float, speed: float) -> None:
    tracker = Tracker()
    for step in range(6):
        tracker.update([(200 + speed * step * STEP_S, 80.0, 120.0, 120.0)], step * STEP_S)
    back_s = 5 * STEP_S + hidden_s
    for step in range(3):
        at_s = back_s + step * STEP_S
        assert tracker.update([(200 + speed * at_s, 80.0, 120.0, 120.0)], at_s) == [1]


def test_a_face_that_stopped_while_hidden_keeps_its_number() -> None:
    tracker = Tracker()
    for step in range(6):
        tracker.update([(20.0 * step, 80.0, 120.0, 120.0)], step * STEP_S)
    assert tracker.update([(105.0, 80.0, 120.0, 120.0)], 5 * STEP_S + 0.5) == [1]


@pytest.mark.parametrize("box", [(400.0, 0.0, 100.0, 100.0), (0.0, 0.0, 250.0, 250.0)])
def test_a_face_elsewhere_or_of_another_size_is_a_new_one(box: Box) -> None:
    tracker = Tracker()
    tracker.update([(0.0, 0.0, 100.0, 100.0)], 0.0)
    assert tracker.update([box], STEP_S) == [2]


def test_a_face_that_comes_back_late_is_a_new_one() -> None:
    tracker = Tracker()
    box = (0.0, 0.0, 100.0, 100.0)
    tracker.update([box], 0.0)
    assert tracker.update([box], 0.9) == [2]
    assert tracker.known == frozenset({2})


def test_a_face_that_changed_hands_goes_on_under_its_new_number() -> None:
    tracker = Tracker()
    box = (0.0, 0.0, 100.0, 100.0)
    tracker.update([box], 0.0)
    assert tracker.renumber(1) == 2
    assert tracker.update([box], 0.1) == [2]
