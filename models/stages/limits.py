"""Turns the rate of false alarms that a policy accepts into a limit on the distance.

A stranger is taken for somebody in a gallery of N when one of N comparisons goes wrong, so
FPIR = 1 - (1 - FMR)^N. The calibration in the embedder's card says which share of comparisons of
two people (FMR) is closer than a distance.

Beyond what was measured the limit is extrapolated to the safe side: it goes on falling in a
straight line over the logarithm of FMR, as steeply as the steeper of the last two measured steps.
Distances of strangers thin out faster than that: every measured step is shorter than the one
before, so that the line lies below the curve. At 0 it accepts nobody. Whether a limit is
extrapolated is part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import expm1, log1p, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.store import Calibration, CalibrationCurve


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
    """The distance below which a probe may count as somebody, whatever the counts of pictures.

    Args:
        calibration: of the embedder's card.
        target_fpir: share of strangers' scans that may be taken for somebody, above 0, below 1.
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
        fmr: share of comparisons that go wrong, 0 to below 1.
        gallery_size: people; below 1 counts as 1.
    """
    return -expm1(log1p(-fmr) * max(gallery_size, 1))


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
    exponents = [log10(level) for level in curve.fmr]
    wanted = log10(fmr)
    is_beyond = wanted < exponents[-1]
    follow = _extrapolated if is_beyond else _interpolated
    distance = min(follow(exponents, side, wanted) for side in sides)
    return Limit(distance, fmr, is_beyond, _fnmr(curve, distance))


def _interpolated(exponents: Sequence[float], limits: Sequence[float], wanted: float) -> float:
    """Straight lines between the levels; above the largest level its own limit."""
    points = zip(exponents, limits, strict=True)
    for (upper, far), (lower, near) in pairwise(points):
        if wanted >= lower:
            return near + (far - near) * min((wanted - lower) / (upper - lower), 1.0)
    return limits[-1]


def _extrapolated(exponents: Sequence[float], limits: Sequence[float], wanted: float) -> float:
    steps = [
        (far - near) / (upper - lower)
        for (upper, far), (lower, near) in pairwise(zip(exponents, limits, strict=True))
    ]
    return max(limits[-1] - max(steps[-2:]) * (exponents[-1] - wanted), 0.0)


def _fnmr(curve: CalibrationCurve, distance: float) -> float:
    """Straight lines between the measured shares; beyond them the last share on that side."""
    points = list(zip(curve.genuine_distances, curve.genuine_shares, strict=True))
    if distance < points[0][0]:
        return 1.0 - (points[0][1] if distance > 0 else 0.0)
    for (near, below), (far, above) in pairwise(points):
        if distance < far:
            return 1.0 - (below + (above - below) * (distance - near) / (far - near))
    return 1.0 - points[-1][1]
