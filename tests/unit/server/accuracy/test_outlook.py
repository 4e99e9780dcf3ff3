"""What the Accuracy page claims, and what it must not claim."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import LimitGroup
from server.accuracy.outlook import (
    FigureSource,
    MeasuredNetwork,
    Outlook,
    fpir_of,
    outlooks,
    supported,
)
from server.accuracy.words import in_hundred, up_to
from server.db.types import now
from server.limits.tables import LimitState, StoredLimit
from server.ml.school import CardHere, ClassRateHere, LimitHere, SchoolOperatingPoint
from server.web.translations import translator

ADULT, TEEN, CHILD = LimitGroup
EN = translator("en")
RATE = 1e-4


def limit(**figures: Any) -> LimitHere:
    given = {"limit": 0.4, "expected_fpir": 0.0, "interval": (0.0, 0.9), "fnmr": 0.05}
    return LimitHere.model_validate({"target_fpir": RATE, "gallery_size": 30} | given | figures)


def point(pairs: int, *groups: str, **more: Any) -> SchoolOperatingPoint:
    figures = {
        "people": 100,
        "is_enough": True,
        "pairs": pairs,
        "ceiling": 0.4,
        "by_card": [CardHere(group=one, limit=0.4, fnmr=0.08) for one in groups or ("adult",)],
        "present": limit(),
        "proposed": limit(),
    }
    return SchoolOperatingPoint.model_validate(figures | more)


def in_force(people: int = 100, minors: int = 100) -> StoredLimit:
    return StoredLimit(
        model_id="m",
        state=LimitState.IN_FORCE,
        distance=0.4,
        card_limit=0.45,
        people=people,
        minors=minors,
        raised_share=0.0,
        measured_at=now(),
    )


def only(network: MeasuredNetwork, group: LimitGroup) -> Outlook:
    (found,) = outlooks(network, {group: 40, "unknown": 0})
    return found


def test_children_are_not_promised_what_holds_for_adults() -> None:
    network = MeasuredNetwork(point(4950, "adult", "teen", "child"), None, RATE, is_weak=False)

    assert only(network, ADULT).mistaken == RATE
    child = only(network, CHILD)
    assert child.source is FigureSource.OTHERS
    assert child.mistaken is not None
    assert up_to(EN, child.mistaken) == "3 in 100"
    assert child.missed == 0.08


def test_without_a_limit_for_the_group_the_page_says_that_kiosks_refuse_it() -> None:
    network = MeasuredNetwork(point(4950), None, RATE, is_weak=False)

    assert only(network, CHILD).source is FigureSource.REFUSED


def test_nothing_is_claimed_before_anything_was_measured() -> None:
    network = MeasuredNetwork(None, None, RATE, is_weak=False)

    assert only(network, CHILD) == Outlook(CHILD, 40, FigureSource.UNKNOWN)
    assert only(network, ADULT).mistaken == RATE


def test_adults_of_a_weak_network_get_no_figure_of_random_strangers() -> None:
    network = MeasuredNetwork(point(4950), None, RATE, is_weak=True)

    found = only(network, ADULT)
    assert found.source is FigureSource.SCHOOL
    assert found.mistaken is not None
    assert found.mistaken > 0.05


def test_where_more_students_resemble_each_other_than_promised_it_is_said() -> None:
    alike = limit(expected_fpir=0.04)
    network = MeasuredNetwork(point(4950, present=alike, ceiling=0.3), None, RATE, is_weak=False)

    found = only(network, ADULT)
    assert found.source is FigureSource.SCHOOL
    assert found.mistaken == pytest.approx(0.0589, abs=1e-3)


def test_adults_who_were_measured_say_nothing_about_a_few_children() -> None:
    network = MeasuredNetwork(point(4950), in_force(people=100, minors=29), RATE, is_weak=False)
    assert only(network, CHILD).source is FigureSource.REFUSED
    network = MeasuredNetwork(point(4950), in_force(people=100, minors=50), RATE, is_weak=False)
    assert only(network, CHILD).source is FigureSource.REFUSED
    network = MeasuredNetwork(point(4950), in_force(people=100, minors=51), RATE, is_weak=False)
    assert only(network, CHILD).source is FigureSource.SCHOOL


def test_a_small_school_gets_no_figure_rather_than_a_wrong_one() -> None:
    network = MeasuredNetwork(point(435), in_force(30, 30), RATE, is_weak=False)

    assert only(network, CHILD).mistaken is None


@given(
    pairs=st.integers(1, 10_000_000),
    people=st.integers(1, 1000),
    expected=st.floats(0, 1),
    weak=st.booleans(),
    minors=st.sampled_from([0, 10, 400]),
    group=st.sampled_from(LimitGroup),
)
def test_no_claim_is_below_what_ten_pairs_support(
    pairs: int, people: int, expected: float, weak: bool, minors: int, group: LimitGroup
) -> None:
    here = limit(expected_fpir=expected, gallery_size=people)
    measured = point(pairs, "adult", "teen", "child", present=here, proposed=here)
    own = in_force(400, minors) if minors else None
    found = only(MeasuredNetwork(measured, own, RATE, is_weak=weak), group)

    least = {
        FigureSource.OTHERS: supported(11_000, 30),
        FigureSource.SCHOOL: supported(pairs, people),
    }
    claimed = found.mistaken
    assert claimed is None or RATE <= claimed <= 0.1
    assert claimed is None or claimed >= least.get(found.source, RATE)
    assert group is ADULT or found.source is not FigureSource.CARD


@given(fmr=st.floats(0, 1), people=st.integers(1, 1000))
def test_more_people_are_mistaken_for_more_often(fmr: float, people: int) -> None:
    assert 0 <= fpir_of(fmr, people) <= fpir_of(fmr, people + 1) <= 1


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.027, "3 in 100"), (0.01, "1 in 100"), (0.0024, "1 in 400"), (0.00031, "1 in 3,000")],
)
def test_an_upper_end_is_never_said_rarer_than_it_is(share: float, words: str) -> None:
    assert up_to(EN, share) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0.052, "about 5 in 100"), (0.004, "fewer than 1 in 100")]
)
def test_students_are_counted_in_hundreds(share: float, words: str) -> None:
    assert in_hundred(EN, share) == words


def rate_of(kind: str, target: float, upper: float) -> ClassRateHere:
    return ClassRateHere(kind=kind, target_fpir=target, fpir=0.0, interval=(0.0, upper))


RATES = (
    rate_of("similar", 1e-2, 0.05),
    rate_of("similar", 1e-4, 0.0076),
    rate_of("similar", 1e-4, 0.008),
    rate_of("random", 1e-4, 0.5),
)


@pytest.mark.parametrize(("rate", "alike"), [(1e-4, 0.008), (1e-3, 0.05), (0.1, None)])
def test_adults_who_look_alike_are_told_what_was_measured_on_such_classes(
    rate: float, alike: float | None
) -> None:
    network = MeasuredNetwork(point(4950, class_rates=RATES), None, rate, is_weak=False)

    assert only(network, ADULT).alike == alike


def test_without_rates_of_the_card_nothing_is_claimed_of_people_who_look_alike() -> None:
    assert only(MeasuredNetwork(point(4950), None, RATE, is_weak=False), ADULT).alike is None
