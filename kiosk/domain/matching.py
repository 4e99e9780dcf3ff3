"""The limits that a face must meet to match a person."""

from dataclasses import dataclass

from protocol.v1.messages import LimitGroup, LivenessLevel, MeasuredLimit, RecognitionPolicy

_DEFAULTS = RecognitionPolicy()


@dataclass(frozen=True, slots=True)
class MatchRules:
    """The policy on matching; distances on the scale that all cards share, smaller is closer.

    Attributes:
        roster_fpir: share of strangers' scans that may be mistaken for a person due in the running
            lesson here, above 0, below 1.
        wide_fpir: the same for all other people in the gallery, who are never marked present.
        roster_distance: a limit in place of the calibrated one for people due.
        wide_distance: the same for everybody else.
        ceiling: no calibrated limit exceeds it.
        min_margin: the second-best person must be at least this much further away.
        min_frames: frames of one track that must agree; two are asked for in any case.
        look_alikes: pairs of people who are easily confused; between them the margin is larger.
        adults: people who keep to the limits that were measured on adults.
        teens: people who keep to those for teenagers; everybody else counts as a child.
        measured: what the school's own measurement allows, by network.
        liveness: what else is asked of a face before it counts.
    """

    roster_fpir: float = _DEFAULTS.roster_fpir
    wide_fpir: float = _DEFAULTS.wide_fpir
    roster_distance: float | None = None
    wide_distance: float | None = None
    ceiling: float | None = None
    min_margin: float = _DEFAULTS.minimum_margin
    min_frames: int = _DEFAULTS.frames_to_agree
    look_alikes: frozenset[frozenset[str]] = frozenset()
    adults: frozenset[str] = frozenset()
    teens: frozenset[str] = frozenset()
    measured: tuple[MeasuredLimit, ...] = ()
    liveness: LivenessLevel = LivenessLevel.OFF

    def __post_init__(self) -> None:
        if not (0 < self.roster_fpir < 1 and 0 < self.wide_fpir < 1):
            raise ValueError("a rate of false alarms lies between 0 and 1")
        for distance in (self.roster_distance, self.wide_distance, self.ceiling):
            if distance is not None and distance <= 0:
                raise ValueError("a limit on the distance must be above 0")

    def group_of(self, person_id: str) -> LimitGroup:
        """Whose limits apply to a person."""
        if person_id in self.adults:
            return LimitGroup.ADULT
        return LimitGroup.TEEN if person_id in self.teens else LimitGroup.CHILD

    def measured_for(self, model_id: str) -> MeasuredLimit | None:
        """Return the strictest measured limit for a network; None where there is none."""
        own = [one for one in self.measured if one.model_id == model_id]
        return min(own, key=lambda one: one.distance, default=None)
