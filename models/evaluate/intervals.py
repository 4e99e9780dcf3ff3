"""Rates of misses at chosen rates of false alarms, with bootstrap intervals over people.

A resample gives every person a weight: how often they were drawn with replacement. A scan of an
enrolled person counts as often as that person; a scan of a stranger as often as the stranger times
the person whose template was nearest. So pictures of one person never pass for independent
evidence, however often people were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.identification import Trials

Floats = NDArray[np.float64]
LEAST_STRANGERS = 10
"""A rate of false alarms is stated only when at least so many strangers caused some."""
_COVERAGE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and the bootstrap's 95 % interval; shares, 0 to 1."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class OperatingPoint:
    """What happens at one limit.

    Attributes:
        fpir: share of the strangers' scans that are nearer than the limit.
        limit: distance; at this or further is nobody.
        fnir: share of the enrolled people's scans that do not give that person; None where too
            few strangers stand behind the limit for the figure to mean anything.
        strangers: different people among the false alarms.
    """

    fpir: float
    limit: float
    fnir: Interval | None
    strangers: int


def operating_points(
    trials: Trials, fpirs: Sequence[float], *, resamples: int = 500, seed: int = 0
) -> list[OperatingPoint]:
    """Find the limit for each FPIR, and the FNIR there.

    Args:
        trials: of one design.
        fpirs: shares, 0 to 1.
        resamples: of the bootstrap, > 0.
        seed: of the bootstrap.
    """
    curve = _Curve(trials, np.asarray(fpirs, np.float64))
    ones = np.ones(trials.people)
    limits, rates = curve.at(ones)
    bands = np.stack(
        [curve.at(weights)[1] for weights in resampled(trials.people, resamples, seed)]
    )
    low, high = interval_of(bands)
    scanned = np.unique(trials.genuine_person).size
    high = np.where(rates > 0, high, np.maximum(high, bound_by_count(scanned)))
    return [
        OperatingPoint(
            float(curve.fpirs[index]),
            float(limits[index]),
            Interval(float(rates[index]), float(low[index]), float(high[index]))
            if strangers >= LEAST_STRANGERS
            else None,
            strangers,
        )
        for index, strangers in enumerate(curve.strangers_within(limits))
    ]


def miss_rates(trials: Trials, fpir: float, weights: Floats) -> tuple[float, Floats]:
    """The FNIR at one FPIR, for all people and for each resample.

    Args:
        trials: of one design.
        fpir: share, 0 to 1.
        weights: (resamples, people), see `resampled`.

    Returns:
        The estimate, and (resamples,).
    """
    curve = _Curve(trials, np.array([fpir]))
    estimate = float(curve.at(np.ones(trials.people))[1][0])
    return estimate, np.array([curve.at(row)[1][0] for row in weights])


def resampled(count: int, resamples: int, seed: int) -> Floats:
    """(resamples, count): how often each of `count` is drawn when as many are drawn again."""
    random = np.random.default_rng(seed)
    return random.multinomial(count, np.full(count, 1.0 / count), resamples).astype(np.float64)


def interval_of(resamples: Floats) -> tuple[Floats, Floats]:
    """The middle 95 % along the first axis, leaving out what could not be computed (nan)."""
    edge = (1.0 - _COVERAGE) / 2.0
    low, high = np.nanquantile(resamples, (edge, 1.0 - edge), axis=0)
    return low, high


def bound_by_count(count: int) -> float:
    """The largest share that, with 97.5 % confidence, still shows none in `count` trials.

    A bootstrap of trials in which nothing happened says that nothing ever will.

    Args:
        count: independent trials, > 0.

    Source: Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 1934.
    """
    return float(1.0 - ((1.0 - _COVERAGE) / 2.0) ** (1.0 / count))


class _Curve:
    """The strangers' distances in order, so that a limit is a lookup."""

    def __init__(self, trials: Trials, fpirs: Floats) -> None:
        order = np.argsort(trials.stranger_distance, kind="stable")
        self.fpirs = fpirs
        self._distances = trials.stranger_distance[order]
        self._strangers = trials.stranger_person[order]
        self._nearest = trials.nearest_person[order]
        own = np.where(trials.is_nearest, trials.genuine_distance, np.inf)
        rising = np.argsort(own, kind="stable")
        self._own = own[rising]
        self._owners = trials.genuine_person[rising]

    def at(self, weights: Floats) -> tuple[Floats, Floats]:
        """Limits and FNIRs, one an FPIR, when people count as often as `weights` says."""
        alarms = np.cumsum(weights[self._strangers] * weights[self._nearest])
        if not alarms.size or alarms[-1] <= 0:
            return np.full_like(self.fpirs, np.nan), np.full_like(self.fpirs, np.nan)
        # The first scan that would be one too many sets the limit, and is not accepted itself.
        places = np.searchsorted(alarms, self.fpirs * alarms[-1] * (1 + 1e-12), side="right")
        limits = self._distances[np.minimum(places, len(alarms) - 1)].astype(np.float64)
        found = np.concatenate([[0.0], np.cumsum(weights[self._owners])])
        if found[-1] <= 0:
            return limits, np.full_like(limits, np.nan)
        accepted = found[np.searchsorted(self._own, limits, side="left")]
        return limits, 1.0 - accepted / found[-1]

    def strangers_within(self, limits: Floats) -> list[int]:
        ends = np.searchsorted(self._distances, limits, side="left")
        return [int(np.unique(self._strangers[:end]).size) for end in ends]
