"""How far a change of network is: who has a template of the next one, by class and in all."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from server.enrollment.gallery import is_in_use
from server.enrollment.tables import Template
from server.networks.tables import SchoolNetwork
from server.people import service as people
from server.people.consent import ConsentState
from server.people.search import BY_NAME
from server.people.tables import Person
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.tables import Course


@dataclass(frozen=True)
class ClassProgress:
    """One course.

    Attributes:
        course: which.
        people: of its roster today who can be recognised now and have a live consent.
        covered: of them, those with a template of the next network.
    """

    course: Course
    people: int
    covered: int


@dataclass(frozen=True)
class ChangeProgress:
    """The whole school.

    Attributes:
        people: with a live consent who can be recognised with the current network or the next.
        missing: of them, those without a template of the next one.
        wanted: share of people who must have one before the switch, 0 to 1.
        classes: the courses with at least one of these people, by code.
    """

    people: frozenset[uuid.UUID]
    missing: frozenset[uuid.UUID]
    wanted: float
    classes: tuple[ClassProgress, ...] = ()

    @property
    def covered(self) -> int:
        """How many have a template of the next network."""
        return len(self.people) - len(self.missing)

    @property
    def may_switch(self) -> bool:
        """Whether enough people can be recognised with the next network."""
        return self.covered > 0 and self.covered >= self.wanted * len(self.people)


def progress_of(db: Session, row: SchoolNetwork, today: date) -> ChangeProgress:
    """Count who is covered; a template counts from the moment in which kiosks may get it.

    Args:
        db: for reading.
        row: the school's networks, with a change under way.
        today: of the school.
    """
    now_known, then_known = _known(db, row.current), _known(db, row.next)
    states = people.states_of(db, now_known | then_known, today)
    live = frozenset(key for key, state in states.items() if state is ConsentState.LIVE)
    return ChangeProgress(live, live - then_known, row.coverage_wanted)


def with_classes(db: Session, found: ChangeProgress, today: date) -> ChangeProgress:
    """Add the courses, counted on the people that were found."""
    courses = timetable.courses(db)
    rosters = roster.rosters_of(db, [course.id for course in courses])
    classes = []
    for course in courses:
        members = {
            one.id for entry, one in rosters.get(course.id, ()) if roster.covers(entry, today)
        }
        members &= found.people
        if members:
            covered = len(members - found.missing)
            classes.append(ClassProgress(course, len(members), covered))
    return ChangeProgress(found.people, found.missing, found.wanted, tuple(classes))


def left_behind(db: Session, current: str | None, today: date) -> frozenset[uuid.UUID]:
    """Who has a live consent and templates, but none of the network in use."""
    if current is None:
        return frozenset()
    having = set(db.exec(select(col(Template.person_id)).distinct())) - _known(db, current)
    states = people.states_of(db, having, today)
    return frozenset(key for key, state in states.items() if state is ConsentState.LIVE)


def by_name(db: Session, person_ids: Collection[uuid.UUID]) -> list[Person]:
    """Return these people, by name."""
    query = select(Person).where(col(Person.id).in_(person_ids))
    return list(db.exec(query.order_by(*BY_NAME)))


def _known(db: Session, network: str | None) -> set[uuid.UUID]:
    if network is None:
        return set()
    return set(db.exec(select(col(Template.person_id)).where(is_in_use(network)).distinct()))
