"""Rosters are drawn as the design says, and everybody is scanned once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.evaluate.identification import Design, TooFewPeopleError, run_trials
from models.evaluate.rules import RULES
from tests.unit.models.evaluate.people import made_up

FUSED = RULES["mirrored"]


def test_people_without_spread_are_found_at_distance_zero() -> None:
    found = run_trials(made_up([3] * 40), FUSED, Design(10, enrolled=2, draws=5))

    assert found.is_nearest.all()
    assert found.genuine_distance == pytest.approx(0, abs=1e-3)
    assert found.stranger_distance.min() > 0.5


def test_nobody_is_a_stranger_while_enrolled() -> None:
    found = run_trials(made_up([2] * 30), FUSED, Design(10, draws=3))

    for draw in range(3):
        enrolled = set(found.genuine_person[draw * 10 : (draw + 1) * 10].tolist())
        strangers = set(found.stranger_person[draw * 20 : (draw + 1) * 20].tolist())
        assert len(enrolled) == 10
        assert strangers == set(range(30)) - enrolled
    assert found.eligible == 30


def test_single_strangers_are_people_with_one_picture() -> None:
    found = run_trials(
        made_up([2] * 20 + [1] * 15), FUSED, Design(10, draws=2, probes=1, strangers="single")
    )

    assert set(found.stranger_person.tolist()) == set(range(20, 35))


def test_fused_probes_are_of_different_pictures() -> None:
    found = run_trials(made_up([6] * 12), FUSED, Design(4, enrolled=2, probes=2, draws=1))

    assert len(found.genuine_person) == 8  # four pictures are left, which makes two probes each
    assert len(found.stranger_person) == 8


def test_one_seed_gives_one_answer() -> None:
    people = made_up([3] * 30, spread=0.5)

    first, second = (run_trials(people, FUSED, Design(10, draws=3)) for _ in range(2))
    other = run_trials(people, FUSED, Design(10, draws=3, seed=5))

    assert np.array_equal(first.stranger_distance, second.stranger_distance)
    assert not np.array_equal(first.stranger_distance, other.stranger_distance)


@pytest.mark.parametrize(
    "design", [Design(31), Design(5, enrolled=3), Design(5, probes=2, strangers="single")]
)
def test_a_design_that_the_people_do_not_fill_is_refused(design: Design) -> None:
    with pytest.raises(TooFewPeopleError):
        run_trials(made_up([2] * 30), FUSED, design)


def test_a_picture_without_a_face_is_never_enrolled_and_always_missed() -> None:
    people = made_up([2] * 20)
    faces = {name: (None, own[1]) for name, own in people.faces.items()}

    found = run_trials(replace(people, faces=faces), FUSED, Design(10, draws=4, strangers="all"))

    assert np.isinf(found.genuine_distance).all()
    assert not found.is_nearest.any()


def test_the_nearest_template_of_a_person_counts() -> None:
    people = made_up([3] * 30, spread=0.8)
    design = Design(10, enrolled=2, draws=4)

    nearest = run_trials(people, RULES["nearest"], design)
    either = run_trials(people, RULES["nearest-or-fused"], design)

    assert (either.genuine_distance <= nearest.genuine_distance + 1e-6).all()
    assert (either.stranger_distance <= nearest.stranger_distance + 1e-6).all()


def test_the_cards_length_stretches_distances_of_directions_only() -> None:
    people = made_up([2] * 30, spread=0.5)
    longer = replace(people, length=1.5)

    plain, stretched = (run_trials(p, FUSED, Design(10, draws=2)) for p in (people, longer))
    as_is = run_trials(longer, RULES["mean"], Design(10, draws=2))
    mean = run_trials(people, RULES["mean"], Design(10, draws=2))

    assert stretched.genuine_distance == pytest.approx(1.5 * plain.genuine_distance, rel=1e-5)
    assert as_is.genuine_distance == pytest.approx(mean.genuine_distance)


def test_cosine_is_half_the_square_of_the_distance_of_directions() -> None:
    people = made_up([2] * 30, spread=0.5)

    euclidean = run_trials(people, FUSED, Design(10, draws=2))
    cosine = run_trials(replace(people, metric="cosine", length=9.0), FUSED, Design(10, draws=2))

    assert cosine.genuine_distance == pytest.approx(euclidean.genuine_distance**2 / 2, abs=1e-5)
