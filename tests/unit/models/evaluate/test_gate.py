"""The gate lets no worse model through, and none that too little data speaks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.evaluate.dataset import Pair, Picture
from models.evaluate.gate import Comparison, GateVerdict, compare
from models.evaluate.identification import Design
from models.evaluate.rules import RULES
from tests.unit.models.evaluate.people import made_up

FUSED = RULES["mirrored"]
DESIGN = Design(20, draws=20)
GOOD = made_up([2] * 120, spread=0.3, dimension=32)
POOR = made_up([2] * 120, spread=1.5, dimension=32)


def pairs(count: int) -> list[Pair]:
    same = [Pair(Picture(f"person-{n:04}", 1), Picture(f"person-{n:04}", 2)) for n in range(count)]
    different = [
        Pair(Picture(f"person-{n:04}", 1), Picture(f"person-{(n + 1) % count:04}", 2))
        for n in range(count)
    ]
    return same + different


def test_the_same_model_passes() -> None:
    verdict = compare(POOR, POOR, pairs(120), FUSED, DESIGN)

    assert verdict.passes
    assert verdict.sentence("new", "old") == "new passes: it is shown to be no worse than old"
    assert all(one.upper_difference == 0 for one in verdict.comparisons)


def test_a_better_model_passes() -> None:
    assert compare(POOR, GOOD, pairs(120), FUSED, DESIGN).passes


def test_a_worse_model_is_refused_in_one_sentence() -> None:
    verdict = compare(GOOD, POOR, pairs(120), FUSED, DESIGN)

    assert not verdict.passes
    assert verdict.sentence("new", "old").startswith("new is refused: its ")
    assert "\n" not in verdict.sentence("new", "old")


def test_as_good_a_model_is_refused_where_few_people_speak_for_it() -> None:
    present = made_up([2] * 24, spread=1.0, dimension=32, seed=1)
    candidate = made_up([2] * 24, spread=1.0, dimension=32, seed=2)

    verdict = compare(present, candidate, pairs(24), FUSED, replace(DESIGN, gallery_size=10))

    assert not verdict.passes


@pytest.mark.parametrize(("upper", "passes"), [(0.01, True), (0.0101, False), (-0.2, True)])
def test_the_upper_end_decides(upper: float, passes: bool) -> None:
    verdict = GateVerdict((Comparison("FNIR", 0.1, 0.1, upper, 0.01),))

    assert verdict.passes is passes
