"""Whether a face is alive: what the policy asks for, what is asked of a person, and the answer."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.v1.messages import LivenessLevel


class Motion(StrEnum):
    """What a person is asked to do; left and right are their own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    BLINK = "blink"


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
        level: of the check that said it.
    """

    verdict: LivenessVerdict = LivenessVerdict.OFF
    score: float | None = None
    level: LivenessLevel = LivenessLevel.OFF


UNCHECKED = LivenessReading()
