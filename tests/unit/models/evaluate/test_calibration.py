"""A calibration predicts what scans of rosters then show, and goes into a card and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.errors import CardError
from models.evaluate.calibration import calibrate, write_calibration
from models.evaluate.identification import Design, TooFewPeopleError, run_trials
from models.evaluate.rules import RULES
from models.stages.limits import explained_limit
from models.store import Calibration, ClassRate, default_store, read_card
from tests.unit.models.evaluate.people import made_up

if TYPE_CHECKING:
    from pathlib import Path

FUSED = RULES["mirrored"]
RATE = ClassRate(
    data="lfw-dev",
    kind="similar",
    people=300,
    enrolled=1,
    target_fpir=1e-4,
    fpir=0.002,
    interval=(0.001, 0.003),
)
PEOPLE = made_up([2] * 300 + [1] * 50, spread=0.7, dimension=24)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(PEOPLE, FUSED, "made up", rounds=4)


def test_limits_keep_their_fpir_on_rosters(calibration: Calibration) -> None:
    limit = explained_limit(calibration, 0.02, 10, is_strict=False)
    scans = run_trials(PEOPLE, FUSED, Design(10, draws=200))

    fpir = (scans.stranger_distance < limit.distance).mean()

    assert not limit.is_extrapolated
    assert fpir == pytest.approx(0.02, rel=0.15)
    missed = (scans.genuine_distance >= limit.distance).mean()
    assert limit.fnmr == pytest.approx(missed, abs=0.05)


def test_only_counts_with_enough_people_are_calibrated(calibration: Calibration) -> None:
    assert [(curve.enrolled, curve.probes) for curve in calibration.curves] == [(1, 1)]
    (curve,) = calibration.curves
    assert (curve.people, curve.strangers, curve.genuine_people) == (350, 350, 300)


def test_no_level_is_stated_that_the_pairs_do_not_support(calibration: Calibration) -> None:
    assert calibration.curves[0].fmr[-1] * 350 * 349 >= 30


def test_strict_limits_are_stricter(calibration: Calibration) -> None:
    (curve,) = calibration.curves

    assert np.all(np.array(curve.strict_limits) < curve.limits)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(TooFewPeopleError):
        calibrate(made_up([2] * 100), FUSED, "made up")


def test_a_card_takes_a_calibration_and_then_another(
    tmp_path: Path, calibration: Calibration
) -> None:
    shipped = default_store().cards_folder / "dlib-resnet-v1.toml"
    path = tmp_path / "card.toml"
    path.write_text(shipped.read_text("utf-8"), "utf-8")
    before = read_card(path)

    write_calibration(path, calibration)
    second = calibration.model_copy(
        update={"data": 'a "second" one', "fused_shift": 0.0063, "classes": (RATE,)}
    )
    write_calibration(path, second)

    card = read_card(path)
    assert card.calibration is not None
    assert card.calibration.data == 'a "second" one'
    assert (card.calibration.fused_shift, card.calibration.classes) == (0.0063, (RATE,))
    assert card.calibration.curves[0].limits == pytest.approx(calibration.curves[0].limits)
    assert card.calibration.curves[0].fmr == pytest.approx(calibration.curves[0].fmr, rel=1e-3)
    assert card.model_copy(update={"calibration": None}) == before.model_copy(
        update={"calibration": None}
    )
    assert path.read_text("utf-8").count("[calibration]") == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("interval", [(0.003, 0.004), (0.0, 0.001), (-0.1, 0.1), (0.0, 1.1)])
def test_a_rate_outside_its_interval_is_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="inside its interval"):
        ClassRate.model_validate(RATE.model_dump() | {"interval": interval})


def test_what_is_no_card_is_left_as_it_was(tmp_path: Path, calibration: Calibration) -> None:
    path = tmp_path / "card.toml"
    path.write_text("id = 3")

    with pytest.raises(CardError):
        write_calibration(path, calibration)

    assert path.read_text() == "id = 3"
