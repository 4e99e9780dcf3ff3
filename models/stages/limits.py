"""Turns the rate of false alarms that a policy accepts into a limit on the distance.

A stranger is mistaken for a person in a gallery of N when one of N comparisons goes wrong, so
FPIR = 1 - (1 - FMR)^N. The calibration in the embedder's card says which share of comparisons of
two people (FMR) is closer than a distance.

Beyond what was measured the limit goes on from the last measured one along the line that fits the
last levels best over the normal quantile of FMR, the axis of a DET plot, on which distances of
strangers lie straight. Fitted without its last two levels it meets the last one within 0.002
(docs/accuracy.md); over the logarithm of FMR a line fell 0.010 to 0.019 short. At 0 a
limit accepts nobody. Whether a limit is extrapolated is part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import expm1, log1p, log10
from statistics import NormalDist, linear_regression
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.store import Calibration, CalibrationCurve


_FITTED_LEVELS = 4
_quantile = NormalDist().inv_cdf


class Tier(StrEnum):
    """Which gallery is searched."""

    ROSTER = "roster"
    WIDE = "wide"


@dataclass(frozen=True)
class Limit:
    """A limit on the distance and where it comes from.

    Attributes:
        distance: in the network's own metric, before `Matching.on_common_scale`, between templates
            and probes as `models.stages.templates` makes them; nearer is a match.
        fmr: share of comparisons of two people that may be nearer.
        is_extrapolated: whether so small a share was never measured.
        fnmr: share of comparisons within a person that are not nearer, by the calibration.
    """

    distance: float
    fmr: float
    is_extrapolated: bool
    fnmr: float


def limit_for(calibration: Calibration, target_fpir: float, gallery_size: int, tier: Tier) -> float:
    """Return the distance below which a probe may match, for any counts of pictures.

    Args:
        calibration: of the embedder's card.
        target_fpir: share of strangers' scans that may match a person, above 0, below 1.
        gallery_size: people in the gallery; below 1 counts as 1.
        tier: the wide gallery keeps to the lower ends of the measured intervals.

    Returns:
        The strictest of the limits for all counts of pictures that were calibrated, >= 0.

    Raises:
        ValueError: the target is not between 0 and 1.
    """
    return explained_limit(calibration, target_fpir, gallery_size, tier).distance


def explained_limit(
    calibration: Calibration,
    target_fpir: float,
    gallery_size: int,
    tier: Tier,
    counts: tuple[int, int] | None = None,
) -> Limit:
    """As `limit_for`, with what stands behind the limit.

    Args:
        calibration: see `limit_for`.
        target_fpir: see `limit_for`.
        gallery_size: see `limit_for`.
        tier: see `limit_for`.
        counts: pictures in the template and frames in the probe, where they are known: of the
            curves with at least as many of both that with the fewest applies, or all where there
            is none. Fusing more pictures brings strangers nearer too, so that a limit for one
            frame is too loose for several.

    Raises:
        ValueError: the target is not between 0 and 1.
    """
    if not 0.0 < target_fpir < 1.0:
        raise ValueError(f"a rate of false alarms lies between 0 and 1, not at {target_fpir}")
    fmr = fmr_for(target_fpir, gallery_size)
    curves = _applying(calibration.curves, counts)
    return min((_on(curve, fmr, tier) for curve in curves), key=lambda limit: limit.distance)


def fmr_for(target_fpir: float, gallery_size: int) -> float:
    """The share of comparisons that may go wrong so that a search of the gallery keeps the target.

    Args:
        target_fpir: above 0, below 1.
        gallery_size: people; below 1 counts as 1.
    """
    return -expm1(log1p(-target_fpir) / max(gallery_size, 1))


def fpir_of(fmr: float, gallery_size: int) -> float:
    """The inverse of `fmr_for`.

    Args:
        fmr: share of comparisons that go wrong, 0 to 1.
        gallery_size: people; below 1 counts as 1.
    """
    return 1.0 if fmr >= 1.0 else -expm1(log1p(-fmr) * max(gallery_size, 1))


def _applying(
    curves: Sequence[CalibrationCurve], counts: tuple[int, int] | None
) -> Sequence[CalibrationCurve]:
    if counts is None:
        return curves
    enrolled, probes = counts
    enough = [c for c in curves if c.enrolled >= enrolled and c.probes >= probes]
    return [min(enough, key=lambda c: (c.enrolled + c.probes, c.enrolled))] if enough else curves


def _on(curve: CalibrationCurve, fmr: float, tier: Tier) -> Limit:
    sides = (curve.limits, curve.strict_limits) if tier is Tier.WIDE else (curve.limits,)
    is_beyond = fmr < curve.fmr[-1]
    follow = _extrapolated if is_beyond else _interpolated
    distance = min(follow(curve.fmr, side, fmr) for side in sides)
    return Limit(distance, fmr, is_beyond, _fnmr(curve, distance))


def _interpolated(levels: Sequence[float], limits: Sequence[float], fmr: float) -> float:
    """Straight lines over the logarithm between the levels; above the largest its own limit."""
    wanted = log10(fmr)
    points = zip(map(log10, levels), limits, strict=True)
    for (upper, far), (lower, near) in pairwise(points):
        if wanted >= lower:
            return near + (far - near) * min((wanted - lower) / (upper - lower), 1.0)
    return limits[-1]


def _extrapolated(levels: Sequence[float], limits: Sequence[float], fmr: float) -> float:
    """From the last limit on, as steeply as the line through the last levels falls."""
    quantiles = [_quantile(level) for level in levels[-_FITTED_LEVELS:]]
    line = linear_regression(quantiles, limits[-_FITTED_LEVELS:])
    return max(limits[-1] + line.slope * (_quantile(fmr) - quantiles[-1]), 0.0)


def _fnmr(curve: CalibrationCurve, distance: float) -> float:
    """Straight lines between the measured shares; beyond them the last share on that side."""
    points = list(zip(curve.genuine_distances, curve.genuine_shares, strict=True))
    if distance < points[0][0]:
        return 1.0 - (points[0][1] if distance > 0 else 0.0)
    for (near, below), (far, above) in pairwise(points):
        if distance < far:
            return 1.0 - (below + (above - below) * (distance - near) / (far - near))
    return 1.0 - points[-1][1]
