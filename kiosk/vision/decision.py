"""Who a fused embedding is: the roster first, everybody else at a stricter limit. Pure."""

from dataclasses import dataclass

from kiosk.domain.matching import MatchLimits
from kiosk.vision.evidence import FloatVector
from kiosk.vision.knowledge import Tiers
from models.stages.match import MatchResult


@dataclass(frozen=True, slots=True)
class Match:
    """A person found within the limits.

    Attributes:
        person_id: who.
        distance: on the scale of the model's card.
        margin: to the second-best person of the same tier; None without one.
        threshold: the limit that applied.
    """

    person_id: str
    distance: float
    margin: float | None
    threshold: float


def decide(probe: FloatVector, tiers: Tiers, limits: MatchLimits) -> Match | None:
    """Find the person, or nobody.

    Somebody not due here who fits clearly better than the best person on the roster is not
    marked as that person: the answer is then theirs if they keep the strict limit, else nobody.

    Args:
        probe: (D,) float32, fused over the frames of a track.
        tiers: the gallery as it is now.
        limits: in force.
    """
    expected = tiers.expected.search(probe)
    others = tiers.others.search(probe)
    if others.distance + limits.min_margin <= expected.distance:
        return _accepted(others, limits, limits.wide_distance)
    return _accepted(expected, limits, limits.roster_distance)


def _accepted(result: MatchResult, limits: MatchLimits, threshold: float) -> Match | None:
    if result.person_id is None or result.distance > threshold:
        return None
    if result.margin < limits.min_margin:
        return None
    margin = result.margin if result.second_person_id is not None else None
    return Match(result.person_id, result.distance, margin, threshold)
