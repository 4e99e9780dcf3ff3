"""The limit that a school's own people give: look-alikes, cost of a change, and never looser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.service.native_schemas import OperatingPointRequest, OperatingPointResponse
from models.service.operating_point import operating_point
from models.service.own_limit import PEOPLE_PER_PAIR, ceiling_of
from models.store import ModelCard
from tests.unit.models.service.test_operating_point import CARD, Rows, faces, members


def measure(
    templates: list[Rows], in_force: float | None = None, card: ModelCard = CARD
) -> OperatingPointResponse:
    request = OperatingPointRequest(
        model_id=card.id,
        people=members(templates),
        roster_sizes=[30],
        targets=[1e-4],
        limit_in_force=in_force,
    )
    return operating_point(card, request)


def near(person: int, share: float) -> Rows:
    """Somebody who resembles a person: that share of the way to a stranger."""
    rows = faces(person, 10_000 + person)
    return np.asarray(rows[0] * (1 - share) + rows[1] * share, np.float32)


def test_two_who_are_nearly_one_are_named_and_do_not_set_the_limit() -> None:
    alone = measure(faces(*range(60)))
    twins = measure([*faces(*range(60)), near(7, 0.05)])

    assert alone.pairs_left_out == []
    (pair,) = twins.pairs_left_out
    assert {pair.a, pair.b} == {"p0007", "p0060"}
    assert alone.ceiling is not None
    assert twins.ceiling == pytest.approx(alone.ceiling, abs=0.05)
    assert twins.ceiling is not None
    assert twins.proposed is not None
    assert twins.proposed.expected_fpir > 0, "what is left out still counts as a mistake"
    assert twins.ceiling > twins.at_card_limits[0].limit


def test_a_network_that_mixes_up_many_is_not_excused() -> None:
    many = [near(person, 0.05) for person in range(10)]
    found = measure([*faces(*range(60)), *many])

    assert len(found.pairs_left_out) == (60 + 10) // PEOPLE_PER_PAIR
    assert found.ceiling is not None
    assert found.ceiling < found.at_card_limits[0].limit


def test_pairs_that_a_limit_can_tell_apart_are_never_left_out() -> None:
    found = measure([*faces(*range(60)), near(7, 0.9)])

    assert found.pairs_left_out == []


@settings(max_examples=60, deadline=None)
@given(
    distances=st.lists(st.floats(0.0, 1.5, width=32), min_size=435, max_size=435),
    strictest=st.floats(0.05, 0.6),
    fmr=st.floats(1e-7, 1e-2),
)
def test_a_ceiling_leaves_out_few_pairs_and_only_the_nearest(
    distances: list[float], strictest: float, fmr: float
) -> None:
    apart = np.sort(np.array(distances, np.float32))
    ceiling, left_out = ceiling_of(apart, 30, fmr=fmr, strictest=strictest)

    assert left_out <= 1
    assert all(apart[:left_out] < np.float32(strictest))
    assert np.mean(apart[left_out:] < np.float32(ceiling)) <= fmr


@settings(max_examples=15, deadline=None)
@given(in_force=st.none() | st.floats(0.05, 2.0), alike=st.integers(0, 4))
def test_no_limit_is_looser_than_the_cards(in_force: float | None, alike: int) -> None:
    found = measure([*faces(*range(40)), *(near(one, 0.3) for one in range(alike))], in_force)

    card = found.at_card_limits[0]
    assert found.present is not None
    assert found.proposed is not None
    assert found.present.limit <= card.limit
    assert found.proposed.limit <= card.limit
    assert found.present.limit <= (in_force or card.limit)
    if found.proposed.limit >= found.present.limit:
        assert found.raised_share == 0.0


def spread_faces(count: int, photos: int) -> list[Rows]:
    """People whose photos are further apart the higher their number."""
    return [faces(one, photos=photos, spread=0.01 + 0.0006 * one)[0] for one in range(count)]


def test_the_share_of_people_whom_a_stricter_limit_misses_more_is_counted() -> None:
    alike = [near(one, 0.15) for one in range(8)]
    school = spread_faces(80, photos=3)
    found = measure([*school, *alike])

    assert found.proposed is not None
    assert found.present is not None
    assert found.proposed.limit < found.present.limit
    assert found.raised_share is not None
    assert found.proposed.fnmr is not None
    assert found.present.fnmr is not None
    missed_now, missed_then = found.present.fnmr, found.proposed.fnmr
    assert found.raised_share >= missed_then - missed_now > 0


def test_with_one_photo_each_the_card_says_how_many_are_missed() -> None:
    alike = [near(one, 0.15) for one in range(8)]
    found = measure([*faces(*range(80)), *alike])

    assert found.proposed is not None
    assert found.proposed.fnmr is None
    assert found.raised_share is not None
    assert 0 < found.raised_share <= 1


def test_too_few_people_give_no_limit_but_the_cards_own_figures() -> None:
    found = measure(faces(*range(29)))

    assert (found.ceiling, found.proposed, found.present) == (None, None, None)
    (adults,) = found.by_card
    assert adults.group == "adult"
    assert 0 < adults.fnmr < 1


def test_limits_are_on_the_scale_that_all_cards_share() -> None:
    assert CARD.matching is not None
    matching = CARD.matching.model_copy(update={"scale": ((0.1, 0.2), (0.5, 0.5), (0.9, 0.6))})
    school = spread_faces(40, photos=2)
    found = measure(school, card=CARD.model_copy(update={"matching": matching}))
    plain = measure(school)

    assert found.proposed is not None
    assert found.proposed.limit <= found.at_card_limits[0].limit
    assert found.ceiling is not None
    assert plain.ceiling is not None
    assert found.ceiling == pytest.approx(matching.on_common_scale(plain.ceiling), abs=1e-4)
