"""The register of a lesson: what is read for it, and what it comes to."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy
from sqlalchemy import bindparam, exists, or_
from sqlmodel import Session, and_, col, select

from protocol.v1.messages import AttendanceWindow
from server.accounts.tables import Account
from server.attendance.assignment import JudgedLesson, judged_lessons
from server.attendance.confirmation_reads import ConfirmedRegister
from server.attendance.register import (
    AttendanceStatus,
    Decisions,
    EventKey,
    Judgement,
    count_statuses,
    derive_register,
)
from server.attendance.sources import Sources, WatchingKiosk, read_sources
from server.attendance.tables import (
    Correction,
    LineRemark,
    RegisterConfirmation,
    StoredEvent,
)
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import ConflictError
from server.line_files.tables import LineFile
from server.policies.tables import Rejudgement
from server.policies.timeline import PolicyTimeline
from server.timetable import lessons as planning
from server.timetable import service as timetable
from server.timetable.roster import ListedPerson, applies
from server.timetable.service import LessonView

__all__ = ["WatchingKiosk"]
_DECIDED = (StoredEvent, Correction, Rejudgement, RegisterConfirmation, LineRemark, LineFile)
#: Whether any event or decision names a lesson.
_NAMED = Prepared(
    sqlalchemy.select(
        or_(*(exists().where(table_of(one).c.lesson_id == bindparam("lesson")) for one in _DECIDED))
    )
)


@dataclass(frozen=True)
class RegisterLine:
    """One line of the register, with the person it is about."""

    person: ListedPerson
    mark: Judgement


@dataclass(frozen=True)
class Register:
    """A lesson's register as of a moment.

    Attributes:
        policy_version: the policy it is judged by.
        counts: lines of each status; all 0 where the lesson is cancelled.
        has_sightings: whether any event counts for the lesson, also one of a person who is not due.
        confirmation: the newest word that the register is right; None where it was not taken.
    """

    view: LessonView
    policy_version: int
    window: AttendanceWindow
    lines: tuple[RegisterLine, ...]
    counts: dict[AttendanceStatus, int]
    kiosks: tuple[WatchingKiosk, ...]
    has_sightings: bool = False
    confirmation: ConfirmedRegister | None = None

    @property
    def waiting_for(self) -> tuple[WatchingKiosk, ...]:
        """The kiosks that have not reported everything up to the end of the lesson."""
        return tuple(one for one in self.kiosks if not one.watch.is_settled)

    @property
    def undecided(self) -> int:
        """How many wait for a person to decide about a scan with an uncertain time."""
        return sum(line.mark.needs_decision for line in self.lines)

    @property
    def attended(self) -> int:
        """How many count as attended; 0 where the lesson is cancelled."""
        if self.view.is_cancelled:
            return 0
        return sum(line.mark.is_attended for line in self.lines)


def register_of(db: Session, lesson_id: uuid.UUID, *, at: datetime) -> Register:
    """Derive the register of one lesson.

    Raises:
        NotFoundError: there is no such lesson.
    """
    return registers_of(db, [timetable.lesson_view(db, lesson_id)], at=at)[0]


def running_lessons(
    db: Session, *, at: datetime, courses: Collection[uuid.UUID] | None = None
) -> list[Register]:
    """Return the registers of the lessons that are open now, check-in before them included."""
    policies = PolicyTimeline.of(db).current.everywhere()
    earliest = timedelta(minutes=max(one.attendance.opens_before_min for one in policies))
    views = timetable.lesson_views(db, after=at, before=at + earliest, courses=courses)
    lessons = judged_lessons(db, views) if views else []
    return _registers(db, [one for one in lessons if one.window.opens_at <= at], at)


def registers_between(
    db: Session,
    first: datetime,
    last: datetime,
    *,
    at: datetime,
    courses: Collection[uuid.UUID] | None = None,
) -> list[Register]:
    """Return the registers of the lessons between two moments, by start.

    Args:
        db: the caller's.
        first: only lessons that end after this.
        last: only lessons that start before this.
        at: the moment the registers are read.
        courses: only those of these courses.
    """
    views = timetable.lesson_views(db, after=first, before=last, courses=courses)
    return registers_of(db, views, at=at)


def register_as_if(
    db: Session, lesson_id: uuid.UUID, owners: Mapping[EventKey, uuid.UUID | None], *, at: datetime
) -> Register:
    """Derive a register as if some events were of other people, or of nobody.

    Raises:
        NotFoundError: there is no such lesson.
    """
    (one,) = judged_lessons(db, [timetable.lesson_view(db, lesson_id)])
    sources = read_sources(db, [one], at, few=None)
    events = [
        replace(event, person_id=owners.get(event.key, event.person_id))
        for event in sources.events.get(lesson_id, [])
    ]
    return _register(one, replace(sources, events={lesson_id: events}), at)


def registers_of(db: Session, views: Sequence[LessonView], *, at: datetime) -> list[Register]:
    """Derive several registers, in the order of the lessons."""
    return _registers(db, judged_lessons(db, views) if views else [], at)


def _registers(db: Session, lessons: Sequence[JudgedLesson], at: datetime) -> list[Register]:
    if not lessons:
        return []
    sources = read_sources(db, lessons, at)
    return [_register(one, sources, at) for one in lessons]


def has_events(db: Session, lesson_id: uuid.UUID) -> bool:
    """Return whether anything was recorded for a lesson: sightings, or decisions by a person.

    Raises:
        NotFoundError: there is no such lesson.
    """
    return is_recorded(db, register_of(db, lesson_id, at=now()))


def is_recorded(db: Session, register: Register) -> bool:
    """Return the same of a lesson whose register is here."""
    named: bool = _NAMED.values(db, lesson=register.view.lesson.id)[0]
    return register.has_sightings or bool(named)


def delete_lesson(db: Session, lesson_id: uuid.UUID, *, actor: str) -> None:
    """Delete a lesson for which nothing was recorded.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: something was recorded; it can be cancelled.
    """
    if has_events(db, lesson_id):
        raise ConflictError(
            "Attendance was recorded for this lesson. You can cancel it instead.",
            problem="has_events",
        )
    planning.delete_lesson(db, lesson_id, actor=actor)


def history_of(
    db: Session, lesson_id: uuid.UUID, person_id: uuid.UUID
) -> list[tuple[Correction, Account]]:
    """Return every correction of one line, newest first, with who made it."""
    query = (
        select(Correction, Account)
        .join(Account, col(Account.id) == col(Correction.made_by))
        .where(and_(Correction.lesson_id == lesson_id, Correction.person_id == person_id))
        .order_by(col(Correction.made_at).desc(), col(Correction.id).desc())
    )
    return [(correction, account) for correction, account in db.exec(query)]


def _register(one: JudgedLesson, sources: Sources, at: datetime) -> Register:
    view = one.view
    people = {
        person.id: person
        for entry, person in sources.rosters.get(view.course.id, [])
        if applies(entry, view.lesson)
    }
    kiosks = sources.kiosks.get(view.lesson.id, [])
    confirmation = sources.confirmations.get(view.lesson.id)
    judged = derive_register(
        list(people),
        sources.events.get(view.lesson.id, []),
        one.window,
        watches=[kiosk.watch for kiosk in kiosks],
        decided=Decisions(
            sources.rulings.get(view.lesson.id, []),
            confirmation.unseen if confirmation else frozenset(),
            sources.absences.get(view.lesson.id, []),
        ),
        at=at,
    )
    return Register(
        view=view,
        policy_version=one.policy_version,
        window=one.window,
        lines=tuple(RegisterLine(people[line.person_id], line) for line in judged),
        counts=count_statuses([] if view.is_cancelled else judged),
        kiosks=tuple(kiosks),
        has_sightings=bool(sources.events.get(view.lesson.id)),
        confirmation=confirmation,
    )
