"""What a new school does first, and what of it is done: one statement, no setting to forget."""

from dataclasses import dataclass, replace

import sqlalchemy
from sqlalchemy import exists
from sqlmodel import Session, SQLModel

from server.attendance.tables import Correction, StoredEvent
from server.config import Settings
from server.db.prepared import Prepared, table_of
from server.kiosks.tables import Kiosk, KioskState
from server.people.tables import Person
from server.school.service import ENTERED, fixed_by
from server.school.tables import School
from server.timetable.tables import Course, CourseTeacher, Lesson, Room, Term
from server.web.principal import Role


@dataclass(frozen=True)
class FirstStep:
    """One step.

    Attributes:
        key: names its words.
        path: where it is done.
        roles: who can do it, besides admins.
        files: the kinds of files that bring it in; see `server.imports.kinds`.
        number: its place in the list, from 1.
        is_done: whether the school has it.
    """

    key: str
    path: str
    roles: frozenset[Role]
    files: tuple[str, ...] = ()
    number: int = 0
    is_done: bool = False


_OFFICE = frozenset({Role.OFFICE})
_PLANNED = (
    FirstStep("school", "/school", frozenset()),
    FirstStep("term", "/terms", _OFFICE),
    FirstStep("rooms", "/rooms", _OFFICE, ("rooms",)),
    FirstStep("people", "/people", _OFFICE, ("people", "groups", "photos", "oneroster")),
    FirstStep("courses", "/courses", _OFFICE, ("courses", "rosters")),
    FirstStep("teachers", "/courses", _OFFICE, ("accounts", "teachers")),
    FirstStep("timetable", "/timetable", _OFFICE, ("timetable", "calendar", "attendance")),
    FirstStep("kiosk", "/kiosks", frozenset({Role.TECHNICIAN})),
    FirstStep("register", "/lessons", _OFFICE),
)


def _any(table: type[SQLModel]) -> sqlalchemy.Exists:
    return exists().select_from(table_of(table))


_school, _kiosk, _person = table_of(School), table_of(Kiosk), table_of(Person)
_FOUND = Prepared(
    sqlalchemy.select(
        sqlalchemy.select(_school.c.steps_hidden_at).scalar_subquery(),
        exists().where(_school.c.name.is_not(None)),
        _any(Term),
        _any(Room),
        exists().where(_person.c.erased_at.is_(None)),
        _any(Course),
        _any(CourseTeacher),
        _any(Lesson),
        exists().where(_kiosk.c.state == KioskState.CLAIMED.value),
        _any(StoredEvent) | _any(Correction),
    )
)


@dataclass(frozen=True)
class FirstSteps:
    """All steps, in their order.

    Attributes:
        is_hidden: whether they were hidden.
    """

    steps: tuple[FirstStep, ...]
    is_hidden: bool

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to show."""
        return self.is_hidden or self.done == len(self.steps)


def first_steps(db: Session, settings: Settings) -> FirstSteps:
    """Return what the school has done; its name counts as done where the settings hold it all."""
    hidden_at, *found = _FOUND.rows(db)[0]
    found[0] = found[0] or len(fixed_by(settings)) == len(ENTERED)
    steps = (
        replace(step, number=number, is_done=bool(is_done))
        for number, (step, is_done) in enumerate(zip(_PLANNED, found, strict=True), 1)
    )
    return FirstSteps(tuple(steps), hidden_at is not None)
