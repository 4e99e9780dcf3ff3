"""The rows that the on-site list is made of, each with one statement for the whole school."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import bindparam, exists, func, type_coerce
from sqlmodel import Session

from protocol.v1.messages import EventKind
from server.attendance.register import MARKING_KINDS
from server.attendance.tables import Correction, StoredEvent
from server.db.prepared import Prepared, several, table_of
from server.db.types import KnownUuid
from server.kiosks.tables import Kiosk
from server.people.tables import Person
from server.timetable.roster import ListedPerson, Listing
from server.timetable.tables import RosterEntry

_ID = KnownUuid()


class LastSighting(NamedTuple):
    """The last event of a person that nobody took back."""

    person_id: uuid.UUID
    at: datetime
    direction: str | None
    kiosk_id: uuid.UUID


class Entered(NamedTuple):
    """What a person entered for a line of a register; no status: what came before was undone."""

    lesson_id: uuid.UUID
    person_id: uuid.UUID
    status: str | None
    made_at: datetime


_events, _kiosks = table_of(StoredEvent), table_of(Kiosk)
_said, _people = table_of(Correction), table_of(Person)
_objection = _events.alias("objection")
_taken_back = exists().where(
    _objection.c.kiosk_id == _events.c.kiosk_id,
    _objection.c.refers_to == _events.c.id,
    _objection.c.kind == EventKind.NOT_ME.value,
)
_newest_first = (_events.c.counted_at.desc(), _events.c.id.desc(), _events.c.kiosk_id)
_ranked = (
    sqlalchemy.select(
        type_coerce(_events.c.person_id, _ID).label("person_id"),
        _events.c.counted_at,
        _events.c.direction,
        type_coerce(_events.c.kiosk_id, _ID).label("kiosk_id"),
        func.row_number()
        .over(partition_by=_events.c.person_id, order_by=_newest_first)
        .label("number"),
    )
    .where(
        _events.c.kiosk_id.in_(sqlalchemy.select(_kiosks.c.id)),  # for the index
        _events.c.counted_at >= bindparam("first", type_=_events.c.counted_at.type),
        _events.c.counted_at < bindparam("last", type_=_events.c.counted_at.type),
        _events.c.kind.in_(sorted(MARKING_KINDS)),
        _events.c.person_id.is_not(None),
        ~_taken_back,
    )
    .subquery()
)
_LAST = Prepared(
    sqlalchemy.select(*(column for column in _ranked.c if column.name != "number")).where(
        _ranked.c.number == 1
    )
)
_ENTERED = Prepared(
    sqlalchemy.select(_said.c.lesson_id, _said.c.person_id, _said.c.status, _said.c.made_at)
    .where(_said.c.lesson_id.in_(several("lessons")))
    .order_by(_said.c.made_at, _said.c.id)
)
_entries = table_of(RosterEntry)
#: Ids of people and courses come again and again.
_LISTED = Prepared(
    sqlalchemy.select(
        type_coerce(_entries.c.course_id, _ID),
        type_coerce(_entries.c.person_id, _ID),
        _entries.c.from_date,
        _entries.c.until_date,
        _entries.c.counts_after,
    ).where(_entries.c.course_id.in_(several("courses")))
)
_NAMES = Prepared(
    sqlalchemy.select(
        type_coerce(_people.c.id, _ID), *(_people.c[name] for name in ListedPerson._fields[1:])
    ).where(_people.c.id.in_(several("people")))
)


def last_sightings(db: Session, first: datetime, last: datetime) -> list[LastSighting]:
    """Return the last sighting of everybody between two moments."""
    return [LastSighting(*row) for row in _LAST.rows(db, first=first, last=last)]


def entered_for(db: Session, lessons: Collection[uuid.UUID]) -> list[Entered]:
    """Return what people entered for these lessons, the newest last."""
    return [Entered(*row) for row in _ENTERED.rows(db, lessons=list(lessons))]


def listings(db: Session, courses: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Listing]]:
    """Return the roster entries of these courses."""
    found: dict[uuid.UUID, list[Listing]] = {}
    for row in _LISTED.rows(db, courses=list(courses)) if courses else ():
        found.setdefault(row[0], []).append(Listing(*row))
    return found


def people_of(db: Session, ids: Collection[uuid.UUID]) -> list[ListedPerson]:
    """Return these people."""
    return [ListedPerson(*row) for row in _NAMES.rows(db, people=list(ids))] if ids else []
