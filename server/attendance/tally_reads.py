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
    case,
    cast,
    exists,
    func,
    or_,
    type_coerce,
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


def read_moments(db: Session) -> Callable[[Any], datetime]:
    """Return what reads moments as the driver of a session's database gives them."""
    dialect = db.get_bind().dialect
    read: Any = UTCDateTime().dialect_impl(dialect).result_processor(dialect, None)
    return read or (lambda at: at)


def _moment(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=UTCDateTime())


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column as the driver gives it."""
    return type_coerce(column, String)


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return ids as the text that the database makes of them."""
    return cast(column, String)


_uses, _others = table_of(CodeUse), table_of(CodeUse).alias("others")
# Asked of single events, as most have no code; a join may read all uses of codes there ever were.
_is_replayed = exists().where(
    _uses.c.kiosk_id == _events.c.kiosk_id,
    _uses.c.event_id == _events.c.id,
    _others.c.code_id == _uses.c.code_id,
    _others.c.kiosk_id != _uses.c.kiosk_id,
)
_is_time_doubtful = or_(_events.c.is_time_corrected, _events.c.not_before.is_not(None))
_is_code_replayed = and_(_events.c.method == EventMethod.QR.value, _is_replayed)
#: Whether an event's time is not certain, it is a teacher's word, or its code was replayed.
_is_odd = or_(_is_time_doubtful, _events.c.kind == EventKind.ROLL_CALL.value, _is_code_replayed)
#: Whether an event names no lesson that there is.
names_none = or_(
    _events.c.lesson_id.is_(None), ~exists().where(_lessons.c.id == _events.c.lesson_id)
)
_hung = _placements.c.kiosk_id
_is_forked = exists().where(_progress.c.kiosk_id == _hung, _progress.c.forked_at.is_not(None))
_has_lost = exists().where(
    _spans.c.kiosk_id == _hung,
    _spans.c.closed_at.is_(None),
    _spans.c.from_at <= _last,
    _spans.c.through_at >= _first,
)
_is_uncertain = exists().where(
    _events.c.kiosk_id == _hung, _events.c.not_before <= _last, _events.c.received_at >= _first
)
_has_unnamed = exists().where(
    _events.c.kiosk_id == _hung,
    _events.c.counted_at.between(_first, _last),
    or_(names_none, _events.c.is_time_corrected),
)
#: In which of the rooms a kiosk hung between two moments with events that name no lesson or whose
#: time is not certain, that lost events of the span, or whose identity two devices use.
ODD_ROOMS = Prepared(
    sqlalchemy.select(_placements.c.room_id).where(
        _placements.c.room_id.in_(several("rooms")),
        _placements.c.from_at < _last,
        or_(_placements.c.until_at.is_(None), _placements.c.until_at > _first),
        or_(_is_forked, _has_lost, _is_uncertain, _has_unnamed),
    )
)

_of_courses = _entries.c.course_id.in_(several("courses"))
_limits = (_entries.c.from_date, _entries.c.until_date, _entries.c.counts_after)
_listed = (
    _raw(_entries.c.course_id).label("course_id"),
    _text(_entries.c.person_id).label("person_id"),
)
_is_always = and_(*(one.is_(None) for one in _limits))
#: Who is on the rosters on every day: the people of each course in one text, between commas; and
#: how many are on them between dates.
LISTED = Prepared(
    sqlalchemy.select(
        _listed[0],
        func.aggregate_strings(case((_is_always, _listed[1])), ","),
        func.count().filter(~_is_always),
    )
    .where(_of_courses)
    .group_by(_entries.c.course_id)
)
#: Who is on them between dates.
DATED = Prepared(sqlalchemy.select(*_listed, *_limits).where(_of_courses, ~_is_always))

_objection = _events.alias("objection")
#: Whether the person said that they are not who was recognised.
taken_back = exists().where(
    _objection.c.kiosk_id == _events.c.kiosk_id,
    _objection.c.refers_to == _events.c.id,
    _objection.c.kind == EventKind.NOT_ME.value,
)
_marks = and_(_events.c.person_id.is_not(None), _events.c.kind.in_(_MARKING), ~taken_back)
#: Who was seen when in the lessons, coming or leaving; what was taken back is left out. And which
#: events are odd, of any kind: one reading of the events answers both.
SEEN = Prepared(
    sqlalchemy.select(
        _raw(_events.c.lesson_id),
        _text(_events.c.person_id),
        _raw(_events.c.counted_at),
        _events.c.direction,
        _raw(_is_odd),
    ).where(_events.c.lesson_id.in_(several("lessons")), or_(_marks, _is_odd))
)
#: Which of the lessons have odd events, of any kind.
ODD_LESSONS = Prepared(
    sqlalchemy.select(_events.c.lesson_id)
    .where(_events.c.lesson_id.in_(several("lessons")), _is_odd)
    .distinct()
)
#: What people entered, the newest last, and whether it counts as attended.
RULED = Prepared(
    sqlalchemy.select(
        _corrections.c.lesson_id,
        _text(_corrections.c.person_id),
        _corrections.c.status,
        _corrections.c.is_attended,
    )
    .where(_corrections.c.lesson_id.in_(several("lessons")))
    .order_by(_corrections.c.made_at, _corrections.c.id)
)
#: Every mark of one person that may count between two moments, whichever lesson it names. Taken
#: back ones are left out. The last column says that a full register has to decide where it counts.
SEEN_PERSON = Prepared(
    sqlalchemy.select(
        *(_raw(_events.c[name]) for name in ("lesson_id", "counted_at")),
        _events.c.direction,
        _events.c.kind,
        _events.c.shown_status,
        *(_raw(_events.c[name]) for name in ("id", "kiosk_id", "not_before", "received_at")),
        _raw(or_(_is_time_doubtful, _is_code_replayed)),
    ).where(
        _events.c.person_id == bindparam("person", type_=_events.c.person_id.type),
        _marks,
        or_(
            _events.c.counted_at.between(_moment("first"), _moment("last")),
            _events.c.not_before.is_not(None),
            _events.c.is_time_corrected,
        ),
    )
)
