"""Strangers at classes of people drawn at random, of one sex, and of people who look alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.classes import CLASS_SIZE, ClassScans, scan_drawn, scan_similar
from models.evaluate.comparisons import Comparisons, compare_all, resemblance
from models.evaluate.faces import EmbeddedSet
from models.evaluate.identification import Design, TooFewPeopleError, run_trials
from models.evaluate.rules import RULES
from tests.unit.models.evaluate.people import made_up

FUSED = RULES["mirrored"]
PEOPLE = made_up([2] * 150, spread=0.7, dimension=24)
EVERYBODY = np.arange(150)


def families(count: int, size: int) -> EmbeddedSet:
    """Families of people who look almost the same, two pictures each."""
    parents = made_up([2 * size] * count, spread=0.1, dimension=48).faces.values()
    faces = {
        f"family-{number:03}-{child:03}": own[2 * child : 2 * child + 2]
        for number, own in enumerate(parents)
        for child in range(size)
    }
    return EmbeddedSet("made-up", "float32", "euclidean", 1.0, faces)


def compared(embedded: EmbeddedSet, rounds: int = 2) -> Comparisons:
    found = compare_all(embedded, FUSED, 1, rounds)
    assert found is not None
    return found


def test_classes_drawn_at_random_are_as_rosters_drawn_at_random() -> None:
    scans = scan_drawn(compared(PEOPLE, 8), EVERYBODY, 0)
    trials = run_trials(PEOPLE, FUSED, Design(CLASS_SIZE, draws=100))
    limit = float(np.quantile(trials.stranger_distance, 0.05))

    assert scans.alarms(limit).estimate == pytest.approx(0.05, rel=0.15)


@pytest.mark.parametrize("among", [EVERYBODY, EVERYBODY[:32], EVERYBODY[100:]])
def test_nobody_is_a_stranger_to_a_class_with_themselves(among: np.typing.NDArray[np.intp]) -> None:
    scans = scan_drawn(compared(PEOPLE), among, 0)

    assert np.all(scans.stranger != scans.nearest)
    assert set(scans.stranger.tolist()) == set(among.tolist())
    assert scans.members == len(among)


def test_a_class_of_similar_people_is_the_harder_one_and_never_holds_the_stranger() -> None:
    embedded = families(20, 8)
    found = compared(embedded)
    similar = scan_similar(found, resemblance(embedded, FUSED))
    drawn = scan_drawn(found, np.arange(160), 0)

    assert np.all(similar.stranger != similar.nearest)
    assert np.all(np.isfinite(similar.distance))
    assert similar.alarms(0.3).estimate > drawn.alarms(0.3).estimate > 0
    assert len(similar.stranger) == 160 * CLASS_SIZE * 2


def test_strangers_of_a_class_of_similar_people_are_among_the_nearest() -> None:
    embedded = families(6, 31)
    similar = scan_similar(compared(embedded), resemblance(embedded, FUSED))

    assert np.all(similar.stranger // 31 == similar.nearest // 31)


@given(limit=st.floats(0, 2), more=st.floats(0, 1))
def test_a_laxer_limit_never_has_fewer_alarms_and_the_interval_holds_the_estimate(
    limit: float, more: float
) -> None:
    random = np.random.default_rng(1)
    people = random.integers(0, 40, (2, 200))
    scans = ClassScans(40, 40, people[0], people[1], random.uniform(0, 2, 200).astype(np.float32))

    found, laxer = scans.alarms(limit), scans.alarms(limit + more)

    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert laxer.estimate >= found.estimate


def test_where_nothing_happened_the_upper_end_is_not_nothing() -> None:
    found = scan_drawn(compared(PEOPLE), EVERYBODY, 0).alarms(0.0)

    assert found.estimate == 0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 150))


def test_too_few_people_for_a_class_and_a_stranger_are_refused() -> None:
    few = made_up([2] * CLASS_SIZE)

    with pytest.raises(TooFewPeopleError):
        scan_drawn(compared(few), np.arange(CLASS_SIZE), 0)
    with pytest.raises(TooFewPeopleError):
        scan_similar(compared(few), resemblance(few, FUSED))
