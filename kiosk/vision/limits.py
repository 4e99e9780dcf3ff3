"""How close a match must be: from the rates that the policy accepts to distances."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.stages.limits import Tier, explained_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kiosk.domain.matching import MatchRules
    from models.store import Calibration, Matching

UNCALIBRATED = {Tier.ROSTER: 0.42, Tier.WIDE: 0.38}
"""Limits of a model whose card was never calibrated, on the common scale: there 0.42 lets about
one stranger in a thousand pass in a class of 30 with one picture each (docs/accuracy.md)."""
LEAST_PEOPLE = 30
"""A smaller gallery keeps to the limits of so many. By the formula fewer people allow a laxer one;
but the strangers who come to one door are more like its people than those that limits are
calibrated on (docs/accuracy.md, frames of one track)."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a card says about distances.

    Attributes:
        matching: brings distances to the common scale.
        calibration: None for a card that was never calibrated.
    """

    matching: Matching
    calibration: Calibration | None

    def limit(self, target_fpir: float, people: int, tier: Tier, counts: tuple[int, int]) -> float:
        """The limit on the common scale.

        Args:
            target_fpir: see `models.stages.limits.explained_limit`.
            people: in the tier.
            tier: that is searched.
            counts: pictures in the template and frames in the probe. Frames of one track are
                alike, and no calibration has as many: the largest count that was calibrated
                stands for all above it.
        """
        if self.calibration is None:
            return UNCALIBRATED[tier]
        curves = self.calibration.curves
        enrolled = min(counts[0], max(curve.enrolled for curve in curves))
        probes = min(counts[1], max(curve.probes for curve in curves))
        limit = explained_limit(self.calibration, target_fpir, people, tier, (enrolled, probes))
        return self.matching.on_common_scale(limit.distance)


@dataclass(slots=True)
class TierLimits:
    """The limits of one tier, for as long as neither its people nor the rules change.

    Attributes:
        card: of the model in use.
        rules: of the policy in force.
        tier: roster or wide.
        people: in the tier.
        picture_counts: of each person in the tier; a person who is not named counts as one.
    """

    card: Calibrated
    rules: MatchRules
    tier: Tier
    people: int
    picture_counts: Mapping[str, int]
    _known: dict[tuple[int, int], float] = field(default_factory=dict)

    def limit(self, person_id: str, frames: int) -> float:
        """The distance up to which so many fused frames may count as this person."""
        counts = (self.picture_counts.get(person_id, 1), max(frames, 1))
        if counts not in self._known:
            self._known[counts] = self._worked_out(counts)
        return self._known[counts]

    def _worked_out(self, counts: tuple[int, int]) -> float:
        rules, is_roster = self.rules, self.tier is Tier.ROSTER
        fixed = rules.roster_distance if is_roster else rules.wide_distance
        if fixed is not None:
            return fixed
        fpir = rules.roster_fpir if is_roster else rules.wide_fpir
        limit = self.card.limit(fpir, max(self.people, LEAST_PEOPLE), self.tier, counts)
        return limit if rules.ceiling is None else min(limit, rules.ceiling)
