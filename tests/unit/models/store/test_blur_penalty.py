"""How much nearer a blurred face must be, as a card says it."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.store import Matching, default_store

POINTS = ((30.0, 0.02), (60.0, 0.01), (150.0, 0.0))
MATCHING = Matching(metric="euclidean", confident=0.5, uncertain=0.6, blur_penalty=POINTS)
SHARPNESS = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("sharpness", "penalty"),
    [(0.0, 0.02), (30.0, 0.02), (45.0, 0.015), (60.0, 0.01), (150.0, 0.0), (inf, 0.0)],
)
def test_between_the_points_lie_straight_lines(sharpness: float, penalty: float) -> None:
    assert MATCHING.penalty_at(sharpness) == pytest.approx(penalty)


@given(one=SHARPNESS, other=SHARPNESS)
def test_a_sharper_face_never_has_to_be_nearer(one: float, other: float) -> None:
    sharper, softer = max(one, other), min(one, other)

    assert 0.0 <= MATCHING.penalty_at(sharper) <= MATCHING.penalty_at(softer) <= POINTS[0][1]


def test_a_card_without_points_asks_for_nothing() -> None:
    plain = MATCHING.model_copy(update={"blur_penalty": ()})

    assert plain.penalty_at(0.0) == 0.0


@pytest.mark.parametrize(
    "points",
    [
        ((30.0, 0.02),),
        ((30.0, 0.02), (60.0, 0.01)),
        ((60.0, 0.02), (30.0, 0.0)),
        ((30.0, 0.0), (60.0, 0.02)),
        ((30.0, 0.01), (60.0, 0.01), (90.0, 0.0)),
    ],
)
def test_points_that_do_not_fall_to_nothing_are_refused(
    points: tuple[tuple[float, float], ...],
) -> None:
    with pytest.raises(ValidationError, match="blur_penalty"):
        Matching(metric="euclidean", confident=0.5, uncertain=0.6, blur_penalty=points)


@pytest.mark.parametrize(
    ("model", "has_penalty"), [("dlib-resnet-v1", True), ("sface-2021dec", False)]
)
def test_only_networks_that_were_measured_to_need_it_ask_for_it(
    model: str, has_penalty: bool
) -> None:
    matching = default_store().find(model)[0].matching

    assert matching is not None
    assert (matching.penalty_at(40.0) > 0) is has_penalty
