"""The register of a session: what is read for it, what it comes to, and corrections to it."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

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
    return _register(session, view, current_policy(session).attendance, zone, at)


def running_sessions(session: Session, *, zone: ZoneInfo, at: datetime) -> list[Register]:
    """The registers of the sessions that are open now: from their window's opening to their end."""
    policy = current_policy(session).attendance
    soon = window_of(at, at, policy)
    # A session is open from `opens_before_min` before its start on, so look that far ahead.
    views = timetable.session_views(session, after=at, before=at + (at - soon.opens_at))
    return [_register(session, view, policy, zone, at) for view in views]


def registers_between(
    session: Session, first: datetime, last: datetime, *, zone: ZoneInfo, at: datetime
) -> list[Register]:
    """The registers of the sessions between two moments, by start."""
    policy = current_policy(session).attendance
    views = timetable.session_views(session, after=first, before=last)
    return [_register(session, view, policy, zone, at) for view in views]


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


def corrections_of(session: Session, session_id: uuid.UUID) -> list[Correction]:
    """Every correction of a session, newest first."""
    query = select(Correction).where(col(Correction.session_id) == session_id)
    return list(session.exec(query.order_by(col(Correction.made_at).desc())))


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


def _register(
    session: Session,
    view: SessionView,
    policy: AttendancePolicy,
    zone: ZoneInfo,
    at: datetime,
) -> Register:
    window = window_of(view.session.starts_at, view.session.ends_at, policy)
    day = timetable.local_date(view.session.starts_at, zone)
    people = {
        person.id: person
        for _entry, person in timetable.roster_people(session, view.course.id, on=day)
    }
    kiosks = _kiosks_that_looked(session, view)
    marks = derive_register(
        list(people),
        _sightings(session, view, window, [kiosk.id for kiosk, _told in kiosks]),
        window,
        watermarks={kiosk.id: told for kiosk, told in kiosks},
        rulings=_rulings(session, view.session.id),
        at=at,
    )
    return Register(
        view=view,
        window=window,
        lines=tuple(Line(people[mark.person_id], mark) for mark in marks),
        counts=count_statuses(marks),
        kiosks=tuple(WatchingKiosk(kiosk, told) for kiosk, told in kiosks),
    )


def _kiosks_that_looked(session: Session, view: SessionView) -> list[tuple[Kiosk, datetime | None]]:
    """Kiosks of the room that were claimed while the session ran, with their watermarks."""
    query = (
        select(Kiosk, KioskProgress)
        .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
        .where(
            col(Kiosk.room_id) == view.room.id,
            col(Kiosk.claimed_at) < view.session.ends_at,
            or_(
                col(Kiosk.revoked_at).is_(None),
                col(Kiosk.revoked_at) > view.session.starts_at,
            ),
        )
        .order_by(col(Kiosk.name))
    )
    return [(kiosk, progress.synced_through) for kiosk, progress in session.exec(query)]


def _sightings(
    session: Session, view: SessionView, window: Window, kiosk_ids: Sequence[uuid.UUID]
) -> list[Sighting]:
    """Events that name this session, and those of its room that name none (an old timetable)."""
    unnamed = (
        col(StoredEvent.session_id).is_(None)
        & col(StoredEvent.kiosk_id).in_(kiosk_ids)
        & col(StoredEvent.occurred_at).between(window.opens_at, window.closes_at)
    )
    named = col(StoredEvent.session_id) == view.session.id
    found = list(session.exec(select(StoredEvent).where(named | unnamed)))
    ids = [event.id for event in found if event.kind != EventKind.NOT_ME]
    taken_back = select(StoredEvent).where(
        col(StoredEvent.kind) == EventKind.NOT_ME.value,
        col(StoredEvent.kiosk_id).in_({event.kiosk_id for event in found}),
        col(StoredEvent.refers_to).in_(ids),
    )
    return [_sighting(event) for event in (*found, *session.exec(taken_back))]


def _sighting(event: StoredEvent) -> Sighting:
    return Sighting(
        event_id=event.id,
        kiosk_id=event.kiosk_id,
        person_id=event.person_id,
        occurred_at=event.occurred_at,
        kind=event.kind,
        method=event.method,
        clock_source=event.clock_source,
        refers_to=event.refers_to,
    )


def _rulings(session: Session, session_id: uuid.UUID) -> Iterable[Ruling]:
    query = select(Correction).where(col(Correction.session_id) == session_id)
    return [Ruling(row.person_id, row.status, row.made_at) for row in session.exec(query)]
