"""Blurred frames must be nearer, where the card of the network says so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.matching import MatchRules
from kiosk.vision.decision import Match, judge
from kiosk.vision.knowledge import Tiers
from kiosk.vision.limits import Calibrated
from models.stages.fuse import Evidence
from models.stages.match import Gallery
from models.store import Matching
from tests.fakes.face_models import DIMENSION, vector

LIMIT = 0.5
POINTS = ((30.0, 0.1), (130.0, 0.0))
MATCHING = Matching(metric="euclidean", confident=0.5, uncertain=0.6, blur_penalty=POINTS)
AXIS = vector(1.0)


def at(distance: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A template of length 1 so far from AXIS."""
    angle = 2 * np.arcsin(distance / 2)
    return vector(float(np.cos(angle)), float(np.sin(angle)))


def judged(distance: float, *sharpness: float) -> Match | None:
    evidence = Evidence(MATCHING)
    for one in sharpness:
        evidence.add(AXIS, 1.0, one)
    rules = MatchRules(
        roster_distance=LIMIT, min_margin=0.0, min_frames=2, adults=frozenset({"ana"})
    )
    rows = at(distance).reshape(-1, DIMENSION)
    galleries = (
        Gallery.build(["ana"], rows, "m"),
        Gallery.build((), np.empty((0, 0), np.float32), "m"),
    )
    return judge(evidence, Tiers.of(Calibrated(MATCHING, None), rules, galleries))


def test_sharp_frames_keep_the_whole_limit() -> None:
    match = judged(0.49, 500.0, 500.0)

    assert match is not None
    assert match.threshold == LIMIT


def test_blurred_frames_must_be_nearer_and_the_match_says_by_how_much() -> None:
    assert judged(0.49, 30.0, 30.0) is None
    match = judged(0.39, 30.0, 30.0)
    assert match is not None
    assert match.threshold == pytest.approx(LIMIT - 0.1)


def test_the_mean_of_the_frames_counts() -> None:
    match = judged(0.3, 30.0, 500.0)

    assert match is not None
    assert match.threshold == pytest.approx(LIMIT - 0.05)


@given(
    distance=st.floats(0.0, 0.6),
    frames=st.lists(st.floats(0, 300), min_size=2, max_size=6),
    sharper=st.floats(0, 300),
)
def test_sharper_frames_never_lose_a_match(
    distance: float, frames: list[float], sharper: float
) -> None:
    before = judged(distance, *frames)
    after = judged(distance, *(max(one, sharper) for one in frames))

    assert before is None or after is not None


def test_a_frame_that_is_pushed_out_takes_its_penalty_along() -> None:
    evidence = Evidence(MATCHING, kept=1)
    evidence.add(AXIS, 0.2, 30.0)
    evidence.add(AXIS, 0.9, 500.0)

    assert evidence.penalty == 0.0


def test_without_frames_there_is_no_penalty() -> None:
    assert Evidence(MATCHING).penalty == 0.0
