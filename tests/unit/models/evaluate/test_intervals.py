"""Rates and intervals of made-up scans whose answers are known by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluate.intervals import bound_by_count, operating_points, resampled
from tests.unit.models.evaluate.people import trials

UNIFORM = (np.arange(1000) + 0.5) / 1000


def test_the_limit_is_where_the_share_of_strangers_is_the_fpir() -> None:
    scans = trials(UNIFORM / 2, UNIFORM)

    (point,) = operating_points(scans, [0.1], resamples=50)

    assert point.limit == pytest.approx(0.1, abs=1e-3)
    assert point.fnir is not None
    assert point.fnir.estimate == pytest.approx(0.8, abs=2e-3)
    assert point.strangers == 100


def test_no_more_strangers_pass_than_the_fpir_allows() -> None:
    scans = trials(np.full(50, 0.2), np.repeat([0.1, 0.3], [40, 60]))

    (point,) = operating_points(scans, [0.39], resamples=10)

    assert (scans.stranger_distance < point.limit).mean() <= 0.39


def test_an_enrolled_person_taken_for_another_is_a_miss() -> None:
    scans = trials(np.full(50, 0.2), np.linspace(0.5, 1, 200))
    scans.is_nearest[:10] = False

    (point,) = operating_points(scans, [0.1], resamples=10)

    assert point.fnir is not None
    assert point.fnir.estimate == pytest.approx(0.2)


def test_a_figure_that_too_few_strangers_support_is_not_stated() -> None:
    few, enough = operating_points(trials(UNIFORM / 2, UNIFORM), [0.009, 0.01], resamples=10)

    assert (few.strangers, few.fnir) == (9, None)
    assert enough.strangers == 10
    assert enough.fnir is not None


def test_the_same_stranger_many_times_is_one_stranger() -> None:
    scans = trials(UNIFORM / 2, UNIFORM)
    scans.stranger_person[:] = scans.stranger_person[0]

    (point,) = operating_points(scans, [0.5], resamples=10)

    assert (point.strangers, point.fnir) == (1, None)


def test_the_interval_is_as_wide_as_the_binomial_one() -> None:
    missed = np.where(np.arange(400) % 4 == 0, 9.0, 0.1)

    (point,) = operating_points(trials(missed, np.linspace(5, 6, 400)), [0.1], resamples=2000)

    assert point.fnir is not None
    half_width = 1.96 * np.sqrt(0.25 * 0.75 / 400)
    assert point.fnir.low == pytest.approx(0.25 - half_width, abs=0.008)
    assert point.fnir.high == pytest.approx(0.25 + half_width, abs=0.008)


def test_pictures_of_one_person_do_not_narrow_the_interval() -> None:
    single = trials(np.where(np.arange(40) % 4 == 0, 9.0, 0.1), np.linspace(5, 6, 400))
    repeated = trials(np.tile(single.genuine_distance, 25), np.linspace(5, 6, 400))
    repeated.genuine_person[:] = np.tile(np.arange(40), 25)

    (few,), (many,) = (operating_points(s, [0.1], resamples=1000) for s in (single, repeated))

    assert few.fnir is not None
    assert many.fnir is not None
    width = few.fnir.high - few.fnir.low
    assert many.fnir.high - many.fnir.low == pytest.approx(width, rel=0.2)


def test_no_miss_among_few_people_is_not_taken_for_never() -> None:
    (point,) = operating_points(trials(np.full(30, 0.1), np.linspace(5, 6, 400)), [0.1])

    assert point.fnir is not None
    assert (point.fnir.estimate, point.fnir.low) == (0.0, 0.0)
    assert point.fnir.high == pytest.approx(1 - 0.025 ** (1 / 30))


def test_a_scan_without_a_face_is_a_miss_and_no_alarm() -> None:
    scans = trials(np.repeat([0.1, np.inf], 50), np.repeat([0.5, np.inf], 200))

    (point,) = operating_points(scans, [0.25], resamples=10)

    assert point.limit == 0.5
    assert point.strangers == 0


@pytest.mark.parametrize(("count", "bound"), [(1, 0.975), (100, 0.0362), (3000, 0.00123)])
def test_the_bound_without_events_is_the_exact_one(count: int, bound: float) -> None:
    assert bound_by_count(count) == pytest.approx(bound, rel=2e-3)


def test_a_resample_draws_as_many_people_as_there_are() -> None:
    weights = resampled(70, 20, seed=1)

    assert weights.shape == (20, 70)
    assert (weights.sum(axis=1) == 70).all()
