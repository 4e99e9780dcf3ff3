"""What the lessons of a day are counted from: rows as the driver gives them.

Ids and moments of thousands of rows are compared, not shown, so nothing makes objects of them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    type_coerce,
    union_all,
)
from sqlmodel import Session

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.tables import Correction, StoredEvent
from server.credentials.tables import CodeUse
from server.db.prepared import Prepared, several, table_of
from server.db.types import UTCDateTime
from server.kiosks.tables import KioskPlacement, KioskProgress, LostSpan
from server.timetable.tables import Lesson, RosterEntry

#: Writes a moment as the database stores it.
Stored = Callable[[datetime], Any]
_MARKING = (EventKind.SEEN.value, EventKind.ROLL_CALL.value)

_events, _lessons, _entries = table_of(StoredEvent), table_of(Lesson), table_of(RosterEntry)
_placements, _corrections = table_of(KioskPlacement), table_of(Correction)
_spans, _progress = table_of(LostSpan), table_of(KioskProgress)
_first: BindParameter[Any] = bindparam("first")
_last: BindParameter[Any] = bindparam("last")


def stored_moments(db: Session) -> Stored:
    """Return what writes moments as the database of a session stores them."""
    dialect = db.get_bind().dialect
    written = UTCDateTime().dialect_impl(dialect).bind_processor(dialect)
    return written or (lambda at: at)


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as the driver gives it."""
    return type_coerce(column, String)


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return ids as the text that the database makes of them."""
    return cast(column, String)


#: Which kiosk hung in which of the rooms between two moments.
HUNG = Prepared(
    sqlalchemy.select(_placements.c.kiosk_id, _placements.c.room_id).where(
        _placements.c.room_id.in_(several("rooms")),
        _placements.c.from_at < _last,
        or_(_placements.c.until_at.is_(None), _placements.c.until_at > _first),
    )
)

_of_kiosks = _events.c.kiosk_id.in_(several("kiosks"))
_names_none = or_(
    _events.c.lesson_id.is_(None), ~exists().where(_lessons.c.id == _events.c.lesson_id)
)
_uses, _others = table_of(CodeUse), table_of(CodeUse).alias("others")
# Asked of single events, as most have no code; a join may read all uses of codes there ever were.
_is_replayed = exists().where(
    _uses.c.kiosk_id == _events.c.kiosk_id,
    _uses.c.event_id == _events.c.id,
    _others.c.code_id == _uses.c.code_id,
    _others.c.kiosk_id != _uses.c.kiosk_id,
)
_odd_lessons = sqlalchemy.select(literal_column("1").label("is_lesson"), _events.c.lesson_id).where(
    _events.c.lesson_id.in_(several("lessons")),
    or_(
        _events.c.is_time_corrected,
        _events.c.not_before.is_not(None),
        _events.c.kind == EventKind.ROLL_CALL.value,
        and_(_events.c.method == EventMethod.QR.value, _is_replayed),
    ),
)
_unnamed = sqlalchemy.select(literal_column("0"), _events.c.kiosk_id).where(
    _of_kiosks,
    _events.c.counted_at.between(_first, _last),
    or_(_names_none, _events.c.is_time_corrected),
)
_uncertain = sqlalchemy.select(literal_column("0"), _events.c.kiosk_id).where(
    _of_kiosks, _events.c.not_before <= _last, _events.c.received_at >= _first
)
_lost = sqlalchemy.select(literal_column("0"), _spans.c.kiosk_id).where(
    _spans.c.kiosk_id.in_(several("kiosks")),
    _spans.c.closed_at.is_(None),
    _spans.c.from_at <= _last,
    _spans.c.through_at >= _first,
)
_forked = sqlalchemy.select(literal_column("0"), _progress.c.kiosk_id).where(
    _progress.c.kiosk_id.in_(several("kiosks")), _progress.c.forked_at.is_not(None)
)
#: Lessons with events whose time is not certain, a teacher's word or a replayed code; and kiosks
#: with events that name no lesson or whose time is not certain, that lost events of the span, or
#: whose identity two devices use.
UNUSUAL = Prepared(
    union_all(
        _odd_lessons.distinct(),
        _unnamed.distinct(),
        _uncertain.distinct(),
        _lost,
        _forked,
    )
)

_of_courses = _entries.c.course_id.in_(several("courses"))
_limits = (_entries.c.from_date, _entries.c.until_date, _entries.c.counts_after)
_listed = (
    _raw(_entries.c.course_id).label("course_id"),
    _text(_entries.c.person_id).label("person_id"),
)
#: Who is on the rosters on every day: the people of each course in one text, between commas.
ALWAYS_LISTED = Prepared(
    sqlalchemy.select(_listed[0], func.aggregate_strings(_listed[1], ","))
    .where(_of_courses, *(one.is_(None) for one in _limits))
    .group_by(_entries.c.course_id)
)
#: Who is on them between dates.
DATED = Prepared(
    sqlalchemy.select(*_listed, *_limits).where(
        _of_courses, or_(*(one.is_not(None) for one in _limits))
    )
)

_objection = _events.alias("objection")
_taken_back = exists().where(
    _objection.c.kiosk_id == _events.c.kiosk_id,
    _objection.c.refers_to == _events.c.id,
    _objection.c.kind == EventKind.NOT_ME.value,
)
#: Who was seen when in the lessons, coming or leaving; what was taken back is left out.
SEEN = Prepared(
    sqlalchemy.select(
        _raw(_events.c.lesson_id),
        _text(_events.c.person_id),
        _raw(_events.c.counted_at),
        _events.c.direction,
    ).where(
        and_(
            _events.c.lesson_id.in_(several("lessons")),
            _events.c.person_id.is_not(None),
            _events.c.kind.in_(_MARKING),
            ~_taken_back,
        )
    )
)
#: What people entered, the newest last.
RULED = Prepared(
    sqlalchemy.select(
        _corrections.c.lesson_id, _text(_corrections.c.person_id), _corrections.c.status
    )
    .where(_corrections.c.lesson_id.in_(several("lessons")))
    .order_by(_corrections.c.made_at, _corrections.c.id)
)
