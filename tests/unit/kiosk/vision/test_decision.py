from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.matching import MatchRules
from kiosk.vision.decision import Match, decide, judge
from kiosk.vision.knowledge import Tiers
from kiosk.vision.limits import Calibrated
from models.stages.fuse import Evidence
from models.stages.match import Gallery
from models.store import ModelCard, default_store
from tests.fakes.face_models import DIMENSION, vector

CARD = default_store().find("dlib-resnet-v1")[0]
PEOPLE = frozenset(("ana", "eva", "ben", *(f"{tier}{n}" for tier in "eo" for n in range(6))))
RULES = MatchRules(roster_distance=0.5, wide_distance=0.4, min_margin=0.05, adults=PEOPLE)


def split(
    expected: Gallery, others: Gallery, rules: MatchRules = RULES, card: ModelCard = CARD
) -> Tiers:
    return Tiers.of(Calibrated.of(card), rules, (expected, others))


def gallery(**places: float) -> Gallery:
    rows = np.array([vector(place) for place in places.values()], np.float32)
    return Gallery.build([*places], rows.reshape(-1, DIMENSION), "m")


def decided(
    expected: Gallery, others: Gallery, rules: MatchRules = RULES, card: ModelCard = CARD
) -> Match | None:
    return decide(vector(0.0), split(expected, others, rules, card))


def found(expected: Gallery, others: Gallery, rules: MatchRules = RULES) -> str | None:
    match = decided(expected, others, rules)
    return None if match is None else match.person_id


def test_somebody_on_the_roster_is_found_up_to_its_limit() -> None:
    assert found(gallery(ana=0.49), gallery()) == "ana"
    assert found(gallery(ana=0.51), gallery()) is None


def test_somebody_else_is_found_only_up_to_the_stricter_limit() -> None:
    assert found(gallery(), gallery(ben=0.39)) == "ben"
    assert found(gallery(), gallery(ben=0.41)) is None


def test_the_limit_that_applied_is_told() -> None:
    match = decided(gallery(ana=0.3, eva=-0.4), gallery())
    assert match is not None
    assert match.threshold == 0.5
    assert match.distance == pytest.approx(0.3)
    assert match.margin == pytest.approx(0.1)


def test_alone_there_is_no_margin() -> None:
    match = decided(gallery(ana=0.3), gallery())
    assert match is not None
    assert match.margin is None


def test_two_people_too_close_to_each_other_are_nobody() -> None:
    assert found(gallery(ana=0.30, eva=0.34), gallery()) is None


def test_a_stranger_to_the_lesson_is_not_marked_as_a_look_alike_on_the_roster() -> None:
    assert found(gallery(ana=0.45), gallery(ben=0.2)) == "ben"


def test_a_better_fit_elsewhere_beyond_its_own_limit_is_nobody() -> None:
    assert found(gallery(ana=0.49), gallery(ben=0.41)) is None


def test_somebody_on_the_roster_is_not_lost_to_an_equal_fit_elsewhere() -> None:
    assert found(gallery(ana=0.30), gallery(ben=0.28)) == "ana"


@given(
    expected=st.lists(st.floats(-2, 2, width=32), max_size=6),
    others=st.lists(st.floats(-2, 2, width=32), max_size=6),
)
def test_every_answer_keeps_the_limit_of_its_tier(
    expected: list[float], others: list[float]
) -> None:
    match = decided(
        gallery(**{f"e{n}": place for n, place in enumerate(expected)}),
        gallery(**{f"o{n}": place for n, place in enumerate(others)}),
    )
    limits = {"e": RULES.roster_distance, "o": RULES.wide_distance}
    assert match is None or match.threshold == limits[match.person_id[0]]
    assert match is None or match.distance <= match.threshold


SFACE = default_store().find("sface-2021dec")[0]
MINORS = replace(RULES, adults=frozenset({"ben"}), teens=frozenset({"eva"}))
"""Ana is a child, Eva a teenager and Ben an adult."""


@pytest.mark.parametrize("name", ["ana", "eva"])
def test_children_and_teens_are_nobody_with_a_network_that_has_no_limits_for_them(
    name: str,
) -> None:
    near = gallery(**{name: 0.1})

    assert found(near, gallery(), MINORS) is None
    assert decided(near, gallery(), MINORS, SFACE) is not None


def test_an_adult_is_not_taken_for_a_child_that_fits_better_and_is_left_out() -> None:
    assert found(gallery(ben=0.3), gallery(ana=0.1), MINORS) is None
    assert found(gallery(ben=0.1), gallery(ana=0.3), MINORS) == "ben"


def test_people_who_are_left_out_are_counted() -> None:
    everybody = gallery(ana=0.1, ben=0.5), gallery(eva=0.9)

    assert split(*everybody, MINORS).left_out == 2
    assert split(*everybody, MINORS, SFACE).left_out == 0
    assert split(*everybody).left_out == 0


@pytest.mark.parametrize(("limit", "name"), [(0.394, "ana"), (0.410, "eva")])
def test_children_and_teens_are_found_up_to_the_limits_of_their_groups(
    limit: float, name: str
) -> None:
    assert decided(gallery(**{name: limit - 0.005}), gallery(), MINORS, SFACE) is not None
    assert decided(gallery(**{name: limit + 0.005}), gallery(), MINORS, SFACE) is None
    assert decided(gallery(ben=limit + 0.005), gallery(), MINORS, SFACE) is not None


@pytest.mark.parametrize("others", [{"eva": 0.27}, {"ben": 0.27}])
def test_a_child_needs_the_wider_margin_to_everybody(others: dict[str, float]) -> None:
    further = {name: place + 0.05 for name, place in others.items()}

    assert decided(gallery(ana=0.2, **others), gallery(), MINORS, SFACE) is None
    assert decided(gallery(ana=0.2), gallery(**others), MINORS, SFACE) is None
    assert decided(gallery(ana=0.2, **further), gallery(), MINORS, SFACE) is not None
    assert decided(gallery(ana=0.2), gallery(**further), MINORS, SFACE) is not None


CONFUSABLE = MatchRules(
    roster_distance=0.5,
    wide_distance=0.4,
    min_margin=0.05,
    adults=PEOPLE,
    look_alikes=frozenset({frozenset(("ana", "eva"))}),
)


def test_people_easily_confused_must_be_further_apart() -> None:
    assert found(gallery(ana=0.20, eva=0.27), gallery(), CONFUSABLE) is None
    assert found(gallery(ana=0.20, eva=0.31), gallery(), CONFUSABLE) == "ana"


def test_other_people_need_no_more_than_the_usual_margin() -> None:
    assert found(gallery(ana=0.20, ben=0.27), gallery(), CONFUSABLE) == "ana"


@pytest.mark.parametrize("places", [(0.20, 0.27), (0.27, 0.20), (0.23, 0.23)])
def test_people_easily_confused_are_so_in_different_tiers_too(places: tuple[float, float]) -> None:
    due, other = places
    assert found(gallery(ana=due), gallery(eva=other), CONFUSABLE) is None


def test_people_easily_confused_in_different_tiers_are_told_apart_when_they_can_be() -> None:
    assert found(gallery(ana=0.10), gallery(eva=0.31), CONFUSABLE) == "ana"
    assert found(gallery(ana=0.40), gallery(eva=0.10), CONFUSABLE) == "eva"


def evidence(frames: int) -> Evidence:
    """Frames that all look like Ana."""
    assert CARD.matching is not None
    seen = Evidence(CARD.matching)
    for _ in range(frames):
        seen.add(vector(1.0), 0.9)
    return seen


@pytest.mark.parametrize(
    ("min_frames", "needed"), [(1, 2), (2, 2), (3, 3), (4, 4), (7, 7), (10, 10)]
)
def test_nobody_is_found_before_the_rules_number_of_frames_agree(
    min_frames: int, needed: int
) -> None:
    ana = Gallery.build(["ana"], np.stack([evidence(1).fused()]), "m")
    tiers = split(ana, gallery(), replace(RULES, min_frames=min_frames))
    assert judge(evidence(needed - 1), tiers) is None
    match = judge(evidence(needed), tiers)
    assert match is not None
    assert match.person_id == "ana"
