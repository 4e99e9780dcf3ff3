"""The limits a face must keep to count as somebody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MatchLimits:
    """Limits on the scale of the model's card (a distance: smaller is closer).

    Attributes:
        roster_distance: for people due in the running session here.
        wide_distance: for everybody else in the gallery; stricter, never marks anyone present.
        min_margin: the second-best person must be at least this much further away.
        min_frames: frames of one track that must agree; two are asked for in any case.
    """

    roster_distance: float = 0.50
    wide_distance: float = 0.45
    min_margin: float = 0.04
    min_frames: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.wide_distance <= self.roster_distance:
            raise ValueError("wide_distance must be above 0 and not above roster_distance")
