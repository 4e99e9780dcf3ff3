"""Who a fused embedding is: the roster first, everybody else at a stricter limit. Pure."""

from dataclasses import dataclass
from functools import partial

from kiosk.domain.matching import MatchLimits
from kiosk.vision.knowledge import Tiers
from models.stages.fuse import Evidence
from models.stages.images import FloatVector
from models.stages.match import MatchResult

_LEAST_FRAMES = 2


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


def judge(
    evidence: Evidence, tiers: Tiers, limits: MatchLimits, without: frozenset[str] = frozenset()
) -> Match | None:
    """The person that the fused frames of a track and enough single frames agree on, or nobody.

    Args:
        evidence: the track's frames.
        tiers: the gallery as it is now.
        limits: in force; at least two frames are asked for whatever they say.
        without: people who cannot be meant.
    """
    if len(evidence) < max(limits.min_frames, _LEAST_FRAMES):
        return None
    found = decide(evidence.fused(), tiers, limits, without)
    nearest = partial(_nearest, tiers=tiers, without=without)
    return found if found is not None and evidence.agrees(found.person_id, nearest) else None


def decide(
    probe: FloatVector, tiers: Tiers, limits: MatchLimits, without: frozenset[str] = frozenset()
) -> Match | None:
    """Find the person, or nobody.

    Somebody not due here who fits clearly better than the best person on the roster is not
    marked as that person: the answer is then theirs if they keep the strict limit, else nobody.

    Args:
        probe: (D,) float32, fused over the frames of a track.
        tiers: the gallery as it is now.
        limits: in force.
        without: people who cannot be meant.
    """
    expected = tiers.expected.search(probe, without=without)
    others = tiers.others.search(probe, without=without)
    if others.distance + limits.min_margin <= expected.distance:
        return _accepted(others, limits, limits.wide_distance)
    return _accepted(expected, limits, limits.roster_distance)


def _nearest(frame: FloatVector, *, tiers: Tiers, without: frozenset[str]) -> str | None:
    expected = tiers.expected.search(frame, without=without)
    others = tiers.others.search(frame, without=without)
    return (others if others.distance < expected.distance else expected).person_id


def _accepted(result: MatchResult, limits: MatchLimits, threshold: float) -> Match | None:
    if result.person_id is None or result.distance > threshold:
        return None
    if result.margin < limits.min_margin:
        return None
    margin = result.margin if result.second_person_id is not None else None
    return Match(result.person_id, result.distance, margin, threshold)
