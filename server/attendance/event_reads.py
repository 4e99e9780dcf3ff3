"""The rows of events and corrections that registers are made of."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, and_, bindparam, exists, or_
from sqlmodel import Session

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.register import (
    EventKey,
    RegisterEvent,
    Ruling,
)
from server.attendance.replays import CodeUseEvent, replays_among
from server.attendance.tables import Correction, StoredEvent
from server.credentials.tables import CodeUse
from server.db.prepared import Prepared, several, table_of
from server.timetable.tables import Lesson, LessonCancellation

#: An event with the lesson that it names.
NamingEvent = tuple[uuid.UUID | None, RegisterEvent]
_CHUNK = 500
_ALL = 2**62
_NAMES = {"event_id": "id"}
_EVENTS, _LESSONS, _SAID = table_of(StoredEvent), table_of(Lesson), table_of(Correction)
_CANCELLED = table_of(LessonCancellation)
#: The lesson that an event names, then what a register is made of.
_COLUMNS = (
    "lesson_id",
    *(
        _NAMES.get(one.name, one.name)
        for one in fields(RegisterEvent)
        if one.name != "is_replay"  # follows from events of other kiosks
    ),
)
_OF_KIOSKS = _EVENTS.c.kiosk_id.in_(several("kiosks"))
_SELECTED = sqlalchemy.select(*(_EVENTS.c[name] for name in _COLUMNS))
_EVENT_COLUMNS = [_EVENTS.c[name] for name in _COLUMNS[1:]]
_NAMES_NONE = or_(
    _EVENTS.c.lesson_id.is_(None),
    ~exists().where(_LESSONS.c.id == _EVENTS.c.lesson_id),
)
_UNNAMED = and_(
    or_(_NAMES_NONE, _EVENTS.c.is_time_corrected),
    _OF_KIOSKS,
    _EVENTS.c.counted_at.between(bindparam("first"), bindparam("last")),
)
_NAMED_OR_NOT = Prepared(
    _SELECTED.where(or_(_EVENTS.c.lesson_id.in_(several("lessons")), _UNNAMED)).limit(
        bindparam("most", type_=BigInteger)
    )
)
#: The sightings that may be of the lessons at hand as their time is uncertain.
_UNCERTAIN = Prepared(
    _SELECTED.where(
        _OF_KIOSKS,
        _EVENTS.c.not_before <= bindparam("last"),
        _EVENTS.c.received_at >= bindparam("first"),
        _EVENTS.c.person_id.is_not(None),
    )
)
_OBJECTIONS = Prepared(
    _SELECTED.where(
        _EVENTS.c.kind == EventKind.NOT_ME.value,
        _OF_KIOSKS,
        _EVENTS.c.refers_to.in_(several("events")),
    )
)
_uses, _same = table_of(CodeUse), table_of(CodeUse).alias("same")
_objection = _EVENTS.alias("objection")
_taken_back = exists().where(
    _objection.c.kiosk_id == _EVENTS.c.kiosk_id,
    _objection.c.refers_to == _EVENTS.c.id,
    _objection.c.kind == EventKind.NOT_ME.value,
)
_is_cancelled = exists().where(
    _CANCELLED.c.lesson_id == _EVENTS.c.lesson_id, _CANCELLED.c.restored_at.is_(None)
)
#: Whether the kiosk marked the person in a lesson that counts. Check-in may have been closed, or
#: the kiosk had an old timetable.
_marks = and_(
    exists().where(_LESSONS.c.id == _EVENTS.c.lesson_id),
    ~_is_cancelled,
    _EVENTS.c.shown_status.is_not(None),
)
#: Every use of the codes that these events carry, at whichever kiosk; none that was taken back.
_USES = Prepared(
    sqlalchemy.select(_uses.c.code_id, _marks.label("marks"), *_EVENT_COLUMNS)
    .join(_EVENTS, and_(_EVENTS.c.kiosk_id == _uses.c.kiosk_id, _EVENTS.c.id == _uses.c.event_id))
    .where(
        _uses.c.code_id.in_(
            sqlalchemy.select(_same.c.code_id).where(_same.c.event_id.in_(several("events")))
        ),
        ~_taken_back,
    )
)
_NAMED_SO = Prepared(_SELECTED.where(_OF_KIOSKS, _EVENTS.c.id.in_(several("events"))))
_RULINGS = Prepared(
    sqlalchemy.select(
        _SAID.c.lesson_id,
        _SAID.c.made_at,
        _SAID.c.id,
        _SAID.c.person_id,
        _SAID.c.status,
        _SAID.c.code_id,
        _SAID.c.is_attended,
        _SAID.c.minutes_late,
    ).where(_SAID.c.lesson_id.in_(several("lessons")))
)


def named_or_unnamed(
    db: Session,
    lessons: Collection[uuid.UUID],
    kiosks: Collection[uuid.UUID],
    first: datetime,
    last: datetime,
    *,
    most: int = _ALL,
) -> list[NamingEvent]:
    """Return the events that name one of these lessons, or none that exists.

    Of the latter, and of those with a corrected time, only those of these kiosks between two
    moments. Of more than `most` of all these, some.
    """
    span = {"kiosks": kiosks, "first": first, "last": last}
    return _events(_NAMED_OR_NOT.rows(db, lessons=lessons, most=most, **span))


def events_of(db: Session, keys: Collection[EventKey]) -> list[NamingEvent]:
    """Return the events of these names."""
    kiosks, ids = {kiosk for kiosk, _event in keys}, sorted(event for _kiosk, event in keys)
    found: list[NamingEvent] = []
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found += _events(_NAMED_SO.rows(db, kiosks=kiosks, events=part))
    return [one for one in found if one[1].key in keys]


def uncertain(
    db: Session, kiosks: Collection[uuid.UUID], first: datetime, last: datetime
) -> list[NamingEvent]:
    """Return the sightings that may be of this span as their time is uncertain."""
    return _events(_UNCERTAIN.rows(db, kiosks=kiosks, first=first, last=last))


def objections(
    db: Session, keys: Collection[tuple[uuid.UUID, uuid.UUID]]
) -> Iterable[RegisterEvent]:
    """Yield the objections to these events, which are named by kiosk and id."""
    kiosks, ids = {kiosk for kiosk, _event in keys}, [event for _kiosk, event in keys]
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        for _lesson_id, event in _events(_OBJECTIONS.rows(db, kiosks=kiosks, events=part)):
            yield event


def replayed(db: Session, events: Iterable[RegisterEvent]) -> set[EventKey]:
    """Return which of these events rest on a code that counts at another kiosk."""
    ids = [one.event_id for one in events if one.method == EventMethod.QR]
    uses: list[CodeUseEvent] = []
    for start in range(0, len(ids), _CHUNK):
        rows = _USES.rows(db, events=ids[start : start + _CHUNK])
        uses += [
            CodeUseEvent(code, RegisterEvent(*event), is_mark=bool(marks))
            for code, marks, *event in rows
        ]
    return replays_among(uses)


def rulings_of(db: Session, lesson_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Ruling]]:
    """Return what people entered, by lesson."""
    found: dict[uuid.UUID, list[Ruling]] = {}
    for lesson_id, *ruling in _RULINGS.rows(db, lessons=lesson_ids):
        found.setdefault(lesson_id, []).append(Ruling(*ruling))
    return found


def _events(rows: Iterable[Any]) -> list[NamingEvent]:
    return [(row[0], RegisterEvent(*row[1:])) for row in rows]
