"""How close a match must be: from the rates that the policy accepts to distances."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from models.stages.limits import LEAST_PEOPLE, Calibrated, SchoolLimit
from protocol.v1.messages import LimitGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kiosk.domain.matching import MatchRules

__all__ = ["LEAST_PEOPLE", "UNCALIBRATED", "Calibrated", "Tier", "TierLimits"]


class Tier(StrEnum):
    """Which gallery is searched."""

    ROSTER = "roster"
    WIDE = "wide"


UNCALIBRATED = {Tier.ROSTER: 0.42, Tier.WIDE: 0.38}
"""Limits of a model whose card was never calibrated, on the common scale: there 0.42 lets about
one stranger in a thousand pass in a class of 30 with one picture each
(docs/measurements/accuracy.md)."""


@dataclass(slots=True)
class TierLimits:
    """The limits of one tier, for as long as neither its people nor the rules change.

    How many photos a person has, and how many frames are fused, makes no difference: one more
    never makes a limit stricter.

    Attributes:
        card: of the model in use.
        rules: of the policy in force.
        tier: roster or wide.
        people: in the tier.
    """

    card: Calibrated
    rules: MatchRules
    tier: Tier
    people: int
    _known: dict[LimitGroup, float | None] = field(default_factory=dict)

    def limit(self, person_id: str) -> float | None:
        """Return the distance up to which a face may count as this person.

        Returns:
            None where this network has no limits for the person's group: nobody is recognised as
            them, however near.
        """
        return self._of_group(self.rules.group_of(person_id))

    def left_out(self, people: Iterable[str]) -> int:
        """Count the people who are not recognised, however near.

        Args:
            people: of the tier.
        """
        closed = {group for group in LimitGroup if self._of_group(group) is None}
        return sum(self.rules.group_of(person) in closed for person in people) if closed else 0

    def _of_group(self, group: LimitGroup) -> float | None:
        if group not in self._known:
            self._known[group] = self._worked_out(group)
        return self._known[group]

    def _worked_out(self, group: LimitGroup) -> float | None:
        found = self.rules.measured_for(self.card.model_id)
        measured = None if found is None else SchoolLimit(found.distance, found.people)
        return self.card.for_group(self._for_adults(), group, measured)

    def _for_adults(self) -> float:
        rules, is_roster = self.rules, self.tier is Tier.ROSTER
        fixed = rules.roster_distance if is_roster else rules.wide_distance
        if fixed is not None:
            return fixed
        if self.card.calibration is None:
            limit = UNCALIBRATED[self.tier]
        else:
            limit = self.card.limit(
                rules.roster_fpir if is_roster else rules.wide_fpir, self.people
            )
        return limit if rules.ceiling is None else min(limit, rules.ceiling)
