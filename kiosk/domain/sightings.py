"""What vision hands over: one sighting at a time, about one track."""

from dataclasses import dataclass
from enum import StrEnum

from kiosk.domain.liveness import UNCHECKED, LivenessReading, Motion


class SightingKind(StrEnum):
    """What the recognition worker found."""

    LOOKING = "looking"
    PROVING = "proving"
    RECOGNISED = "recognised"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    OTHER_WAY = "other_way"
    EMPTY = "empty"


class Hint(StrEnum):
    """The one thing a person can do to be seen better."""

    CLOSER = "closer"
    FURTHER_AWAY = "further_away"
    LOOK_AT_CAMERA = "look_at_camera"
    TO_THE_MIDDLE = "to_the_middle"
    HEAD_UPRIGHT = "head_upright"
    OPEN_EYES = "open_eyes"
    HOLD_STILL = "hold_still"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    ONE_AT_A_TIME = "one_at_a_time"


@dataclass(frozen=True, slots=True)
class Recognition:
    """The person a track was recognised as, and how close the match is.

    Attributes:
        person_id: the best match in the gallery.
        distance: to the best match, in the unit of the model's card (Euclidean for dlib).
        margin: distance of the second-best person minus ``distance``; None if there is no second.
        threshold: the limit ``distance`` had to stay within.
        quality: of the frames used, 0..1.
        model_id: the card id of the network whose templates were compared.
        liveness: whether the face is alive.
    """

    person_id: str
    distance: float
    margin: float | None
    threshold: float
    quality: float
    model_id: str
    liveness: LivenessReading = UNCHECKED


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that vision saw.

    Attributes:
        kind: what it is; ``recognition`` is set exactly when it is RECOGNISED.
        track_id: the track it is about, never used twice in one process; -1 with EMPTY.
        at_s: when the newest frame it rests on was captured, on the monotonic clock.
        progress: how much of the evidence is there, 0..1 (LOOKING); how much of the time to
            answer is left, 1..0 (PROVING).
        hint: the one hint to show, if any (LOOKING).
        recognition: the person and how close the match is (RECOGNISED).
        motion: what the person is asked to do (PROVING).
    """

    kind: SightingKind
    track_id: int
    at_s: float
    progress: float = 0.0
    hint: Hint | None = None
    recognition: Recognition | None = None
    motion: Motion | None = None

    def __post_init__(self) -> None:
        if (self.kind is SightingKind.RECOGNISED) != (self.recognition is not None):
            raise ValueError("a sighting carries a recognition exactly when it is RECOGNISED")
        if (self.kind is SightingKind.PROVING) != (self.motion is not None):
            raise ValueError("a sighting carries a motion exactly when it is PROVING")

    @classmethod
    def empty(cls, at_s: float) -> "Sighting":
        """Nobody is in front of the camera."""
        return cls(SightingKind.EMPTY, -1, at_s)

    @classmethod
    def looking(
        cls, track_id: int, at_s: float, *, progress: float, hint: Hint | None = None
    ) -> "Sighting":
        """Return a sighting of a person in view whose evidence is still growing."""
        return cls(SightingKind.LOOKING, track_id, at_s, progress=progress, hint=hint)

    @classmethod
    def recognised(cls, track_id: int, at_s: float, recognition: Recognition) -> "Sighting":
        """Return a sighting of a person who is in the gallery."""
        return cls(SightingKind.RECOGNISED, track_id, at_s, progress=1.0, recognition=recognition)

    @classmethod
    def proving(
        cls, track_id: int, at_s: float, motion: Motion, *, left: float = 1.0
    ) -> "Sighting":
        """Return a sighting of a recognised person who must show that they are alive."""
        return cls(SightingKind.PROVING, track_id, at_s, progress=left, motion=motion)

    @classmethod
    def refused(cls, track_id: int, at_s: float) -> "Sighting":
        """Return a sighting of a recognised face that was refused as a picture of a face."""
        return cls(SightingKind.REFUSED, track_id, at_s, progress=1.0)

    @classmethod
    def unknown(cls, track_id: int, at_s: float) -> "Sighting":
        """Return a sighting of a person seen well enough who is not in the gallery."""
        return cls(SightingKind.UNKNOWN, track_id, at_s, progress=1.0)

    @classmethod
    def other_way(cls, track_id: int, at_s: float) -> "Sighting":
        """Return a sighting of a person whose face shows too little to be compared."""
        return cls(SightingKind.OTHER_WAY, track_id, at_s)
