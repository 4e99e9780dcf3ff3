import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.matching import MatchLimits
from kiosk.vision.decision import decide
from kiosk.vision.knowledge import Tiers
from models.stages.match import Gallery
from tests.fakes.face_models import DIMENSION, vector

LIMITS = MatchLimits(roster_distance=0.5, wide_distance=0.4, min_margin=0.05)


def gallery(**places: float) -> Gallery:
    rows = np.array([vector(place) for place in places.values()], np.float32)
    return Gallery.build([*places], rows.reshape(-1, DIMENSION), "m")


def found(expected: Gallery, others: Gallery) -> str | None:
    match = decide(vector(0.0), Tiers(expected, others), LIMITS)
    return None if match is None else match.person_id


def test_somebody_on_the_roster_is_found_up_to_its_limit() -> None:
    assert found(gallery(ana=0.49), gallery()) == "ana"
    assert found(gallery(ana=0.51), gallery()) is None


def test_somebody_else_is_found_only_up_to_the_stricter_limit() -> None:
    assert found(gallery(), gallery(ben=0.39)) == "ben"
    assert found(gallery(), gallery(ben=0.41)) is None


def test_the_limit_that_applied_is_told() -> None:
    match = decide(vector(0.0), Tiers(gallery(ana=0.3, eva=-0.4), gallery()), LIMITS)
    assert match is not None
    assert match.threshold == 0.5
    assert match.distance == pytest.approx(0.3)
    assert match.margin == pytest.approx(0.1)


def test_alone_there_is_no_margin() -> None:
    match = decide(vector(0.0), Tiers(gallery(ana=0.3), gallery()), LIMITS)
    assert match is not None
    assert match.margin is None


def test_two_people_too_close_to_each_other_are_nobody() -> None:
    assert found(gallery(ana=0.30, eva=0.34), gallery()) is None


def test_a_stranger_to_the_session_is_not_marked_as_a_look_alike_on_the_roster() -> None:
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
    tiers = Tiers(
        gallery(**{f"e{n}": place for n, place in enumerate(expected)}),
        gallery(**{f"o{n}": place for n, place in enumerate(others)}),
    )
    match = decide(vector(0.0), tiers, LIMITS)
    limits = {"e": LIMITS.roster_distance, "o": LIMITS.wide_distance}
    assert match is None or match.distance <= limits[match.person_id[0]] == match.threshold
