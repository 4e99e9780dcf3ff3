"""From events to the register: pure rules, no database, no clock.

The register is never stored. It follows from events, timetable, policy, watermarks and
corrections. So a late batch corrects it automatically, and equal inputs always give equal lines.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from protocol.v1.messages import ArrivalStatus, AttendanceWindow, ClockSource, EventKind

_MARKING_KINDS = frozenset({EventKind.SEEN.value, EventKind.ROLL_CALL.value})


class AttendanceStatus(StrEnum):
    """What a line of the register says."""

    PRESENT = "present"
    LATE = "late"
    EXPECTED = "expected"  # the lesson has not ended yet
    ABSENT = "absent"
    PENDING = "pending"  # it has, but some kiosk has not reported everything
    EXCUSED = "excused"  # by a person only


#: What a person may set; the first ones are what events can say too.
CORRECTABLE = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.LATE,
    AttendanceStatus.ABSENT,
    AttendanceStatus.EXCUSED,
)
ATTENDED = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE})


@dataclass(frozen=True, order=True)
class RegisterEvent:
    """The part of an event that the register is made of.

    The order of the fields is the register's total order: by time, then by event and kiosk id.
    Two kiosks may use one event id; an event is named by both ids together.

    Attributes:
        counted_at: the stated time plus the clock offset stated beside it, UTC.
        shown_status: what the person saw at the kiosk; None where nothing was shown.
    """

    counted_at: datetime
    event_id: uuid.UUID
    kiosk_id: uuid.UUID
    person_id: uuid.UUID | None = None
    kind: str = EventKind.SEEN.value
    method: str = "face"
    clock_source: str = ClockSource.NTP.value
    refers_to: uuid.UUID | None = None
    shown_status: str | None = None

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """What names the event: its kiosk and its id there."""
        return self.kiosk_id, self.event_id


@dataclass(frozen=True)
class KioskWatch:
    """A kiosk that hung in the room during the lesson, and how far it has reported.

    Attributes:
        needed_through: it must have reported everything until then: the end of the lesson, or the
            moment it left the room.
        reported_through: everything until then is here; None where nothing is.
        is_released: an admin decided not to wait for it.
    """

    kiosk_id: uuid.UUID
    needed_through: datetime
    reported_through: datetime | None = None
    is_released: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is waited for."""
        has_reported = (
            self.reported_through is not None and self.reported_through >= self.needed_through
        )
        return self.is_released or has_reported


@dataclass(frozen=True, order=True)
class Ruling:
    """A correction: what a person said the status is. The newest counts, by time, then by id."""

    made_at: datetime
    ruling_id: uuid.UUID
    person_id: uuid.UUID
    status: str


@dataclass(frozen=True)
class Judgement:
    """One line of the register.

    Attributes:
        status: the word that counts.
        derived: what the events alone say; differs from `status` after a correction.
        first_seen_at: of the sighting that counts.
        shown_status: what the person saw then, where it differs from `derived`.
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
    shown_status: ArrivalStatus | None = None
    is_clock_doubtful: bool = False
    is_corrected: bool = False


def derive_register(
    roster: Sequence[uuid.UUID],
    events: Iterable[RegisterEvent],
    window: AttendanceWindow,
    *,
    watches: Sequence[KioskWatch],
    rulings: Iterable[Ruling] = (),
    at: datetime,
) -> list[Judgement]:
    """Derive the register of one lesson.

    Args:
        roster: who is due, in the order of the lines.
        events: of the lesson, in any order, repeats allowed.
        window: when a sighting counts.
        watches: every kiosk that could have seen a person of the roster.
        rulings: corrections, in any order.
        at: the moment the register is read.

    Returns:
        One judgement for each person of the roster, in its order.
    """
    seen = _valid_by_person(events, window)
    ruled = {ruling.person_id: ruling for ruling in sorted(rulings)}
    unseen = _unseen_status(window, watches, at)
    return [
        _judge(person_id, seen.get(person_id, []), ruled.get(person_id), window, unseen)
        for person_id in dict.fromkeys(roster)
    ]


def count_statuses(lines: Iterable[Judgement]) -> dict[AttendanceStatus, int]:
    """Count the lines of each status; every status is named."""
    counts = dict.fromkeys(AttendanceStatus, 0)
    for line in lines:
        counts[line.status] += 1
    return counts


def _valid_by_person(
    events: Iterable[RegisterEvent], window: AttendanceWindow
) -> dict[uuid.UUID, list[RegisterEvent]]:
    unique = {one.key: one for one in events}
    voided = {
        (one.kiosk_id, one.refers_to)
        for one in unique.values()
        if one.kind == EventKind.NOT_ME and one.refers_to is not None
    }
    found: dict[uuid.UUID, list[RegisterEvent]] = {}
    for one in sorted(
        unique.values(), key=lambda one: (one.counted_at, one.event_id, one.kiosk_id)
    ):
        if one.person_id is None or one.kind not in _MARKING_KINDS or one.key in voided:
            continue
        if window.arrival(one.counted_at) is not None:
            found.setdefault(one.person_id, []).append(one)
    return found


def _unseen_status(
    window: AttendanceWindow, watches: Sequence[KioskWatch], at: datetime
) -> AttendanceStatus:
    if at < window.judged_at:
        return AttendanceStatus.EXPECTED
    # Where no kiosk looked, nobody knows: that is no absence either.
    is_settled = bool(watches) and all(watch.is_settled for watch in watches)
    return AttendanceStatus.ABSENT if is_settled else AttendanceStatus.PENDING


def _judge(
    person_id: uuid.UUID,
    valid: Sequence[RegisterEvent],
    ruling: Ruling | None,
    window: AttendanceWindow,
    unseen: AttendanceStatus,
) -> Judgement:
    if not valid:
        status = AttendanceStatus(ruling.status) if ruling else unseen
        return Judgement(person_id, status, unseen, is_corrected=ruling is not None)
    first = valid[0]
    derived = AttendanceStatus(window.arrival(first.counted_at) or unseen)
    return Judgement(
        person_id=person_id,
        status=AttendanceStatus(ruling.status) if ruling else derived,
        derived=derived,
        first_seen_at=first.counted_at,
        last_seen_at=valid[-1].counted_at,
        kiosk_id=first.kiosk_id,
        method=first.method,
        event_id=first.event_id,
        shown_status=_other_status_shown(first, derived),
        is_clock_doubtful=first.clock_source == ClockSource.UNSYNCED,
        is_corrected=ruling is not None,
    )


def _other_status_shown(first: RegisterEvent, derived: AttendanceStatus) -> ArrivalStatus | None:
    """Return what the kiosk showed where it was something else: it had another policy."""
    if first.shown_status not in set(ArrivalStatus) or first.shown_status == derived:
        return None
    return ArrivalStatus(first.shown_status)
