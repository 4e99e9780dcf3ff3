"""The register of a lesson: what is read for it, what it comes to, and corrections to it."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from protocol.v1.messages import AttendancePolicy, EventKind
from server.accounts.tables import Account
from server.attendance.register import (
    CORRECTABLE,
    AttendanceStatus,
    Judgement,
    RegisterEvent,
    Ruling,
    Window,
    count_statuses,
    derive_register,
    window_of,
)
from server.attendance.tables import Correction, StoredEvent
from server.errors import InvalidError
from server.kiosks.tables import Kiosk, KioskProgress
from server.people.tables import Person
from server.policies.service import current_policy
from server.timetable import service as timetable
from server.timetable.service import LessonView
from server.timetable.tables import RosterEntry

_CHUNK = 500


@dataclass(frozen=True)
class RegisterLine:
    """One line of the register, with the person it is about."""

    person: Person
    mark: Judgement


@dataclass(frozen=True)
class WatchingKiosk:
    """A kiosk of the lesson's room, and up to when it has told everything."""

    kiosk: Kiosk
    synced_through: datetime | None


@dataclass(frozen=True)
class Register:
    """A lesson's register as of a moment."""

    view: LessonView
    window: Window
    lines: tuple[RegisterLine, ...]
    counts: dict[AttendanceStatus, int]
    kiosks: tuple[WatchingKiosk, ...]

    @property
    def waiting_for(self) -> tuple[WatchingKiosk, ...]:
        """The kiosks that have not told everything up to the end of the lesson."""
        return tuple(
            one
            for one in self.kiosks
            if one.synced_through is None or one.synced_through < self.window.ends_at
        )

    @property
    def attended(self) -> int:
        """How many came, in time or late."""
        return self.counts[AttendanceStatus.PRESENT] + self.counts[AttendanceStatus.LATE]


def register_of(db: Session, lesson_id: uuid.UUID, *, zone: ZoneInfo, at: datetime) -> Register:
    """Derive the register of one lesson.

    Raises:
        NotFoundError: there is no such lesson.
    """
    view = timetable.lesson_view(db, lesson_id)
    return _registers(db, [view], current_policy(db).attendance, zone, at)[0]


def running_lessons(db: Session, *, zone: ZoneInfo, at: datetime) -> list[Register]:
    """The registers of the lessons that are open now: from their window's opening to their end."""
    policy = current_policy(db).attendance
    soon = window_of(at, at, policy)
    # A lesson is open from `opens_before_min` before its start on, so look that far ahead.
    views = timetable.lesson_views(db, after=at, before=at + (at - soon.opens_at))
    return _registers(db, views, policy, zone, at)


def registers_between(
    db: Session, first: datetime, last: datetime, *, zone: ZoneInfo, at: datetime
) -> list[Register]:
    """The registers of the lessons between two moments, by start."""
    policy = current_policy(db).attendance
    views = timetable.lesson_views(db, after=first, before=last)
    return _registers(db, views, policy, zone, at)


def correct(
    db: Session,
    lesson_id: uuid.UUID,
    *,
    person_id: uuid.UUID,
    status: str,
    reason: str,
    made_by: uuid.UUID,
) -> Correction:
    """Add a person's word about a status; what was there before stays.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: the status cannot be given by hand, or the person was never due there.
    """
    view = timetable.lesson_view(db, lesson_id)
    if status not in CORRECTABLE:
        raise InvalidError("This status cannot be given by hand.")
    known = {person.id for _entry, person in timetable.roster_people(db, view.course.id)}
    if person_id not in known:
        raise InvalidError("This person is not on the roster of the course.")
    correction = Correction(
        lesson_id=lesson_id, person_id=person_id, status=status, reason=reason, made_by=made_by
    )
    db.add(correction)
    db.flush()
    return correction


def history_of(
    db: Session, lesson_id: uuid.UUID, person_id: uuid.UUID
) -> list[tuple[Correction, Account]]:
    """Every correction of one line, newest first, with who made it."""
    query = (
        select(Correction, Account)
        .join(Account, col(Account.id) == col(Correction.made_by))
        .where(col(Correction.lesson_id) == lesson_id, col(Correction.person_id) == person_id)
        .order_by(col(Correction.made_at).desc())
    )
    return [(correction, account) for correction, account in db.exec(query)]


@dataclass(frozen=True)
class _Sources:
    """What several registers are made of, read once for all of them."""

    rosters: dict[uuid.UUID, list[tuple[RosterEntry, Person]]]
    kiosks: list[tuple[Kiosk, datetime | None]]
    sightings: dict[uuid.UUID | None, list[RegisterEvent]]
    rulings: dict[uuid.UUID, list[Ruling]]


def _registers(
    db: Session,
    views: Sequence[LessonView],
    policy: AttendancePolicy,
    zone: ZoneInfo,
    at: datetime,
) -> list[Register]:
    """Derive registers, with as many queries for a whole day as for one lesson."""
    if not views:
        return []
    windows = [window_of(one.lesson.starts_at, one.lesson.ends_at, policy) for one in views]
    kiosks = _kiosks_of(db, {view.room.id for view in views})
    ids = [view.lesson.id for view in views]
    sources = _Sources(
        rosters=timetable.rosters_of(db, {view.course.id for view in views}),
        kiosks=kiosks,
        sightings=_sightings(db, ids, windows, [kiosk.id for kiosk, _told in kiosks]),
        rulings=_rulings(db, ids),
    )
    return [
        _register(view, window, sources, zone, at)
        for view, window in zip(views, windows, strict=True)
    ]


def _register(
    view: LessonView, window: Window, sources: _Sources, zone: ZoneInfo, at: datetime
) -> Register:
    day = timetable.local_date(view.lesson.starts_at, zone)
    people = {
        person.id: person
        for entry, person in sources.rosters.get(view.course.id, [])
        if timetable.applies(entry, day)
    }
    kiosks = [one for one in sources.kiosks if _looked(one[0], view)]
    watching = {kiosk.id for kiosk, _told in kiosks}
    marks = derive_register(
        list(people),
        [
            *sources.sightings.get(view.lesson.id, []),
            *(one for one in sources.sightings.get(None, []) if one.kiosk_id in watching),
        ],
        window,
        watermarks={kiosk.id: told for kiosk, told in kiosks},
        rulings=sources.rulings.get(view.lesson.id, []),
        at=at,
    )
    return Register(
        view=view,
        window=window,
        lines=tuple(RegisterLine(people[mark.person_id], mark) for mark in marks),
        counts=count_statuses(marks),
        kiosks=tuple(WatchingKiosk(kiosk, told) for kiosk, told in kiosks),
    )


def _kiosks_of(db: Session, room_ids: Collection[uuid.UUID]) -> list[tuple[Kiosk, datetime | None]]:
    """Kiosks of these rooms that were ever claimed, with their watermarks."""
    query = (
        select(Kiosk, KioskProgress)
        .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
        .where(col(Kiosk.room_id).in_(room_ids), col(Kiosk.claimed_at).is_not(None))
        .order_by(col(Kiosk.name))
    )
    return [(kiosk, progress.synced_through) for kiosk, progress in db.exec(query)]


def _looked(kiosk: Kiosk, view: LessonView) -> bool:
    """Whether a kiosk stood in the room, claimed, while the lesson ran."""
    was_claimed = kiosk.claimed_at is not None and kiosk.claimed_at < view.lesson.ends_at
    was_revoked = kiosk.revoked_at is not None and kiosk.revoked_at <= view.lesson.starts_at
    return kiosk.room_id == view.room.id and was_claimed and not was_revoked


def _sightings(
    db: Session,
    lesson_ids: Sequence[uuid.UUID],
    windows: Sequence[Window],
    kiosk_ids: Sequence[uuid.UUID],
) -> dict[uuid.UUID | None, list[RegisterEvent]]:
    """Events that name these lessons, and those of their rooms that name none, by lesson.

    An event names none where the kiosk's timetable was old; the time decides where it belongs.
    """
    first = min(window.opens_at for window in windows)
    last = max(window.closes_at for window in windows)
    unnamed = (
        col(StoredEvent.lesson_id).is_(None)
        & col(StoredEvent.kiosk_id).in_(kiosk_ids)
        & col(StoredEvent.occurred_at).between(first, last)
    )
    named = col(StoredEvent.lesson_id).in_(lesson_ids)
    found = _read_sightings(db, named | unnamed)
    belongs = {one.event_id: key for key, one in found if one.kind != EventKind.NOT_ME}
    for start in range(0, len(belongs), _CHUNK):
        taken_back = col(StoredEvent.refers_to).in_(list(belongs)[start : start + _CHUNK])
        of_kiosk = col(StoredEvent.kiosk_id).in_({one.kiosk_id for _key, one in found})
        is_objection = col(StoredEvent.kind) == EventKind.NOT_ME.value
        for _key, one in _read_sightings(db, is_objection & of_kiosk & taken_back):
            # An objection counts where what it objects to counts.
            found.append((belongs[one.refers_to] if one.refers_to else None, one))
    by_lesson: dict[uuid.UUID | None, list[RegisterEvent]] = {}
    for key, one in found:
        by_lesson.setdefault(key, []).append(one)
    return by_lesson


def _read_sightings(
    db: Session, condition: ColumnElement[bool]
) -> list[tuple[uuid.UUID | None, RegisterEvent]]:
    table = StoredEvent
    query = select(table.lesson_id, table.id, table.kiosk_id, table.person_id).add_columns(
        col(table.occurred_at),
        col(table.kind),
        col(table.method),
        col(table.clock_source),
        col(table.refers_to),
    )
    return [(row[0], RegisterEvent(*row[1:])) for row in db.execute(query.where(condition))]


def _rulings(db: Session, lesson_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Ruling]]:
    found: dict[uuid.UUID, list[Ruling]] = {}
    query = select(Correction).where(col(Correction.lesson_id).in_(lesson_ids))
    for row in db.exec(query):
        ruling = Ruling(row.person_id, row.status, row.made_at)
        found.setdefault(row.lesson_id, []).append(ruling)
    return found
