"""What the kiosk records: drafts that the outbox turns into signed, chained events."""

from dataclasses import dataclass

from kiosk.domain.clock import ClockReading
from kiosk.domain.liveness import UNCHECKED, LivenessReading
from protocol.v1.messages import ArrivalStatus, Direction, EventKind, EventMethod


@dataclass(frozen=True, slots=True)
class MatchEvidence:
    """The numbers a face mark rests on; units as in ``Recognition``."""

    distance: float
    margin: float | None
    threshold: float
    quality: float
    model_id: str
    liveness: LivenessReading = UNCHECKED


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before the outbox gives it an id, a place in the sequence and a signature.

    Attributes:
        kind: seen, roll_call, or not_me, which voids the event named in ``refers_to``.
        clock: the reading at the moment of capture.
        lesson_id: the lesson the event counts for; None if no lesson applied here.
        person_id: the person the event is about.
        policy_version: of the policy that was in force on this kiosk.
        evidence: the numbers of the match; for not_me those of the match that was denied.
        liveness: of an event without a face: what the check said of a face of this person that
            marked nobody, and that the teacher, card or PIN has decided about.
        refers_to: id of the event that a not_me voids.
        shown: the status the person saw; None where none was shown.
        method: how the person was identified.
        second: method of the second factor, where a face alone was not enough.
        code_id: of the QR on a phone.
        by: account id of the teacher who tapped or confirmed.
        direction: whether the person comes or leaves, where the policy asks for it.
    """

    kind: EventKind
    clock: ClockReading
    lesson_id: str | None
    person_id: str
    policy_version: int
    evidence: MatchEvidence | None = None
    liveness: LivenessReading | None = None
    refers_to: str | None = None
    shown: ArrivalStatus | None = None
    method: EventMethod = EventMethod.FACE
    second: EventMethod | None = None
    code_id: str | None = None
    by: str | None = None
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """Proof that an event is on disk: its id and its place in the sequence (1, 2, 3 ...)."""

    event_id: str
    seq: int
