import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.vision.tracking import Box, Tracker, overlap

SIZES = st.floats(1, 500)
PLACES = st.floats(-200, 600)
BOXES = st.tuples(PLACES, PLACES, SIZES, SIZES)


@given(first=BOXES, second=BOXES)
def test_overlap_is_a_share_and_the_same_both_ways(first: Box, second: Box) -> None:
    assert 0.0 <= overlap(first, second) <= 1.0 + 1e-9
    assert overlap(first, second) == pytest.approx(overlap(second, first))


@given(box=BOXES)
def test_a_box_overlaps_itself_wholly(box: Box) -> None:
    assert overlap(box, box) == pytest.approx(1.0)


@given(frames=st.lists(st.lists(BOXES, max_size=5), max_size=8))
def test_faces_of_one_frame_never_share_a_number(frames: list[list[Box]]) -> None:
    tracker = Tracker()
    numbers = [tracker.update(boxes, at / 30) for at, boxes in enumerate(frames)]
    assert all(len(set(ids)) == len(ids) for ids in numbers)


def test_a_moving_face_keeps_its_number() -> None:
    tracker = Tracker()
    ids = [
        tracker.update([(100.0 + 10 * step, 50.0, 100.0, 100.0)], step / 15) for step in range(9)
    ]
    assert {number for frame in ids for number in frame} == {1}


def test_two_faces_keep_their_numbers_in_any_order() -> None:
    tracker = Tracker()
    left, right = (0.0, 0.0, 100.0, 100.0), (300.0, 0.0, 100.0, 100.0)
    assert tracker.update([left, right], 0.0) == [1, 2]
    assert tracker.update([right, left], 0.1) == [2, 1]


def test_a_missed_frame_does_not_break_a_track() -> None:
    tracker = Tracker(forget_s=0.7)
    box = (0.0, 0.0, 100.0, 100.0)
    tracker.update([box], 0.0)
    tracker.update([], 0.3)
    assert tracker.update([box], 0.6) == [1]


def test_a_face_that_comes_back_late_is_a_new_one() -> None:
    tracker = Tracker(forget_s=0.7)
    box = (0.0, 0.0, 100.0, 100.0)
    tracker.update([box], 0.0)
    assert tracker.update([box], 0.8) == [2]
    assert tracker.known == frozenset({2})


def test_a_face_that_changed_hands_goes_on_under_its_new_number() -> None:
    tracker = Tracker()
    box = (0.0, 0.0, 100.0, 100.0)
    tracker.update([box], 0.0)
    assert tracker.renumber(1) == 2
    assert tracker.update([box], 0.1) == [2]
