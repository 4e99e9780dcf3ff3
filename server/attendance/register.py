"""From events to the register: pure rules, no database, no clock.

The register is never stored. It follows from events, timetable, policy, watermarks and
corrections, so a late batch corrects it by itself and the same inputs always give the same lines.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.v1.messages import AttendancePolicy, ClockSource, EventKind

_MARKING_KINDS = frozenset({EventKind.SEEN.value, EventKind.ROLL_CALL.value})


class AttendanceStatus(StrEnum):
    """What a line of the register says."""

    PRESENT = "present"
    LATE = "late"
    EXPECTED = "expected"  # the lesson has not ended yet
    ABSENT = "absent"
    PENDING = "pending"  # it has, but some kiosk has not told everything
    EXCUSED = "excused"  # by a person only


CORRECTABLE = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.LATE,
    AttendanceStatus.ABSENT,
    AttendanceStatus.EXCUSED,
)


@dataclass(frozen=True)
class Window:
    """When a sighting counts for a lesson, and as what.

    Attributes:
        opens_at: the first moment that counts.
        late_after: after this it counts as late.
        closes_at: the last moment that counts.
        ends_at: until then nobody is missing.
        judged_at: from then on nobody is merely expected.
    """

    opens_at: datetime
    late_after: datetime
    closes_at: datetime
    ends_at: datetime
    judged_at: datetime


@dataclass(frozen=True)
class RegisterEvent:
    """The part of an event that the register is made of."""

    event_id: uuid.UUID
    kiosk_id: uuid.UUID
    person_id: uuid.UUID | None
    occurred_at: datetime
    kind: str
    method: str
    clock_source: str = ClockSource.NTP
    refers_to: uuid.UUID | None = None


@dataclass(frozen=True)
class Ruling:
    """A correction: what a person said the status is."""

    person_id: uuid.UUID
    status: str
    made_at: datetime


@dataclass(frozen=True)
class Judgement:
    """One line of the register.

    Attributes:
        status: the word that counts.
        derived: what the events alone say; differs from `status` after a correction.
        first_seen_at: of the sighting that counts.
        is_clock_doubtful: the kiosk did not know the time; a person should judge.
    """

    person_id: uuid.UUID
    status: AttendanceStatus
    derived: AttendanceStatus
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None
    kiosk_id: uuid.UUID | None = None
    method: str | None = None
    event_id: uuid.UUID | None = None
    is_clock_doubtful: bool = False
    is_corrected: bool = False


def window_of(starts_at: datetime, ends_at: datetime, policy: AttendancePolicy) -> Window:
    """Work out a lesson's window from its times and the policy."""
    closes = policy.closes_after_start_min
    closes_at = ends_at if closes is None else starts_at + timedelta(minutes=closes)
    return Window(
        opens_at=starts_at - timedelta(minutes=policy.opens_before_min),
        late_after=starts_at + timedelta(minutes=policy.late_after_min),
        closes_at=min(closes_at, ends_at),
        ends_at=ends_at,
        judged_at=ends_at + timedelta(minutes=policy.absent_grace_min),
    )


def derive_register(
    roster: Sequence[uuid.UUID],
    sightings: Iterable[RegisterEvent],
    window: Window,
    *,
    watermarks: Mapping[uuid.UUID, datetime | None],
    rulings: Iterable[Ruling] = (),
    at: datetime,
) -> list[Judgement]:
    """Derive the register of one lesson.

    Args:
        roster: who is due, in the order of the lines.
        sightings: events of the lesson, in any order, repeats allowed.
        window: when a sighting counts.
        watermarks: for every kiosk that could have seen somebody, up to when it has told
            everything; None where it has told nothing.
        rulings: corrections, in any order.
        at: the moment the register is read.

    Returns:
        One mark for each person of the roster, in its order.
    """
    seen = _valid_by_person(sightings, window)
    ruled = {ruling.person_id: ruling for ruling in sorted(rulings, key=lambda one: one.made_at)}
    unseen = _unseen_status(window, watermarks, at)
    return [
        _mark(person_id, seen.get(person_id, []), ruled.get(person_id), window, unseen)
        for person_id in dict.fromkeys(roster)
    ]


def count_statuses(marks: Iterable[Judgement]) -> dict[AttendanceStatus, int]:
    """Count the lines of each status; every status is named."""
    counts = dict.fromkeys(AttendanceStatus, 0)
    for mark in marks:
        counts[mark.status] += 1
    return counts


def _valid_by_person(
    sightings: Iterable[RegisterEvent], window: Window
) -> dict[uuid.UUID, list[RegisterEvent]]:
    unique = {(one.kiosk_id, one.event_id): one for one in sightings}
    voided = {
        (one.kiosk_id, one.refers_to)
        for one in unique.values()
        if one.kind == EventKind.NOT_ME and one.refers_to is not None
    }
    found: dict[uuid.UUID, list[RegisterEvent]] = {}
    for key, one in unique.items():
        if one.person_id is None or one.kind not in _MARKING_KINDS or key in voided:
            continue
        if window.opens_at <= one.occurred_at <= window.closes_at:
            found.setdefault(one.person_id, []).append(one)
    for valid in found.values():
        valid.sort(key=lambda one: (one.occurred_at, str(one.event_id)))
    return found


def _unseen_status(
    window: Window, watermarks: Mapping[uuid.UUID, datetime | None], at: datetime
) -> AttendanceStatus:
    if at < window.judged_at:
        return AttendanceStatus.EXPECTED
    # Where no kiosk looked, nobody knows: that is no absence either.
    everyone_told = bool(watermarks) and all(
        told is not None and told >= window.ends_at for told in watermarks.values()
    )
    return AttendanceStatus.ABSENT if everyone_told else AttendanceStatus.PENDING


def _mark(
    person_id: uuid.UUID,
    valid: Sequence[RegisterEvent],
    ruling: Ruling | None,
    window: Window,
    unseen: AttendanceStatus,
) -> Judgement:
    if not valid:
        status = AttendanceStatus(ruling.status) if ruling else unseen
        return Judgement(person_id, status, unseen, is_corrected=ruling is not None)
    first = valid[0]
    is_late = first.occurred_at > window.late_after
    derived = AttendanceStatus.LATE if is_late else AttendanceStatus.PRESENT
    return Judgement(
        person_id=person_id,
        status=AttendanceStatus(ruling.status) if ruling else derived,
        derived=derived,
        first_seen_at=first.occurred_at,
        last_seen_at=valid[-1].occurred_at,
        kiosk_id=first.kiosk_id,
        method=first.method,
        event_id=first.event_id,
        is_clock_doubtful=first.clock_source == ClockSource.UNSYNCED,
        is_corrected=ruling is not None,
    )
