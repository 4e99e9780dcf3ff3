"""Limits come from the card's calibration, and follow people, groups, measurements and policy."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.matching import MatchRules
from kiosk.vision.limits import LEAST_PEOPLE, UNCALIBRATED, Calibrated, Tier, TierLimits
from models.stages.limits import explained_limit
from models.store import ModelCard, default_store
from protocol.v1.messages import MeasuredLimit

RATES = st.floats(-7, -1).map(lambda exponent: 10.0**exponent)
PEOPLE = st.integers(0, 2000)
TIERS = st.sampled_from(Tier)
NAMES = st.sampled_from(["ana", "teo", "kim"])
MODELS = st.sampled_from(["dlib-resnet-v1", "omz-0095", "sface-2021dec"])
RULES = MatchRules(adults=frozenset({"ana"}), teens=frozenset({"teo"}))


@cache
def card(model_id: str) -> ModelCard:
    return default_store().find(model_id)[0]


def limits(
    rules: MatchRules = RULES,
    people: int = 30,
    tier: Tier = Tier.ROSTER,
    model_id: str = "sface-2021dec",
) -> TierLimits:
    return TierLimits(Calibrated.of(card(model_id)), rules, tier, people)


def limit(found: TierLimits, person: str = "ana") -> float:
    known = found.limit(person)
    assert known is not None
    return known


def measured(distance: float, people: int = 40, model_id: str = "sface-2021dec") -> MatchRules:
    one = MeasuredLimit(model_id=model_id, distance=distance, people=people)
    return replace(RULES, measured=(one,))


@pytest.mark.parametrize("model_id", ["dlib-resnet-v1", "omz-0095", "sface-2021dec"])
@pytest.mark.parametrize("tier", Tier)
def test_the_limit_is_the_cards_for_the_rate_and_the_people(model_id: str, tier: Tier) -> None:
    found = card(model_id)
    assert found.calibration is not None
    assert found.matching is not None
    rate = RULES.roster_fpir if tier is Tier.ROSTER else RULES.wide_fpir
    own = explained_limit(found.calibration, rate, 40).distance

    known = limits(people=40, tier=tier, model_id=model_id)

    assert limit(known) == pytest.approx(found.matching.on_common_scale(own))


@given(rate=RATES, factor=st.floats(1, 20), people=PEOPLE, tier=TIERS, name=NAMES)
def test_a_laxer_rate_never_tightens_a_limit(
    rate: float, factor: float, people: int, tier: Tier, name: str
) -> None:
    laxer = min(rate * factor, 0.5)
    strict = limits(replace(RULES, roster_fpir=rate, wide_fpir=rate), people, tier)
    lax = limits(replace(RULES, roster_fpir=laxer, wide_fpir=laxer), people, tier)

    assert limit(strict, name) <= limit(lax, name)


@given(people=PEOPLE, more=PEOPLE, tier=TIERS, name=NAMES)
def test_more_people_never_loosen_a_limit(people: int, more: int, tier: Tier, name: str) -> None:
    crowded = limit(limits(people=people + more, tier=tier), name)

    assert crowded <= limit(limits(people=people, tier=tier), name)


@pytest.mark.parametrize("people", [1, 3, 29])
def test_a_small_class_keeps_to_the_limit_of_a_usual_one(people: int) -> None:
    usual = limit(limits(people=LEAST_PEOPLE))

    assert limit(limits(people=people)) == usual
    assert limit(limits(people=2 * LEAST_PEOPLE)) < usual


@given(ceiling=st.floats(0.01, 1), people=PEOPLE, tier=TIERS, name=NAMES)
def test_no_limit_exceeds_the_schools_ceiling(
    ceiling: float, people: int, tier: Tier, name: str
) -> None:
    assert limit(limits(replace(RULES, ceiling=ceiling), people, tier), name) <= ceiling


@given(distance=st.floats(0.01, 2), count=st.integers(1, 100), tier=TIERS, name=NAMES)
def test_a_measured_limit_tightens_and_from_30_people_on_takes_the_place_of_the_groups(
    distance: float, count: int, tier: Tier, name: str
) -> None:
    found = limit(limits(measured(distance, count), tier=tier), name)

    is_for_all = count >= 30 or name == "ana"
    before = limit(limits(tier=tier), "ana" if is_for_all else name)
    assert found == pytest.approx(min(before, distance))


@given(model_id=MODELS, tier=TIERS, name=NAMES, people=PEOPLE)
def test_nobody_has_a_laxer_limit_than_adults(
    model_id: str, tier: Tier, name: str, people: int
) -> None:
    known = limits(people=people, tier=tier, model_id=model_id)
    found = known.limit(name)

    assert found is None or found <= limit(known)


@pytest.mark.parametrize("model_id", ["dlib-resnet-v1", "omz-0095"])
def test_children_and_teens_have_no_limit_with_a_network_that_knows_none(model_id: str) -> None:
    known = limits(model_id=model_id)

    assert known.limit("kim") is None
    assert known.limit("teo") is None
    assert known.limit("ana") is not None
    assert limits(measured(0.2, 40, model_id), model_id=model_id).limit("kim") == 0.2
    assert limits(measured(0.2, 29, model_id), model_id=model_id).limit("kim") is None
    assert limits(measured(0.2, 40), model_id=model_id).limit("kim") is None


def test_somebody_not_due_needs_a_closer_match() -> None:
    assert limit(limits(tier=Tier.WIDE)) < limit(limits())


def test_a_limit_that_somebody_set_stands_whatever_was_calibrated_for_adults() -> None:
    rules = replace(RULES, roster_distance=0.6, wide_distance=0.2, ceiling=0.3)

    assert limit(limits(rules)) == 0.6
    assert limit(limits(rules, tier=Tier.WIDE)) == 0.2


def test_a_limit_that_somebody_set_does_not_loosen_that_of_children() -> None:
    rules = replace(RULES, roster_distance=0.6)

    assert limit(limits(rules), "kim") < limit(limits(rules), "teo") < 0.6
    assert limits(rules, model_id="dlib-resnet-v1").limit("kim") is None


def test_a_model_without_calibration_keeps_to_the_careful_limits() -> None:
    bare = replace(Calibrated.of(card("dlib-resnet-v1")), calibration=None)

    found = TierLimits(bare, RULES, Tier.ROSTER, 30)

    assert limit(found) == UNCALIBRATED[Tier.ROSTER] > UNCALIBRATED[Tier.WIDE]
    assert found.limit("kim") is None
