"""A limit follows the target and the gallery, and says when it leaves what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.limits import explained_limit, fmr_for, fpir_of
from models.store import Calibration, CalibrationCurve

TARGETS = st.floats(-7, -0.5).map(lambda exponent: 10.0**exponent)
SIZES = st.integers(1, 5000)


def limit_for(calibration: Calibration, target: float, size: int) -> float:
    return explained_limit(calibration, target, size).distance


@st.composite
def curves(draw: st.DrawFn) -> CalibrationCurve:
    count = draw(st.integers(2, 7))
    steps = draw(st.lists(st.floats(0.001, 0.1), min_size=count, max_size=count))
    slack = draw(st.lists(st.floats(0, 0.03), min_size=count, max_size=count))
    limits = 1.2 - np.cumsum(steps)
    strict = np.minimum.accumulate(limits - np.array(slack))
    genuine = np.sort(draw(st.lists(st.floats(0.1, 0.9), min_size=5, max_size=5)))
    return CalibrationCurve(
        enrolled=draw(st.integers(1, 5)),
        probes=draw(st.integers(1, 5)),
        people=100,
        strangers=500,
        genuine_people=90,
        fmr=tuple(10.0 ** (-2 - n / 2) for n in range(count)),
        limits=tuple(limits.tolist()),
        strict_limits=tuple(strict.tolist()),
        genuine_shares=(0.05, 0.25, 0.5, 0.75, 0.95),
        genuine_distances=tuple(genuine.tolist()),
    )


CALIBRATIONS = st.lists(curves(), min_size=1, max_size=4).map(
    lambda some: Calibration(data="made up", rule="mirrored", curves=tuple(some))
)
ONE = Calibration(
    data="made up",
    rule="mirrored",
    curves=(
        CalibrationCurve(
            enrolled=1, probes=1, people=100, strangers=500,
        genuine_people=90,
            fmr=(1e-2, 1e-3, 1e-4), limits=(0.6, 0.54, 0.5), strict_limits=(0.59, 0.52, 0.47),
            genuine_shares=(0.1, 0.5, 0.9), genuine_distances=(0.3, 0.4, 0.5),
        ),
        CalibrationCurve(
            enrolled=3, probes=3, people=100, strangers=500,
        genuine_people=90,
            fmr=(1e-2, 1e-3), limits=(0.5, 0.45), strict_limits=(0.49, 0.44),
            genuine_shares=(0.1, 0.9), genuine_distances=(0.2, 0.3),
        ),
    ),
)  # fmt: skip


@given(calibration=CALIBRATIONS, target=TARGETS, factor=st.floats(1, 50), size=SIZES)
def test_a_laxer_target_never_tightens_the_limit(
    calibration: Calibration, target: float, factor: float, size: int
) -> None:
    laxer = min(target * factor, 0.9)

    strict_limit = limit_for(calibration, min(target, laxer), size)

    assert 0 <= strict_limit <= limit_for(calibration, laxer, size)


@given(calibration=CALIBRATIONS, target=TARGETS, size=SIZES, more=SIZES)
def test_a_larger_gallery_never_loosens_the_limit(
    calibration: Calibration, target: float, size: int, more: int
) -> None:
    larger = limit_for(calibration, target, size + more)

    assert larger <= limit_for(calibration, target, size)


@given(
    calibration=CALIBRATIONS,
    target=TARGETS,
    size=SIZES,
    counts=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)
def test_the_limit_holds_for_any_counts_of_pictures_and_at_the_lower_ends(
    calibration: Calibration, target: float, size: int, counts: tuple[int, int]
) -> None:
    limit = limit_for(calibration, target, size)

    assert limit <= explained_limit(calibration, target, size, counts=counts).distance
    assert limit <= explained_limit(calibration, target, size, is_strict=False).distance


@given(calibration=CALIBRATIONS, target=TARGETS, size=SIZES, shift=st.floats(0, 2))
def test_limits_are_stricter_by_what_fused_frames_come_nearer(
    calibration: Calibration, target: float, size: int, shift: float
) -> None:
    shifted = calibration.model_copy(update={"fused_shift": shift})
    before = limit_for(calibration, target, size)

    assert limit_for(shifted, target, size) == pytest.approx(max(before - shift, 0.0))
    counted = explained_limit(shifted, target, size, counts=(1, 1)).distance
    assert counted == explained_limit(calibration, target, size, counts=(1, 1)).distance


@given(curve=curves(), target=TARGETS, size=SIZES)
def test_only_a_limit_below_the_last_measured_one_is_extrapolated(
    curve: CalibrationCurve, target: float, size: int
) -> None:
    calibration = Calibration(data="made up", rule="mirrored", curves=(curve,))

    found = explained_limit(calibration, target, size, is_strict=False)

    assert found.is_extrapolated is (found.fmr < curve.fmr[-1] * (1 - 1e-9))
    assert found.is_extrapolated is (found.distance < curve.limits[-1] - 1e-12)
    assert found.distance <= curve.limits[0]


@given(target=st.floats(1e-7, 0.5), size=SIZES)
def test_shares_of_comparisons_and_of_searches_belong_together(target: float, size: int) -> None:
    assert fpir_of(fmr_for(target, size), size) == pytest.approx(target, rel=1e-6)


@given(size=SIZES)
def test_where_every_comparison_goes_wrong_every_search_does(size: int) -> None:
    assert fpir_of(1.0, size) == 1.0


@pytest.mark.parametrize(
    ("target", "size", "counts", "expected", "is_extrapolated"),
    [
        (1e-3, 1, (1, 1), 0.54, False),
        (1e-2, 10, (1, 1), 0.54, False),  # one comparison in a thousand, ten of them
        (0.5, 1, (1, 1), 0.6, False),  # no looser than the loosest measured
        (1e-4, 1, (1, 1), 0.5, False),
        (1e-6, 1, (1, 1), 0.426, True),  # along the line through the three levels
        (1e-60, 1, (1, 1), 0.0, True),
        (1e-3, 1, (2, 1), 0.45, False),  # the curve with at least two
        (1e-3, 1, (9, 9), 0.45, False),  # none has as many: the strictest
        (1e-3, 1, None, 0.45, False),
        (1e-4, 1, (3, 3), 0.409, True),
    ],
)
def test_limits_of_a_known_calibration(
    target: float,
    size: int,
    counts: tuple[int, int] | None,
    expected: float,
    is_extrapolated: bool,
) -> None:
    found = explained_limit(ONE, target, size, counts=counts, is_strict=False)

    assert found.distance == pytest.approx(expected, abs=2e-3)
    assert found.is_extrapolated is is_extrapolated


@pytest.mark.parametrize(
    ("target", "expected"), [(1e-4, 0.1), (0.5, 0.1), (1e-6, 0.398), (1e-60, 1.0)]
)
def test_the_misses_to_expect_come_with_the_limit(target: float, expected: float) -> None:
    found = explained_limit(ONE, target, 1, counts=(1, 1), is_strict=False)

    assert found.fnmr == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 7.0])
def test_a_target_that_is_no_share_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        limit_for(ONE, target, 30)


def test_an_empty_gallery_counts_as_one_person() -> None:
    assert limit_for(ONE, 1e-3, 0) == limit_for(ONE, 1e-3, 1)


@pytest.mark.parametrize(("is_strict", "expected"), [(True, 0.44), (False, 0.45)])
def test_a_strict_limit_is_at_the_lower_end_of_the_interval(
    is_strict: bool, expected: float
) -> None:
    found = explained_limit(ONE, 1e-3, 1, is_strict=is_strict)

    assert found.distance == pytest.approx(expected)
