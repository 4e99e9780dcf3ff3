"""Children and teenagers are recognised at limits that hold for them, or not at all."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.limits import (
    LEAST_MEASURED,
    LEAST_PEOPLE,
    Calibrated,
    SchoolLimit,
    explained_limit,
)
from models.store import GroupLimit, ModelCard, default_store

GROUPS = st.sampled_from(["adult", "teen", "child"])
CARDS = st.sampled_from(["dlib-resnet-v1", "omz-0095", "sface-2021dec"])
COUNTS = st.integers(1, 12)
DISTANCES = st.floats(0.01, 2)
MEASURED = st.builds(SchoolLimit, DISTANCES, st.integers(1, 400))
LIMITED = GroupLimit(group="child", distance=0.3, fmr=1e-3, pairs=11000, source="made up")


@cache
def card(model_id: str) -> ModelCard:
    return default_store().find(model_id)[0]


def calibrated(model_id: str) -> Calibrated:
    return Calibrated.of(card(model_id))


@given(CARDS, DISTANCES, GROUPS, st.none() | MEASURED)
def test_no_group_and_no_measurement_loosens_a_limit(
    model_id: str, limit: float, group: str, measured: SchoolLimit | None
) -> None:
    found = calibrated(model_id).for_group(limit, group, measured)

    assert found is None or found <= limit
    assert found is None or measured is None or found <= measured.distance


@given(CARDS, DISTANCES, GROUPS, MEASURED, st.floats(0.1, 1))
def test_a_stricter_measurement_never_loosens_a_limit(
    model_id: str, limit: float, group: str, measured: SchoolLimit, factor: float
) -> None:
    stricter = SchoolLimit(measured.distance * factor, measured.people)
    found = calibrated(model_id)

    before, after = (found.for_group(limit, group, one) for one in (measured, stricter))

    assert (before is None) is (after is None)
    assert before is None or after is None or after <= before


@pytest.mark.parametrize("model_id", ["dlib-resnet-v1", "omz-0095"])
@pytest.mark.parametrize("group", ["teen", "child"])
def test_a_card_without_limits_for_a_group_refuses_it_until_a_school_has_measured(
    model_id: str, group: str
) -> None:
    found = calibrated(model_id)

    assert found.for_group(0.4, group) is None
    assert found.for_group(0.4, group, SchoolLimit(0.3, LEAST_MEASURED - 1)) is None
    assert found.for_group(0.4, group, SchoolLimit(0.3, LEAST_MEASURED)) == 0.3
    assert found.for_group(0.4, group, SchoolLimit(0.5, LEAST_MEASURED)) == 0.4
    assert found.for_group(0.4, "adult") == 0.4


@pytest.mark.parametrize(("group", "cosine"), [("child", 0.52), ("teen", 0.50)])
def test_sface_keeps_children_and_teens_to_the_limits_of_their_groups(
    group: str, cosine: float
) -> None:
    found = calibrated("sface-2021dec")
    own = found.matching.on_common_scale(1 - cosine)

    assert found.for_group(2.0, group) == pytest.approx(own)
    assert found.for_group(own / 2, group) == own / 2
    assert found.for_group(2.0, "adult") == 2.0
    assert found.for_group(2.0, group, SchoolLimit(own * 1.2, LEAST_MEASURED)) == own * 1.2


def test_the_limits_of_groups_rest_on_enough_pairs() -> None:
    for one in card("sface-2021dec").groups:
        assert one.fmr * one.pairs >= 10


def test_a_limit_that_too_few_pairs_support_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 10 pairs"):
        GroupLimit.model_validate(LIMITED.model_dump() | {"fmr": 1e-4})


def test_two_limits_for_one_group_are_refused() -> None:
    known = card("sface-2021dec").model_dump() | {"groups": [LIMITED, LIMITED]}

    with pytest.raises(ValueError, match="same group"):
        ModelCard.model_validate(known)


@given(CARDS, st.floats(-6, -1).map(lambda exponent: 10.0**exponent), st.integers(0, LEAST_PEOPLE))
def test_a_small_class_keeps_to_the_limit_of_a_usual_one(
    model_id: str, target: float, people: int
) -> None:
    found = calibrated(model_id)

    assert found.limit(target, people) == found.limit(target, LEAST_PEOPLE)


@given(CARDS, st.floats(-6, -1).map(lambda exponent: 10.0**exponent), COUNTS, COUNTS)
def test_the_limit_holds_for_one_photo_and_for_more_and_for_one_frame_and_for_more(
    model_id: str, target: float, photos: int, frames: int
) -> None:
    known = card(model_id)
    assert known.calibration is not None

    limit = explained_limit(known.calibration, target, 30).distance

    counted = explained_limit(known.calibration, target, 30, counts=(photos, frames))
    assert limit <= counted.distance


def test_a_card_that_does_not_compare_faces_has_no_limits() -> None:
    with pytest.raises(ValueError, match="face-mesh"):
        calibrated("face-mesh")


def test_a_card_that_was_never_calibrated_says_so() -> None:
    bare = card("dlib-resnet-v1").model_copy(update={"calibration": None})

    with pytest.raises(ValueError, match="never calibrated"):
        Calibrated.of(bare).limit(1e-4, 30)
