"""From events to the register: pure rules, no database, no clock.

The register is never stored. It follows from events, timetable, policy, watermarks and
corrections. So a late batch corrects it automatically, and equal inputs always give equal lines.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypedDict

from protocol.v1.messages import (
    ArrivalStatus,
    AttendanceWindow,
    ClockSource,
    EventKind,
    early_min,
    left_at,
)
from server.absences.rules import ReportedAbsence

MARKING_KINDS = frozenset({EventKind.SEEN.value, EventKind.ROLL_CALL.value})
#: What names an event: its kiosk and its id there.
EventKey = tuple[uuid.UUID, uuid.UUID]
#: Clocks of kiosk and server may differ by as much as an event may lie in the future.
CLOCK_TOLERANCE = timedelta(minutes=10)
#: A corrected time is shown beside the stated one from this difference on.
NOTICEABLE = timedelta(minutes=1)


class AttendanceStatus(StrEnum):
    """What a line of the register says."""

    PRESENT = "present"
    LATE = "late"
    EXPECTED = "expected"  # the lesson has not ended yet
    PENDING = "pending"  # it has, but some kiosk has not reported everything
    NOT_SEEN = "not_seen"  # it has, and no kiosk saw the student
    ABSENT = "absent"  # by a person only
    EXCUSED = "excused"  # reported in advance, or by a person
    LEFT_EARLY = "left_early"  # by a person only


#: What a person may set; the first ones are what events can say too.
CORRECTABLE = (
    AttendanceStatus.PRESENT,
    AttendanceStatus.LATE,
    AttendanceStatus.ABSENT,
    AttendanceStatus.EXCUSED,
    AttendanceStatus.LEFT_EARLY,
)
#: What a line says that nobody decided about and nothing was seen of.
OPEN = frozenset({AttendanceStatus.EXPECTED, AttendanceStatus.PENDING, AttendanceStatus.NOT_SEEN})
ATTENDED = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE})


@dataclass(frozen=True, order=True)
class RegisterEvent:
    """The part of an event that the register is made of.

    The order of the fields is the register's total order: by time, then by event and kiosk id.
    Two kiosks may use one event id; an event is named by both ids together.

    Attributes:
        counted_at: the stated time plus the clock offset stated beside it, or the time that the
            server found out later, UTC.
        shown_status: what the person saw at the kiosk; None where nothing was shown.
        occurred_at: as the kiosk's clock said; None where it does not matter.
        received_at: by the server's clock; None where it does not matter.
        not_before: only where the time is uncertain: it was not earlier than this.
        is_time_corrected: the server found out the time later.
        direction: whether the person came or left; None where the policy did not ask.
        is_replay: its code counts at another kiosk, see `replays_among`: it does not count here.
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
    occurred_at: datetime | None = None
    received_at: datetime | None = None
    not_before: datetime | None = None
    is_time_corrected: bool = False
    direction: str | None = None
    is_replay: bool = False

    @property
    def key(self) -> EventKey:
        """What names the event."""
        return self.kiosk_id, self.event_id

    @property
    def is_uncertain(self) -> bool:
        """Whether nobody vouches for its time."""
        return self.not_before is not None

    @property
    def is_time_possible(self) -> bool:
        """Whether it can have happened at the time it states; true where that is not known."""
        if self.not_before is None or self.received_at is None:
            return True
        earliest = self.not_before - CLOCK_TOLERANCE
        return earliest <= self.counted_at <= self.received_at + CLOCK_TOLERANCE

    @property
    def is_roll_call(self) -> bool:
        """Whether a teacher said at the kiosk that the person is there."""
        return self.kind == EventKind.ROLL_CALL

    def arrival_in(self, window: AttendanceWindow) -> ArrivalStatus | None:
        """Return how it counts in a window; None where it does not, or cannot have been then.

        A teacher's word counts as it was said, also after check-in has closed.
        """
        if not self.is_time_possible:
            return None
        if self.is_roll_call and window.opens_at <= self.counted_at < window.ends_at:
            is_late = self.shown_status == ArrivalStatus.LATE
            return ArrivalStatus.LATE if is_late else ArrivalStatus.PRESENT
        return None if self.is_roll_call else window.arrival(self.counted_at, self.direction)


@dataclass(frozen=True)
class KioskWatch:
    """A kiosk that hung in the room during the lesson, and how far it has reported.

    Attributes:
        needed_through: it must have reported everything until then: the end of the lesson, or the
            moment it left the room.
        reported_through: everything until then is here; None where nothing is.
        is_released: an admin decided not to wait for it.
        has_lost: it lost events that may belong to the lesson, and nobody has decided about them.
    """

    kiosk_id: uuid.UUID
    needed_through: datetime
    reported_through: datetime | None = None
    is_released: bool = False
    has_lost: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is waited for."""
        has_reported = (
            self.reported_through is not None and self.reported_through >= self.needed_through
        )
        return self.is_released or (has_reported and not self.has_lost)


@dataclass(frozen=True, order=True)
class Ruling:
    """A correction: what a person said the status is. The newest counts, by time, then by id.

    Attributes:
        status: None where the correction before was undone, so that events alone count again.
        code_id: the school's code that was chosen; None in rows from before there were codes.
        is_attended: whether the code counts as attended; None where the status alone says so.
        minutes_late: how late the student came; None where the correction does not say it.
    """

    made_at: datetime
    ruling_id: uuid.UUID
    person_id: uuid.UUID
    status: str | None
    code_id: uuid.UUID | None = None
    is_attended: bool | None = None
    minutes_late: int | None = None

    @property
    def counts(self) -> bool:
        """Whether the student counts as attended."""
        return self.status in ATTENDED if self.is_attended is None else self.is_attended


class Decisions(NamedTuple):
    """What people decided about a register.

    Attributes:
        rulings: corrections, in any order, repeats allowed. They decide over everything.
        absent: who was not seen when a person confirmed the register last. They are absent,
            unless an event or an excuse says otherwise.
        reported: absences reported for the lesson, in any order: they excuse who was not seen.
    """

    rulings: Iterable[Ruling] = ()
    absent: Collection[uuid.UUID] = frozenset()
    reported: Iterable[ReportedAbsence] = ()


UNDECIDED = Decisions()


class Reported(StrEnum):
    """How a person was reported absent."""

    EXCUSED = "excused"
    UNEXCUSED = "unexcused"


@dataclass(frozen=True)
class Judgement:
    """One line of the register.

    Attributes:
        status: the word that counts.
        derived: what events and reported absences say; differs from `status` after a correction.
        first_seen_at: of the sighting that counts.
        shown_status: what the person saw then, where it differs from `derived`.
        is_clock_doubtful: the kiosk did not know the time; a person should judge.
        stated_at: what the kiosk's clock said at the sighting that counts, where that is
            another time.
        doubtful: sightings that may belong here, as their time is uncertain, by that time. They
            decide nothing; but as long as nothing else does, the student is not absent.
        replays: sightings by a code that another kiosk had accepted before. They do not count.
        left_at: when the person left; None where nothing says so, or the person came back.
        left_early_min: minutes before the end, where that is before leaving time; else 0.
        reported: how the person was reported absent; None where nobody did, or it was withdrawn.
        code_id: the school's code of the correction that counts; None where there is none.
        is_counted: whether that code counts as attended; None where the status alone says so.
        said_late_min: how late the student came, as that correction says; None where it does not.
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
    stated_at: datetime | None = None
    doubtful: tuple[RegisterEvent, ...] = ()
    replays: tuple[RegisterEvent, ...] = ()
    left_at: datetime | None = None
    left_early_min: int = 0
    reported: Reported | None = None
    code_id: uuid.UUID | None = None
    is_counted: bool | None = None
    said_late_min: int | None = None

    @property
    def came_after_all(self) -> bool:
        """Whether the person was seen although an absence was reported."""
        return self.reported is not None and self.derived in ATTENDED

    @property
    def is_attended(self) -> bool:
        """Whether the student counts as attended."""
        return self.status in ATTENDED if self.is_counted is None else self.is_counted

    @property
    def is_open(self) -> bool:
        """Whether nobody decided about the line and nothing was seen of the student."""
        return self.status in OPEN

    @property
    def is_unseen(self) -> bool:
        """Whether no event and no person says that the student was there, or was excused."""
        is_excused = self.derived == AttendanceStatus.EXCUSED
        return not (self.is_corrected or is_excused or self.derived in ATTENDED)

    @property
    def needs_decision(self) -> bool:
        """Whether a person must decide if a sighting with an uncertain time counts here."""
        return bool(self.doubtful) and self.status == AttendanceStatus.PENDING


def derive_register(
    roster: Sequence[uuid.UUID],
    events: Iterable[RegisterEvent],
    window: AttendanceWindow,
    *,
    watches: Sequence[KioskWatch],
    decided: Decisions = UNDECIDED,
    at: datetime,
) -> list[Judgement]:
    """Derive the register of one lesson.

    Args:
        roster: who is due, in the order of the lines.
        events: of the lesson, in any order, repeats allowed.
        window: when a sighting counts.
        watches: every kiosk that could have seen a person of the roster.
        decided: what people decided.
        at: the moment the register is read.

    Returns:
        One judgement for each person of the roster, in its order.
    """
    seen = _by_person(events)
    ruled = {ruling.person_id: ruling for ruling in sorted(decided.rulings)}
    reported = _reported(decided.reported)
    unseen = unseen_status(window, watches, at)
    judged = [
        _judge(
            person_id,
            seen.get(person_id, []),
            ruled.get(person_id),
            window,
            _without_events(person_id, decided, reported, unseen),
        )
        for person_id in dict.fromkeys(roster)
    ]
    if not reported:
        return judged
    return [replace(line, reported=reported.get(line.person_id)) for line in judged]


def _without_events(
    person_id: uuid.UUID,
    decided: Decisions,
    reported: Mapping[uuid.UUID, Reported],
    unseen: AttendanceStatus,
) -> AttendanceStatus:
    """Return what a line says where no event counts and no correction was made."""
    if reported.get(person_id) is Reported.EXCUSED:
        return AttendanceStatus.EXCUSED
    return AttendanceStatus.ABSENT if person_id in decided.absent else unseen


def _reported(absences: Iterable[ReportedAbsence]) -> dict[uuid.UUID, Reported]:
    """Return how each person was reported absent; of several reports one excuse is enough."""
    found: dict[uuid.UUID, Reported] = {}
    for one in absences:
        if one.is_excused:
            found[one.person_id] = Reported.EXCUSED
        else:
            found.setdefault(one.person_id, Reported.UNEXCUSED)
    return found


def minutes_present(mark: Judgement, window: AttendanceWindow) -> int | None:
    """Return how many whole minutes of the lesson a student was there, as the kiosks saw it.

    None where they did not see the student. Who left and did not come back was there until then.
    """
    if mark.first_seen_at is None:
        return None
    until = min(mark.left_at or window.ends_at, window.ends_at)
    stayed = until - max(mark.first_seen_at, window.starts_at)
    return max(0, int(stayed.total_seconds() // 60))


def minutes_late(mark: Judgement, window: AttendanceWindow) -> int | None:
    """Return how many minutes after the start a late student came.

    What a correction says comes before what kiosks saw. None where the status is not late, or
    neither knows it.
    """
    if mark.status != AttendanceStatus.LATE:
        return None
    if mark.said_late_min is not None or mark.first_seen_at is None:
        return mark.said_late_min
    return window.late_min(mark.first_seen_at)


def count_statuses(lines: Iterable[Judgement]) -> dict[AttendanceStatus, int]:
    """Count the lines of each status; every status is named."""
    counts = dict.fromkeys(AttendanceStatus, 0)
    for line in lines:
        counts[line.status] += 1
    return counts


def _by_person(events: Iterable[RegisterEvent]) -> dict[uuid.UUID, list[RegisterEvent]]:
    """Return sightings that nobody took back, by person and in order."""
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
        if one.person_id is None or one.kind not in MARKING_KINDS or one.key in voided:
            continue
        found.setdefault(one.person_id, []).append(one)
    return found


def unseen_status(
    window: AttendanceWindow, watches: Sequence[KioskWatch], at: datetime
) -> AttendanceStatus:
    """Return what a line says at a moment that no event, report or person decides."""
    if at < window.judged_at:
        return AttendanceStatus.EXPECTED
    # Where no kiosk looked, nobody knows: that is no absence either.
    is_settled = bool(watches) and all(watch.is_settled for watch in watches)
    return AttendanceStatus.NOT_SEEN if is_settled else AttendanceStatus.PENDING


def _judge(
    person_id: uuid.UUID,
    seen: Sequence[RegisterEvent],
    ruling: Ruling | None,
    window: AttendanceWindow,
    unseen: AttendanceStatus,
) -> Judgement:
    replays = tuple(one for one in seen if one.is_replay)
    seen = [one for one in seen if not one.is_replay] if replays else seen
    valid = [one for one in seen if one.arrival_in(window) is not None]
    doubtful = tuple(one for one in seen if one.is_uncertain and one.arrival_in(window) is None)
    if not valid:
        is_in_doubt = unseen == AttendanceStatus.NOT_SEEN and bool(doubtful)
        derived = AttendanceStatus.PENDING if is_in_doubt else unseen
        return Judgement(
            person_id,
            derived=derived,
            doubtful=doubtful,
            replays=replays,
            **_ruled(ruling, derived),
        )
    left = left_at(
        window, [(one.counted_at, one.direction) for one in seen if one.is_time_possible]
    )
    words = [one for one in valid if one.is_roll_call]
    first = words[-1] if words else valid[0]  # a teacher's newest word is stronger than a camera
    derived = AttendanceStatus(first.arrival_in(window) or unseen)
    return Judgement(
        person_id=person_id,
        derived=derived,
        first_seen_at=valid[0].counted_at,
        last_seen_at=valid[-1].counted_at,
        kiosk_id=first.kiosk_id,
        method=first.method,
        event_id=first.event_id,
        shown_status=_other_status_shown(first, derived),
        is_clock_doubtful=_is_clock_doubtful(first),
        stated_at=_stated_elsewhen(first),
        doubtful=doubtful,
        replays=replays,
        left_at=left,
        left_early_min=early_min(window, left) if left else 0,
        **_ruled(ruling, derived),
    )


class _Ruled(TypedDict):
    """What a correction says about a line."""

    status: AttendanceStatus
    is_corrected: bool
    code_id: uuid.UUID | None
    is_counted: bool | None
    said_late_min: int | None


def _ruled(ruling: Ruling | None, derived: AttendanceStatus) -> _Ruled:
    """Return what counts: the newest correction, unless it was undone, else the events."""
    if ruling is None or ruling.status is None:
        return _Ruled(
            status=derived, is_corrected=False, code_id=None, is_counted=None, said_late_min=None
        )
    return _Ruled(
        status=AttendanceStatus(ruling.status),
        is_corrected=True,
        code_id=ruling.code_id,
        is_counted=ruling.counts,
        said_late_min=ruling.minutes_late,
    )


def _is_clock_doubtful(event: RegisterEvent) -> bool:
    is_unsynced = event.clock_source == ClockSource.UNSYNCED and not event.is_time_corrected
    return event.is_uncertain or is_unsynced


def _stated_elsewhen(event: RegisterEvent) -> datetime | None:
    """Return what the kiosk's clock said where it differs by more than people would notice."""
    if event.occurred_at is None:
        return None
    is_same = abs(event.counted_at - event.occurred_at) < NOTICEABLE
    return None if is_same else event.occurred_at


def _other_status_shown(first: RegisterEvent, derived: AttendanceStatus) -> ArrivalStatus | None:
    """Return what the kiosk showed where it was something else: it had another policy."""
    if first.shown_status not in set(ArrivalStatus) or first.shown_status == derived:
        return None
    return ArrivalStatus(first.shown_status)
