"""Limits come from the card's calibration, and follow people, pictures, frames and policy."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.matching import MatchRules
from kiosk.vision.limits import LEAST_PEOPLE, UNCALIBRATED, Calibrated, TierLimits
from models.stages.limits import Tier, explained_limit
from models.store import ModelCard, default_store

RATES = st.floats(-7, -1).map(lambda exponent: 10.0**exponent)
PEOPLE = st.integers(0, 2000)
COUNTS = st.integers(1, 12)
TIERS = st.sampled_from(Tier)


def card(model_id: str) -> ModelCard:
    return default_store().find(model_id)[0]


def calibrated(model_id: str = "dlib-resnet-v1") -> Calibrated:
    found = card(model_id)
    assert found.matching is not None
    return Calibrated(found.matching, found.calibration)


def limits(
    rules: MatchRules, people: int = 30, tier: Tier = Tier.ROSTER, photos: int = 1
) -> TierLimits:
    return TierLimits(calibrated(), rules, tier, people, {"ana": photos})


def test_the_limit_is_the_cards_for_the_rate_the_people_the_pictures_and_the_frames() -> None:
    calibration = card("dlib-resnet-v1").calibration
    assert calibration is not None
    wanted = explained_limit(calibration, 1e-3, 30, Tier.ROSTER, (3, 3)).distance

    assert limits(MatchRules(roster_fpir=1e-3), photos=3).limit("ana", 3) == pytest.approx(wanted)


@pytest.mark.parametrize("model_id", ["omz-0095", "sface-2021dec"])
def test_a_limit_is_brought_to_the_scale_that_distances_are_on(model_id: str) -> None:
    found = card(model_id)
    assert found.calibration is not None
    assert found.matching is not None
    own = explained_limit(found.calibration, 1e-3, 30, Tier.ROSTER, (1, 1)).distance

    answer = calibrated(model_id).limit(1e-3, 30, Tier.ROSTER, (1, 1))

    assert answer == pytest.approx(found.matching.on_common_scale(own))


@given(rate=RATES, factor=st.floats(1, 20), people=PEOPLE, tier=TIERS, photos=COUNTS, frames=COUNTS)
def test_a_laxer_rate_never_tightens_a_limit(
    rate: float, factor: float, people: int, tier: Tier, photos: int, frames: int
) -> None:
    laxer = min(rate * factor, 0.5)
    strict = limits(MatchRules(rate, rate), people, tier, photos).limit("ana", frames)

    assert strict <= limits(MatchRules(laxer, laxer), people, tier, photos).limit("ana", frames)


@given(people=PEOPLE, more=PEOPLE, tier=TIERS, photos=COUNTS, frames=COUNTS)
def test_more_people_never_loosen_a_limit(
    people: int, more: int, tier: Tier, photos: int, frames: int
) -> None:
    rules = MatchRules()
    crowded = limits(rules, people + more, tier, photos).limit("ana", frames)

    assert crowded <= limits(rules, people, tier, photos).limit("ana", frames)


@pytest.mark.parametrize("people", [1, 3, 29])
def test_a_small_class_keeps_to_the_limit_of_a_usual_one(people: int) -> None:
    usual = limits(MatchRules(), LEAST_PEOPLE).limit("ana", 3)

    assert limits(MatchRules(), people).limit("ana", 3) == usual
    assert limits(MatchRules(), 2 * LEAST_PEOPLE).limit("ana", 3) < usual


@given(ceiling=st.floats(0.01, 1), people=PEOPLE, tier=TIERS, photos=COUNTS, frames=COUNTS)
def test_no_limit_exceeds_the_schools_ceiling(
    ceiling: float, people: int, tier: Tier, photos: int, frames: int
) -> None:
    assert limits(MatchRules(ceiling=ceiling), people, tier, photos).limit("ana", frames) <= ceiling


def test_somebody_not_due_needs_a_closer_match() -> None:
    rules = MatchRules()

    wide = limits(rules, tier=Tier.WIDE).limit("ana", 3)

    assert wide < limits(rules).limit("ana", 3)


def test_a_limit_that_somebody_set_stands_whatever_was_calibrated() -> None:
    rules = MatchRules(roster_distance=0.6, wide_distance=0.2, ceiling=0.3)

    assert limits(rules).limit("ana", 3) == 0.6
    assert limits(rules, tier=Tier.WIDE).limit("ana", 3) == 0.2


def test_a_model_without_calibration_keeps_to_the_careful_limits() -> None:
    bare = replace(calibrated(), calibration=None)

    found = TierLimits(bare, MatchRules(), Tier.ROSTER, 30, {}).limit("ana", 3)

    assert found == UNCALIBRATED[Tier.ROSTER] > UNCALIBRATED[Tier.WIDE]
