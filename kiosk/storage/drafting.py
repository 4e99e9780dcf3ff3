"""From what the kiosk saw to an event of the protocol, without number, hash and signature."""

import math

from kiosk.domain.clock import ClockReading
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.liveness import LivenessReading
from protocol.v1 import messages
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import LivenessLevel

_UNNUMBERED = 1
"""Any number that the protocol allows: the chain replaces it."""


def drafted(draft: EventDraft, kiosk_id: str) -> messages.UnsignedEvent:
    """Return the event that a draft becomes, with a new id."""
    return messages.UnsignedEvent(
        id=_new_id(draft.clock),
        kiosk_id=kiosk_id,
        seq=_UNNUMBERED,
        occurred_at=draft.clock.recorded_at,
        clock=clock_stamp(draft.clock),
        lesson_id=draft.lesson_id,
        person_id=draft.person_id,
        kind=draft.kind,
        method=draft.method,
        refers_to=draft.refers_to,
        policy_version=draft.policy_version,
        shown=draft.shown,
        second=draft.second,
        code_id=draft.code_id,
        by=draft.by,
        direction=draft.direction,
        **_evidence_fields(draft.evidence, draft.liveness),
    )


def gap_event(
    gap: messages.GapSpan, reading: ClockReading, kiosk_id: str
) -> messages.UnsignedEvent:
    """Return the event that states a span of numbers as gone."""
    return messages.UnsignedEvent(
        id=_new_id(reading),
        kiosk_id=kiosk_id,
        seq=_UNNUMBERED,
        occurred_at=reading.recorded_at,
        clock=clock_stamp(reading),
        kind=messages.EventKind.GAP,
        method=messages.EventMethod.NONE,
        gap=gap,
    )


def clock_stamp(reading: ClockReading) -> messages.ClockStamp:
    """Return what an event says about the clock; the uptime in whole milliseconds."""
    return messages.ClockStamp(
        source=reading.source,
        offset_ms=reading.offset_ms,
        age_s=reading.age_s,
        boot_id=reading.boot_id or None,
        uptime_s=round(reading.uptime_s, 3) if reading.boot_id else None,
    )


def _new_id(reading: ClockReading) -> str:
    return str(uuid7(unix_ms=int(reading.recorded_at.timestamp() * 1000)))


def _evidence_fields(
    evidence: MatchEvidence | None, doubted: LivenessReading | None
) -> dict[str, object]:
    if evidence is None:
        return {"liveness": _liveness(doubted)} if doubted else {}
    return {
        "distance": _finite(evidence.distance),
        "margin": _finite(evidence.margin),
        "threshold": _finite(evidence.threshold),
        "quality": _finite(evidence.quality),
        "model_id": evidence.model_id,
        "liveness": _liveness(evidence.liveness),
    }


def _liveness(reading: LivenessReading) -> messages.Liveness:
    if reading.level is LivenessLevel.OFF:
        return messages.Liveness(verdict=reading.verdict)
    score = _finite(reading.score)
    return messages.Liveness(verdict=reading.verdict, score=score, method=reading.level)


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: a margin without a second person has no number."""
    return value if value is not None and math.isfinite(value) else None
