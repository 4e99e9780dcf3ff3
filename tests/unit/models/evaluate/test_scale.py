"""A network's scale puts as many pairs of different people below a level as the reference has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.cli import main
from models.evaluate.scale import PairDistances, find_scale, levels_at

if TYPE_CHECKING:
    from pathlib import Path

DRAWN = np.random.default_rng(4).normal(0.9, 0.1, 20_000).astype(np.float32)
SAME = np.random.default_rng(5).normal(0.4, 0.1, 500).astype(np.float32)
REFERENCE = PairDistances(DRAWN, SAME)


def test_the_reference_is_its_own_scale() -> None:
    points = find_scale(REFERENCE, REFERENCE)

    assert [point.common for point in points] == [0.60, 0.65, 0.70, 0.80, 1.00]
    assert [point.own for point in points] == pytest.approx([p.common for p in points], abs=0.005)
    assert all(point.same == pytest.approx(point.same_reference, abs=0.01) for point in points)


@given(st.floats(0.1, 5), st.floats(-1, 1))
def test_a_stretched_and_shifted_network_gets_the_same_stretch(factor: float, shift: float) -> None:
    stretched = PairDistances(DRAWN * np.float32(factor) + np.float32(shift), SAME)

    points = find_scale(stretched, REFERENCE)

    expected = [point.common * factor + shift for point in points]
    assert [point.own for point in points] == pytest.approx(expected, abs=0.01 * factor)


@given(st.integers(0, 1000))
def test_a_scale_rises(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = PairDistances(random.uniform(0, 1, 5_000).astype(np.float32), SAME)

    own = [point.own for point in find_scale(pairs, REFERENCE)]

    assert own == sorted(own)


def test_what_few_pairs_support_is_left_out() -> None:
    few = PairDistances(DRAWN[:100], SAME)

    assert all(point.different * 100 >= 30 for point in find_scale(few, few))


def test_levels_have_their_share_of_pairs_below() -> None:
    (level,) = levels_at(REFERENCE, [0.01])

    assert (level > DRAWN).mean() == pytest.approx(0.01, abs=1e-3)


def test_the_command_prints_a_table(
    assets: Path, shared_faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    for person in sorted((shared_faces / "lfw-dev").iterdir())[:40]:
        (tmp_path / "people" / person.name).mkdir(parents=True)
        for picture in person.glob("*.jpg"):
            (tmp_path / "people" / person.name / picture.name).symlink_to(picture)
    arguments = ["scale", str(tmp_path / "people"), "--model", "dlib-resnet-v1-int8"]

    assert main([*arguments, "--cache", str(tmp_path / "cache")]) == 0
    assert "| common scale | different people below |" in capsys.readouterr().out
