"""A person who came to the door, and what says that it is they."""

from dataclasses import dataclass

from kiosk.domain.clock import ClockReading
from kiosk.domain.events import MatchEvidence
from kiosk.domain.liveness import LivenessReading
from kiosk.domain.sightings import Recognition
from protocol.v1.messages import EventMethod


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an arrival rests on.

    Attributes:
        method: how the person was identified.
        evidence: of a face.
        second: method of the second factor, where one was asked for.
        code_id: of the QR on a phone.
        by: account id of the teacher who vouched.
    """

    method: EventMethod = EventMethod.FACE
    evidence: MatchEvidence | None = None
    second: EventMethod | None = None
    code_id: str | None = None
    by: str | None = None

    @property
    def is_proven(self) -> bool:
        """Whether this is more than a face that the liveness check could not decide about."""
        reading = self.evidence.liveness if self.evidence is not None else None
        is_undecided = reading is not None and reading.is_undecided
        return self.second is not None or not is_undecided

    @property
    def doubted(self) -> LivenessReading | None:
        """What the liveness check said where that was not enough, else None."""
        return None if self.is_proven or self.evidence is None else self.evidence.liveness


@dataclass(frozen=True, slots=True)
class DoorArrival:
    """A person is here.

    Attributes:
        person_id: who.
        track_id: of the face; below -1 for a code, PIN or card, never used twice in one process.
        clock: at the moment of capture.
        now_s: monotonic.
        grounds: see `Grounds`.
    """

    person_id: str
    track_id: int
    clock: ClockReading
    now_s: float
    grounds: Grounds


def face_grounds(found: Recognition) -> Grounds:
    """Return the grounds of a recognised face."""
    return Grounds(
        evidence=MatchEvidence(
            distance=found.distance,
            margin=found.margin,
            threshold=found.threshold,
            quality=found.quality,
            model_id=found.model_id,
            liveness=found.liveness,
        )
    )
