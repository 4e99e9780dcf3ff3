"""The limits of a card among the people of a school, with templates made up for each case."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from models.service.errors import ErrorCode, RefusalError
from models.service.gallery_check import distances, fused
from models.service.native_schemas import Member, OperatingPointRequest, OperatingPointResponse
from models.service.operating_point import operating_point
from models.service.school_distances import school_of
from models.service.vectors import packed
from models.stages.limits import Calibrated
from models.store import ModelCard, default_store

CARD = default_store().find("dlib-resnet-v1")[0]
Rows = NDArray[np.float32]


def faces(*people: int, photos: int = 1, spread: float = 0.0) -> list[Rows]:
    """Directions far apart, one for each number; the same number is the same face."""
    found = []
    for person in people:
        random = np.random.default_rng(person)
        face = random.normal(0, 1, CARD.dimension) / np.sqrt(CARD.dimension)
        noise = random.normal(0, 1, (photos, CARD.dimension)) * spread
        found.append(np.asarray(face + noise, np.float32))
    return found


def members(templates: list[Rows], *cohorts: tuple[str, range]) -> list[Member]:
    return [
        Member(
            id=f"p{number:04d}",
            templates=[packed(row) for row in rows],
            cohorts=[name for name, those in cohorts if number in those],
        )
        for number, rows in enumerate(templates)
    ]


def measure(people: list[Member], card: ModelCard = CARD) -> OperatingPointResponse:
    request = OperatingPointRequest(
        model_id=card.id, people=people, roster_sizes=[30, 60], targets=[1e-2, 1e-4]
    )
    return operating_point(card, request)


def test_people_who_look_the_same_never_make_the_rate_look_better() -> None:
    uppers = []
    for same in (0, 1, 2, 5, 20, 39):
        found = measure(members(faces(*[0] * (same + 1), *range(1, 40 - same))))
        limit = found.at_card_limits[0]
        assert limit.interval[0] <= limit.expected_fpir <= limit.interval[1]
        uppers.append(limit.interval[1])

    assert all(fewer <= more for fewer, more in pairwise(uppers))


def test_where_everybody_looks_the_same_every_stranger_passes() -> None:
    found = measure(members(faces(*[0] * 40)))

    for limit in found.at_card_limits:
        assert (limit.expected_fpir, limit.interval[1]) == (1.0, 1.0)


def test_a_card_that_was_never_calibrated_is_refused_by_name() -> None:
    with pytest.raises(RefusalError) as refusal:
        measure(members(faces(*range(40))), CARD.model_copy(update={"calibration": None}))

    assert refusal.value.code is ErrorCode.NOT_CALIBRATED
    assert refusal.value.code.status == 422


def test_a_cohort_has_the_first_target_for_the_first_size_alone() -> None:
    found = measure(members(faces(*range(70)), ("9b", range(35))))

    (cohort,) = found.cohorts
    (limit,) = cohort.at_card_limits
    assert (cohort.people, limit.target_fpir, limit.gallery_size) == (35, 1e-2, 30)
    assert len(found.at_card_limits) == 4


def test_a_course_that_differs_by_one_person_has_not_even_a_count() -> None:
    found = measure(members(faces(*range(70)), ("a", range(30)), ("b", range(31))))

    first, second = found.cohorts
    assert (first.people, first.suppressed, first.at_card_limits) == (None, True, [])
    assert (second.people, second.suppressed) == (31, False)


def test_misses_are_shown_of_those_with_several_photos_and_not_by_difference() -> None:
    several = faces(*range(61), photos=2, spread=0.01)
    single = faces(*range(61, 130))

    found = measure(members([*several, *single], ("a", range(95)), ("b", range(30))))

    shown = {one.name: one.at_card_limits[0].fnmr for one in found.cohorts if one.people}
    assert shown == {"a": 0.0, "b": 0.0}
    found = measure(members([*several[:59], *single], ("a", range(95)), ("b", range(30))))
    shown = {one.name: one.at_card_limits[0].fnmr for one in found.cohorts if one.people}
    assert shown == {"a": 0.0, "b": None}, "the other 29 would be known"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"metric": "cosine"},
        {"metric": "cosine", "scale": ((0.1, 0.2), (0.5, 0.5), (0.9, 0.6))},
        {"scale": ((0.4, 0.5), (1.0, 0.6))},
    ],
)
def test_distances_are_those_of_one_template_against_the_others(change: dict[str, object]) -> None:
    assert CARD.matching is not None
    card = CARD.model_copy(update={"matching": CARD.matching.model_copy(update=change)})
    people = members(faces(*range(600), photos=3, spread=0.02))
    ids, templates = fused(people, card)

    school = school_of(card, people)

    assert school.ids == ids
    for row in (0, 499, 500, 599):
        others = np.arange(600) != row
        apart = distances(templates[row], templates, card)
        assert school.between[row][others] == pytest.approx(apart[others], abs=1e-5)
    one, rest = (
        fused([people[0].model_copy(update={"templates": part})], card)[1]
        for part in (people[0].templates[:1], people[0].templates[1:])
    )
    assert school.within[0] >= distances(one[0], rest, card)[0] - 1e-5


def test_a_single_photo_has_nothing_to_miss() -> None:
    school = school_of(CARD, members(faces(*range(3)) + faces(3, photos=2, spread=0.01)))

    assert np.isnan(school.within).tolist() == [True, True, True, False]


SFACE = default_store().find("sface-2021dec")[0]


def test_the_card_speaks_for_the_groups_that_it_has_limits_for() -> None:
    people = members(faces(*range(40)))

    of_sface, of_dlib = measure(people, SFACE).by_card, measure(people).by_card

    assert [one.group for one in of_dlib] == ["adult"]
    assert [one.group for one in of_sface] == ["adult", "child", "teen"]
    for one in of_sface:
        own = Calibrated.of(SFACE).limit(1e-2, 30)
        assert one.limit == Calibrated.of(SFACE).for_group(own, one.group)
    adults, children, teens = (one.limit for one in of_sface)
    assert children < teens < adults


def test_what_the_card_states_about_similar_people_is_in_the_answer() -> None:
    found = measure(members(faces(*range(40))))

    assert CARD.calibration is not None
    assert [one.model_dump() for one in found.class_rates] == [
        one.model_dump() for one in CARD.calibration.classes
    ]
    assert {one.kind for one in found.class_rates} >= {"random", "similar"}
