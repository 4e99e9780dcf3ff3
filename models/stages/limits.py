"""Turns the rate of false alarms that a policy accepts into a limit on the distance.

A stranger is mistaken for a person in a gallery of N when one of N comparisons goes wrong, so
FPIR = 1 - (1 - FMR)^N. The calibration in the embedder's card says which share of comparisons of
two people (FMR) is closer than a distance.

A limit holds for any number of enrolled pictures and of frames, so that one more never tightens it:
it is the strictest of the curves, less the little that fused frames of one track come nearer to
other people than one of them (docs/measurements/fused-frames.md).

Beyond what was measured the limit goes on from the last measured one along the line that fits the
last levels best over the normal quantile of FMR, the axis of a DET plot, on which distances of
strangers lie straight. Fitted without its last two levels it meets the last one within 0.002
(docs/measurements/accuracy.md); over the logarithm of FMR a line fell 0.010 to 0.019 short. At 0 a
limit accepts nobody. Whether a limit is extrapolated is part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import expm1, log1p, log10
from statistics import NormalDist, linear_regression
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.store import Calibration, CalibrationCurve, GroupLimit, Matching, ModelCard

ADULT = "adult"
"""The group that cards are calibrated on."""
LEAST_PEOPLE = 30
"""A smaller gallery keeps to the limits of so many. By the formula fewer people allow a laxer one;
but the strangers who come to one door are more like its people than those that limits are
calibrated on (docs/measurements/accuracy.md, frames of one track)."""
LEAST_MEASURED = 30
"""A measurement of fewer people of a school does not replace the limits for children."""
_FITTED_LEVELS = 4
_quantile = NormalDist().inv_cdf


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


@dataclass(frozen=True, slots=True)
class SchoolLimit:
    """What a school's own measurement allows with one network.

    Attributes:
        distance: on the scale that all cards share; no limit exceeds it.
        people: that it was measured on.
    """

    distance: float
    people: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a card says about distances; the same for kiosks and for the Accuracy page.

    Attributes:
        matching: brings distances to the common scale.
        calibration: None for a card that was never calibrated.
        groups: limits for people who are no adults.
        model_id: of the card.
    """

    matching: Matching
    calibration: Calibration | None
    groups: tuple[GroupLimit, ...] = ()
    model_id: str = ""

    @classmethod
    def of(cls, card: ModelCard) -> Self:
        """Take the part of an embedder's card that limits come from.

        Raises:
            ValueError: the card is not an embedder's.
        """
        if card.matching is None:
            raise ValueError(f"the card {card.id} is not an embedder's")
        return cls(card.matching, card.calibration, card.groups, card.id)

    def limit(self, target_fpir: float, people: int) -> float:
        """Return the limit for adults, on the common scale.

        Args:
            target_fpir: see `explained_limit`.
            people: in the gallery; fewer than `LEAST_PEOPLE` count as so many.

        Raises:
            ValueError: the card was never calibrated, or the target is not between 0 and 1.
        """
        if self.calibration is None:
            raise ValueError(f"the card {self.model_id} was never calibrated")
        found = explained_limit(self.calibration, target_fpir, max(people, LEAST_PEOPLE))
        return self.matching.on_common_scale(found.distance)

    def for_group(
        self, limit: float, group: str, measured: SchoolLimit | None = None
    ) -> float | None:
        """Tighten a limit to what is known about a group of people.

        Args:
            limit: for adults, on the common scale.
            group: `adult`, `teen` or `child`.
            measured: the school's own; replaces the card's limits for groups once it rests on
                `LEAST_MEASURED` people.

        Returns:
            The limit on the common scale, never above `limit`; None where nobody knows a limit for
            this group with this network: its people must not be recognised.
        """
        if measured is not None:
            limit = min(limit, measured.distance)
        is_measured = measured is not None and measured.people >= LEAST_MEASURED
        if group == ADULT or is_measured:
            return limit
        own = next((one.distance for one in self.groups if one.group == group), None)
        return None if own is None else min(limit, self.matching.on_common_scale(own))


def explained_limit(
    calibration: Calibration,
    target_fpir: float,
    gallery_size: int,
    *,
    counts: tuple[int, int] | None = None,
    is_strict: bool = True,
) -> Limit:
    """Return the distance below which a probe may match, and what stands behind it.

    Args:
        calibration: of the embedder's card.
        target_fpir: share of strangers' scans that may match a person, above 0, below 1.
        gallery_size: people in the gallery; below 1 counts as 1.
        counts: pictures in the template and in the probe: of the curves with at least as many of
            both the one with the fewest applies. Default: a limit for any pictures in the template
            and frames of one track in the probe.
        is_strict: keep to the lower ends of the measured intervals. False where a limit that is
            too strict does harm, as when people who look alike are searched for.

    Raises:
        ValueError: the target is not between 0 and 1.
    """
    if not 0.0 < target_fpir < 1.0:
        raise ValueError(f"a rate of false alarms lies between 0 and 1, not at {target_fpir}")
    fmr = fmr_for(target_fpir, gallery_size)
    curves = (curve_for(calibration, counts),) if counts else calibration.curves
    shift = 0.0 if counts else calibration.fused_shift
    limits = (_on(curve, fmr, shift, is_strict=is_strict) for curve in curves)
    return min(limits, key=lambda limit: limit.distance)


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


def curve_for(calibration: Calibration, counts: tuple[int, int]) -> CalibrationCurve:
    """Return the curve of a template and a probe of so many pictures.

    Args:
        calibration: of the embedder's card.
        counts: pictures in the template and in the probe. Of the curves with at least as many of
            both the one with the fewest is taken; where there is none, that with the most.
    """
    enrolled, probes = counts
    enough = [c for c in calibration.curves if c.enrolled >= enrolled and c.probes >= probes]
    if enough:
        return min(enough, key=lambda one: (one.enrolled + one.probes, one.enrolled))
    return max(calibration.curves, key=lambda one: (one.enrolled + one.probes, one.enrolled))


def _on(curve: CalibrationCurve, fmr: float, shift: float, *, is_strict: bool) -> Limit:
    sides = (curve.limits, curve.strict_limits) if is_strict else (curve.limits,)
    is_beyond = fmr < curve.fmr[-1]
    follow = _extrapolated if is_beyond else _interpolated
    distance = max(min(follow(curve.fmr, side, fmr) for side in sides) - shift, 0.0)
    return Limit(distance, fmr, is_beyond, fnmr_at(curve, distance))


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


def fnmr_at(curve: CalibrationCurve, distance: float) -> float:
    """Return the share of comparisons within a person that are not nearer.

    Straight lines between the measured shares; beyond them the last share on that side.

    Args:
        curve: of a card.
        distance: in the network's own metric.
    """
    points = list(zip(curve.genuine_distances, curve.genuine_shares, strict=True))
    if distance < points[0][0]:
        return 1.0 - (points[0][1] if distance > 0 else 0.0)
    for (near, below), (far, above) in pairwise(points):
        if distance < far:
            return 1.0 - (below + (above - below) * (distance - near) / (far - near))
    return 1.0 - points[-1][1]
