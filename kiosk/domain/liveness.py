"""Whether a face is alive: what the policy asks for, what is asked of a person, and the answer."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.v1.messages import LivenessLevel


class Motion(StrEnum):
    """What a person is asked to do; left and right are their own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    BLINK = "blink"
    LOOK_UP = "look_up"
    OPEN_MOUTH = "open_mouth"


class LivenessVerdict(StrEnum):
    """What the check said; OFF while none runs."""

    OFF = "off"
    LIVE = "live"
    ATTACK = "attack"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class LivenessReading:
    """What the check said about one face.

    Attributes:
        verdict: in one word.
        score: 0..1, 0.5 at the limit of the weakest cue; None where nothing was measured.
        level: of the check that said it: passive or active.
    """

    verdict: LivenessVerdict = LivenessVerdict.OFF
    score: float | None = None
    level: LivenessLevel = LivenessLevel.OFF

    @property
    def is_undecided(self) -> bool:
        """Whether the check could not tell a person from a picture."""
        return self.verdict is LivenessVerdict.UNDECIDED


UNCHECKED = LivenessReading()
