"""The register of a session: what is read for it, what it comes to, and corrections to it."""

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
    Mark,
    Ruling,
    Sighting,
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
from server.timetable.service import SessionView
from server.timetable.tables import RosterEntry

_CHUNK = 500


@dataclass(frozen=True)
class Line:
    """One line of the register, with the person it is about."""

    person: Person
    mark: Mark


@dataclass(frozen=True)
class WatchingKiosk:
    """A kiosk of the session's room, and up to when it has told everything."""

    kiosk: Kiosk
    synced_through: datetime | None


@dataclass(frozen=True)
class Register:
    """A session's register as of a moment."""

    view: SessionView
    window: Window
    lines: tuple[Line, ...]
    counts: dict[AttendanceStatus, int]
    kiosks: tuple[WatchingKiosk, ...]

    @property
    def waiting_for(self) -> tuple[WatchingKiosk, ...]:
        """The kiosks that have not told everything up to the end of the session."""
        return tuple(
            one
            for one in self.kiosks
            if one.synced_through is None or one.synced_through < self.window.ends_at
        )

    @property
    def attended(self) -> int:
        """How many came, in time or late."""
        return self.counts[AttendanceStatus.PRESENT] + self.counts[AttendanceStatus.LATE]


def register_of(
    session: Session, session_id: uuid.UUID, *, zone: ZoneInfo, at: datetime
) -> Register:
    """Derive the register of one session.

    Raises:
        NotFoundError: there is no such session.
    """
    view = timetable.session_view(session, session_id)
    return _registers(session, [view], current_policy(session).attendance, zone, at)[0]


def running_sessions(session: Session, *, zone: ZoneInfo, at: datetime) -> list[Register]:
    """The registers of the sessions that are open now: from their window's opening to their end."""
    policy = current_policy(session).attendance
    soon = window_of(at, at, policy)
    # A session is open from `opens_before_min` before its start on, so look that far ahead.
    views = timetable.session_views(session, after=at, before=at + (at - soon.opens_at))
    return _registers(session, views, policy, zone, at)


def registers_between(
    session: Session, first: datetime, last: datetime, *, zone: ZoneInfo, at: datetime
) -> list[Register]:
    """The registers of the sessions between two moments, by start."""
    policy = current_policy(session).attendance
    views = timetable.session_views(session, after=first, before=last)
    return _registers(session, views, policy, zone, at)


def correct(
    session: Session,
    session_id: uuid.UUID,
    *,
    person_id: uuid.UUID,
    status: str,
    reason: str,
    made_by: uuid.UUID,
) -> Correction:
    """Add a person's word about a status; what was there before stays.

    Raises:
        NotFoundError: there is no such session.
        InvalidError: the status cannot be given by hand, or the person was never due there.
    """
    view = timetable.session_view(session, session_id)
    if status not in CORRECTABLE:
        raise InvalidError("This status cannot be given by hand.")
    known = {person.id for _entry, person in timetable.roster_people(session, view.course.id)}
    if person_id not in known:
        raise InvalidError("This person is not on the roster of the course.")
    correction = Correction(
        session_id=session_id, person_id=person_id, status=status, reason=reason, made_by=made_by
    )
    session.add(correction)
    session.flush()
    return correction


def history_of(
    session: Session, session_id: uuid.UUID, person_id: uuid.UUID
) -> list[tuple[Correction, Account]]:
    """Every correction of one line, newest first, with who made it."""
    query = (
        select(Correction, Account)
        .join(Account, col(Account.id) == col(Correction.made_by))
        .where(col(Correction.session_id) == session_id, col(Correction.person_id) == person_id)
        .order_by(col(Correction.made_at).desc())
    )
    return [(correction, account) for correction, account in session.exec(query)]


@dataclass(frozen=True)
class _Sources:
    """What several registers are made of, read once for all of them."""

    rosters: dict[uuid.UUID, list[tuple[RosterEntry, Person]]]
    kiosks: list[tuple[Kiosk, datetime | None]]
    sightings: dict[uuid.UUID | None, list[Sighting]]
    rulings: dict[uuid.UUID, list[Ruling]]


def _registers(
    session: Session,
    views: Sequence[SessionView],
    policy: AttendancePolicy,
    zone: ZoneInfo,
    at: datetime,
) -> list[Register]:
    """Derive registers, with as many queries for a whole day as for one session."""
    if not views:
        return []
    windows = [window_of(one.session.starts_at, one.session.ends_at, policy) for one in views]
    kiosks = _kiosks_of(session, {view.room.id for view in views})
    ids = [view.session.id for view in views]
    sources = _Sources(
        rosters=timetable.rosters_of(session, {view.course.id for view in views}),
        kiosks=kiosks,
        sightings=_sightings(session, ids, windows, [kiosk.id for kiosk, _told in kiosks]),
        rulings=_rulings(session, ids),
    )
    return [
        _register(view, window, sources, zone, at)
        for view, window in zip(views, windows, strict=True)
    ]


def _register(
    view: SessionView, window: Window, sources: _Sources, zone: ZoneInfo, at: datetime
) -> Register:
    day = timetable.local_date(view.session.starts_at, zone)
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
            *sources.sightings.get(view.session.id, []),
            *(one for one in sources.sightings.get(None, []) if one.kiosk_id in watching),
        ],
        window,
        watermarks={kiosk.id: told for kiosk, told in kiosks},
        rulings=sources.rulings.get(view.session.id, []),
        at=at,
    )
    return Register(
        view=view,
        window=window,
        lines=tuple(Line(people[mark.person_id], mark) for mark in marks),
        counts=count_statuses(marks),
        kiosks=tuple(WatchingKiosk(kiosk, told) for kiosk, told in kiosks),
    )


def _kiosks_of(
    session: Session, room_ids: Collection[uuid.UUID]
) -> list[tuple[Kiosk, datetime | None]]:
    """Kiosks of these rooms that were ever claimed, with their watermarks."""
    query = (
        select(Kiosk, KioskProgress)
        .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
        .where(col(Kiosk.room_id).in_(room_ids), col(Kiosk.claimed_at).is_not(None))
        .order_by(col(Kiosk.name))
    )
    return [(kiosk, progress.synced_through) for kiosk, progress in session.exec(query)]


def _looked(kiosk: Kiosk, view: SessionView) -> bool:
    """Whether a kiosk stood in the room, claimed, while the session ran."""
    was_claimed = kiosk.claimed_at is not None and kiosk.claimed_at < view.session.ends_at
    was_revoked = kiosk.revoked_at is not None and kiosk.revoked_at <= view.session.starts_at
    return kiosk.room_id == view.room.id and was_claimed and not was_revoked


def _sightings(
    session: Session,
    session_ids: Sequence[uuid.UUID],
    windows: Sequence[Window],
    kiosk_ids: Sequence[uuid.UUID],
) -> dict[uuid.UUID | None, list[Sighting]]:
    """Events that name these sessions, and those of their rooms that name none, by session.

    An event names none where the kiosk's timetable was old; the time decides where it belongs.
    """
    first = min(window.opens_at for window in windows)
    last = max(window.closes_at for window in windows)
    unnamed = (
        col(StoredEvent.session_id).is_(None)
        & col(StoredEvent.kiosk_id).in_(kiosk_ids)
        & col(StoredEvent.occurred_at).between(first, last)
    )
    named = col(StoredEvent.session_id).in_(session_ids)
    found = _read_sightings(session, named | unnamed)
    belongs = {one.event_id: key for key, one in found if one.kind != EventKind.NOT_ME}
    for start in range(0, len(belongs), _CHUNK):
        taken_back = col(StoredEvent.refers_to).in_(list(belongs)[start : start + _CHUNK])
        of_kiosk = col(StoredEvent.kiosk_id).in_({one.kiosk_id for _key, one in found})
        is_objection = col(StoredEvent.kind) == EventKind.NOT_ME.value
        for _key, one in _read_sightings(session, is_objection & of_kiosk & taken_back):
            # An objection counts where what it objects to counts.
            found.append((belongs[one.refers_to] if one.refers_to else None, one))
    by_session: dict[uuid.UUID | None, list[Sighting]] = {}
    for key, one in found:
        by_session.setdefault(key, []).append(one)
    return by_session


def _read_sightings(
    session: Session, condition: ColumnElement[bool]
) -> list[tuple[uuid.UUID | None, Sighting]]:
    table = StoredEvent
    query = select(table.session_id, table.id, table.kiosk_id, table.person_id).add_columns(
        col(table.occurred_at),
        col(table.kind),
        col(table.method),
        col(table.clock_source),
        col(table.refers_to),
    )
    return [(row[0], Sighting(*row[1:])) for row in session.execute(query.where(condition))]


def _rulings(session: Session, session_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Ruling]]:
    found: dict[uuid.UUID, list[Ruling]] = {}
    query = select(Correction).where(col(Correction.session_id).in_(session_ids))
    for row in session.exec(query):
        ruling = Ruling(row.person_id, row.status, row.made_at)
        found.setdefault(row.session_id, []).append(ruling)
    return found
