"""Who a fused embedding is: the roster first, everybody else at a stricter limit. Pure."""

from dataclasses import dataclass, replace
from functools import partial

from kiosk.domain.matching import MatchRules
from kiosk.vision.knowledge import Tiers
from kiosk.vision.limits import TierLimits
from models.stages.fuse import Evidence
from models.stages.images import FloatVector
from models.stages.match import MatchResult
from protocol.v1.messages import LimitGroup

_LEAST_FRAMES = 2
LOOK_ALIKE_MARGIN = 2.0
"""Between two people who are easily confused the margin is so many times as large. It is so for
children and teenagers too: they look more alike than the adults that networks learned from."""


@dataclass(frozen=True, slots=True)
class Match:
    """A person found within the limits.

    Attributes:
        person_id: who.
        distance: on the scale that all cards share.
        margin: to the second-best person of the same tier; None without one.
        threshold: the limit that applied.
    """

    person_id: str
    distance: float
    margin: float | None
    threshold: float


def judge(evidence: Evidence, tiers: Tiers, without: frozenset[str] = frozenset()) -> Match | None:
    """The person that the fused frames of a track and enough single frames agree on, or nobody.

    Args:
        evidence: the track's frames.
        tiers: the gallery as it is now; at least two frames are asked for whatever its rules say.
        without: people who cannot be meant.
    """
    if len(evidence) < max(tiers.rules.min_frames, _LEAST_FRAMES):
        return None
    found = _nearer_by(evidence.penalty, decide(evidence.fused(), tiers, without))
    nearest = partial(nearest_person, tiers=tiers, without=without)
    return found if found is not None and evidence.agrees(found.person_id, nearest) else None


def _nearer_by(penalty: float, found: Match | None) -> Match | None:
    """Return the match if it is nearer than its limit by the penalty for blurred frames."""
    if found is None or found.distance > found.threshold - penalty:
        return None
    return replace(found, threshold=found.threshold - penalty)


def decide(probe: FloatVector, tiers: Tiers, without: frozenset[str] = frozenset()) -> Match | None:
    """Return the matching person, or None.

    If a person not due here fits clearly better than the best person on the roster, nobody on the
    roster is marked: the match is that other person within the strict limit, else None.
    Two people who are easily confused must be further apart, whichever tier they are in.

    Args:
        probe: (D,) float32, fused over the frames of a track.
        tiers: the gallery as it is now.
        without: people who cannot be meant.
    """
    expected = tiers.expected.search(probe, without=without)
    others = tiers.others.search(probe, without=without)
    ahead = expected.distance - others.distance
    needed = _margin(expected.person_id, others.person_id, tiers.rules)
    if ahead >= needed:
        return _accepted(others, tiers.rules, tiers.others_limits)
    if needed > tiers.rules.min_margin and ahead > -needed:
        return None
    return _accepted(expected, tiers.rules, tiers.expected_limits)


def nearest_person(
    frame: FloatVector, *, tiers: Tiers, without: frozenset[str] = frozenset()
) -> str | None:
    """Return the person of both tiers that one frame looks most like; None in an empty gallery."""
    expected = tiers.expected.search(frame, without=without)
    others = tiers.others.search(frame, without=without)
    return (others if others.distance < expected.distance else expected).person_id


def _margin(first: str | None, second: str | None, rules: MatchRules) -> float:
    is_wide = frozenset((first, second)) in rules.look_alikes or any(
        person is not None and rules.group_of(person) is not LimitGroup.ADULT
        for person in (first, second)
    )
    return rules.min_margin * (LOOK_ALIKE_MARGIN if is_wide else 1.0)


def _accepted(result: MatchResult, rules: MatchRules, limits: TierLimits) -> Match | None:
    if result.person_id is None:
        return None
    threshold = limits.limit(result.person_id)
    if threshold is None or result.distance > threshold:
        return None
    if result.margin < _margin(result.person_id, result.second_person_id, rules):
        return None
    margin = result.margin if result.second_person_id is not None else None
    return Match(result.person_id, result.distance, margin, threshold)
