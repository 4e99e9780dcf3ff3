"""Leave out of thousands of sightings those that change no register.

A kiosk may send 20,000 sightings of a day: it was offline, or a person stands before it. Making
objects of them all takes a second. Each line of a register follows from the first sighting that
counts, the last one, the last of each direction and a teacher's last word. So of sightings that
are alike only the first and the last are read whole. Those of people on no roster at hand that name
no lesson are not read at all.
"""

import uuid
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, String, and_, bindparam, or_, type_coerce
from sqlmodel import Session

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.assignment import Assignment
from server.attendance.event_reads import NamingEvent, events_of, named_or_unnamed
from server.attendance.register import EventKey
from server.attendance.tables import StoredEvent
from server.attendance.tally_reads import names_none, stored_moments, taken_back
from server.db.prepared import Prepared, several, table_of
from server.timetable.tables import RosterEntry

#: As many are read whole without a look at what they are.
FEW = 1000

_events, _entries = table_of(StoredEvent), table_of(RosterEntry)
_is_certain = and_(_events.c.not_before.is_(None), ~_events.c.is_time_corrected)
#: What is alike may be left out. A code that may be replayed, and what has no certain time, is not.
_is_plain = and_(_is_certain, _events.c.method != EventMethod.QR.value)
_is_listed = _events.c.person_id.in_(
    sqlalchemy.select(_entries.c.person_id).where(_entries.c.course_id.in_(several("courses")))
)
_unnamed = and_(
    or_(_events.c.is_time_corrected, and_(names_none, _is_listed)),
    _events.c.kiosk_id.in_(several("kiosks")),
    _events.c.counted_at.between(bindparam("first"), bindparam("last")),
)


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(column, String)


_SIGHTINGS = Prepared(
    sqlalchemy.select(
        _raw(_events.c.counted_at),
        _raw(_events.c.id),
        _raw(_events.c.kiosk_id),
        _is_plain,
        _raw(_events.c.lesson_id),
        _raw(_events.c.person_id),
        _events.c.direction,
        _events.c.kind,
        taken_back,
    ).where(
        or_(_events.c.lesson_id.in_(several("lessons")), _unnamed),
        _events.c.kind != EventKind.NOT_ME.value,  # read with what they object to
    )
)


def thinned(
    db: Session, lessons: Collection[uuid.UUID], assignment: Assignment, *, few: int = FEW
) -> list[NamingEvent]:
    """Return the events that name one of these lessons, or none that exists; objections may lack.

    Args:
        db: the caller's.
        lessons: whose registers are derived.
        assignment: decides which lesson the others count for.
        few: of more than that, the ones that change no register are left out.
    """
    span = (assignment.kiosk_ids, assignment.first, assignment.last)
    found = named_or_unnamed(db, lessons, *span, most=few + 1)
    if len(found) <= few:
        return found
    return events_of(db, _telling(db, lessons, assignment))


def _telling(db: Session, lessons: Collection[uuid.UUID], assignment: Assignment) -> set[EventKey]:
    """Return the events that a register may follow from, and of those that are alike two."""
    rows = _SIGHTINGS.raw_rows(
        db,
        lessons=lessons,
        courses=assignment.course_ids,
        kiosks=assignment.kiosk_ids,
        first=assignment.first,
        last=assignment.last,
    )
    edges = sorted(set(map(stored_moments(db), assignment.edges)))
    return {(uuid.UUID(str(kiosk)), uuid.UUID(str(event))) for kiosk, event in _ends(rows, edges)}


def _ends(rows: Iterable[Any], edges: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield kiosk and id of the first and the last of those that are alike, and of each other."""
    first: dict[Any, tuple[Any, Any]] = {}
    last: dict[Any, tuple[Any, Any]] = {}
    for at, event, kiosk, is_plain, *rest in rows:
        if not is_plain:
            yield kiosk, event
            continue
        alike, order = (kiosk, bisect_right(edges, at), *rest), (at, event)
        if alike not in first:
            first[alike] = last[alike] = order
        elif order < first[alike]:
            first[alike] = order
        elif order > last[alike]:
            last[alike] = order
    for ends in (first, last):
        yield from ((alike[0], event) for alike, (_at, event) in ends.items())
