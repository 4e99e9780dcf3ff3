"""The marks by face that wait for a review, and the lesson that each counts for."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import Session, col, select

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.register import EventKey
from server.attendance.sources import lessons_of_events
from server.attendance.tables import StoredEvent
from server.db.prepared import table_of
from server.enrollment.moved import had_old_photos
from server.enrollment.tables import EnrolmentMove
from server.kiosks.tables import KioskPlacement
from server.mark_reviews.tables import ReviewedMark
from server.people.tables import Person
from server.timetable.service import LESSON_ORDER, LessonFilter, LessonView, lesson_views
from server.timetable.tables import LONGEST_LESSON, Lesson, LessonCancellation

#: No check-in opens earlier than this before a lesson.
_EARLIEST = timedelta(minutes=240)
#: SQLite nests conditions at most 1,000 deep.
_SPANS_IN_ONE_QUERY = 200
#: Marks of one move on one page.
MOST_MARKS = 500
_EVENTS, _REVIEWED = table_of(StoredEvent), table_of(ReviewedMark)
_PEOPLE = table_of(Person)
_MOVES, _CANCELLED = table_of(EnrolmentMove), table_of(LessonCancellation)
_objection = _EVENTS.alias("objection")
#: The school knows the person; a kiosk may name any.
IS_OF_PERSON: ColumnElement[bool] = exists().where(_PEOPLE.c.id == _EVENTS.c.person_id)
#: The lesson that it names is cancelled, so nothing counts; it can be restored.
IS_CANCELLED: ColumnElement[bool] = exists().where(
    _CANCELLED.c.lesson_id == _EVENTS.c.lesson_id, _CANCELLED.c.restored_at.is_(None)
)
#: Nobody decided about it, and no student took it back.
IS_OPEN: ColumnElement[bool] = and_(
    _EVENTS.c.kind == EventKind.SEEN.value,
    _EVENTS.c.method == EventMethod.FACE.value,
    ~exists().where(
        _REVIEWED.c.kiosk_id == _EVENTS.c.kiosk_id, _REVIEWED.c.event_id == _EVENTS.c.id
    ),
    ~exists().where(
        _objection.c.kiosk_id == _EVENTS.c.kiosk_id,
        _objection.c.refers_to == _EVENTS.c.id,
        _objection.c.kind == EventKind.NOT_ME.value,
    ),
)


class FaceMark(NamedTuple):
    """One event by face.

    Attributes:
        named_lesson: the lesson that the kiosk named; it may be gone.
        is_time_sure: whether the time is the one that the kiosk named the lesson by.
    """

    kiosk_id: uuid.UUID
    event_id: uuid.UUID
    person_id: uuid.UUID
    counted_at: datetime
    received_at: datetime
    named_lesson: uuid.UUID | None
    is_time_sure: bool
    body: str

    @property
    def key(self) -> EventKey:
        """What names the event."""
        return self.kiosk_id, self.event_id


COLUMNS = (
    _EVENTS.c.kiosk_id,
    _EVENTS.c.id,
    _EVENTS.c.person_id,
    _EVENTS.c.counted_at,
    _EVENTS.c.received_at,
    _EVENTS.c.lesson_id,
    and_(_EVENTS.c.not_before.is_(None), ~_EVENTS.c.is_time_corrected),
    _EVENTS.c.body,
)


@dataclass(frozen=True)
class OpenMove:
    """A move with marks that nobody decided about.

    Attributes:
        marks: how many.
    """

    move: EnrolmentMove
    marks: int


def marks_of_move(db: Session, move: EnrolmentMove) -> list[FaceMark]:
    """Return the marks that kiosks made of the wrong photos and nobody decided about.

    Oldest first, at most `MOST_MARKS`. A kiosk that was offline when the photos were moved went
    on with the old ones, so what it recorded offline in the days after counts too.
    """
    if move.used_since is None:
        return []
    query = sqlalchemy.select(*COLUMNS).where(
        IS_OPEN,
        ~IS_CANCELLED,
        _EVENTS.c.person_id == move.from_id,
        _EVENTS.c.counted_at.between(move.used_since, move.asked_until),
    )
    order = (_EVENTS.c.counted_at, _EVENTS.c.kiosk_id, _EVENTS.c.id)
    rows = db.execute(query.order_by(*order).limit(MOST_MARKS))
    return [
        one
        for one in (FaceMark(*row) for row in rows)
        if had_old_photos(one.counted_at, one.received_at, move.made_at)
    ]


def open_moves(db: Session) -> list[OpenMove]:
    """Return the moves with marks to review, oldest first."""
    query = sqlalchemy.select(_MOVES.c.id, _EVENTS.c.counted_at, _EVENTS.c.received_at).where(
        IS_OPEN,
        ~IS_CANCELLED,
        _EVENTS.c.person_id == _MOVES.c.from_id,
        _EVENTS.c.counted_at.between(_MOVES.c.used_since, _MOVES.c.asked_until),
    )
    times: dict[uuid.UUID, list[tuple[datetime, datetime]]] = {}
    for move_id, counted_at, received_at in db.execute(query):
        times.setdefault(move_id, []).append((counted_at, received_at))
    if not times:
        return []
    near = select(EnrolmentMove).where(col(EnrolmentMove.id).in_(times))
    moves = db.exec(near.order_by(col(EnrolmentMove.made_at), col(EnrolmentMove.id)))
    counted = (
        (one, sum(had_old_photos(*at, one.made_at) for at in times[one.id])) for one in moves
    )
    return [OpenMove(move, count) for move, count in counted if count]


def find_marks(db: Session, keys: Collection[EventKey]) -> list[FaceMark]:
    """Return the marks by face with these names, decided or not, by time."""
    wanted = set(keys)
    query = sqlalchemy.select(*COLUMNS).where(
        _EVENTS.c.kiosk_id.in_({kiosk for kiosk, _event in wanted}),
        _EVENTS.c.id.in_({event for _kiosk, event in wanted}),
        _EVENTS.c.kind == EventKind.SEEN.value,
        _EVENTS.c.method == EventMethod.FACE.value,
        IS_OF_PERSON,
    )
    found = (FaceMark(*row) for row in db.execute(query))
    return sorted((one for one in found if one.key in wanted), key=lambda one: one[3:4] + one[:2])


def lessons_of(db: Session, marks: Sequence[FaceMark]) -> dict[EventKey, LessonView]:
    """Return the lesson that each mark counts for; those that count for none are left out."""
    named = {one.named_lesson for one in marks if one.named_lesson is not None}
    views = {one.lesson.id: one for one in lesson_views(db, ids=named)} if named else {}
    found = {
        mark.key: views[mark.named_lesson]
        for mark in marks
        if mark.is_time_sure and mark.named_lesson in views
    }
    left = [one for one in marks if one.key not in found]
    return found | (_fitting(db, left) if left else {})


def _fitting(db: Session, marks: Sequence[FaceMark]) -> dict[EventKey, LessonView]:
    """Return the lesson for which the register counts each mark that names none, or a wrong one.

    The number of queries does not depend on how many marks there are.
    """
    rooms = _rooms_of(db, marks)
    near = _lessons_at(db, {room for some in rooms.values() for room in some}, marks)
    known = {one.lesson.id for one in near}
    named = {one.named_lesson for one in marks if one.named_lesson is not None} - known
    views = near + (lesson_views(db, ids=named) if named else [])
    if not views:
        return {}
    listed = lessons_of_events(db, {one.key for one in marks}, views)
    found = {}
    for mark in marks:
        for view in views:
            if _may_be_of(mark, view, rooms[mark.key]) and view.lesson.id in listed.get(
                mark.key, ()
            ):
                found[mark.key] = view
                break
    return found


def _rooms_of(db: Session, marks: Sequence[FaceMark]) -> dict[EventKey, set[uuid.UUID]]:
    """Return the rooms in which the kiosk of each mark hung then."""
    first, last = min(one.counted_at for one in marks), max(one.counted_at for one in marks)
    query = select(KioskPlacement).where(
        col(KioskPlacement.kiosk_id).in_({one.kiosk_id for one in marks}),
        col(KioskPlacement.from_at) <= last,
        sqlalchemy.or_(
            col(KioskPlacement.until_at).is_(None), col(KioskPlacement.until_at) > first
        ),
    )
    placements = db.exec(query).all()
    return {
        mark.key: {
            one.room_id
            for one in placements
            if one.kiosk_id == mark.kiosk_id
            and one.from_at <= mark.counted_at
            and (one.until_at is None or one.until_at > mark.counted_at)
        }
        for mark in marks
    }


def _lessons_at(
    db: Session, rooms: Collection[uuid.UUID], marks: Sequence[FaceMark]
) -> list[LessonView]:
    """Return the lessons of these rooms that run when a mark was made, or soon after, by start."""
    if not rooms:
        return []
    found: dict[uuid.UUID, LessonView] = {}
    spans = _spans(one.counted_at for one in marks)
    for start in range(0, len(spans), _SPANS_IN_ONE_QUERY):
        near = [
            and_(
                col(Lesson.starts_at) > first - LONGEST_LESSON,
                col(Lesson.ends_at) > first,
                col(Lesson.starts_at) < last + _EARLIEST,
            )
            for first, last in spans[start : start + _SPANS_IN_ONE_QUERY]
        ]
        query = LessonFilter().query().where(col(Lesson.room_id).in_(rooms), sqlalchemy.or_(*near))
        for row in db.execute(query.order_by(*LESSON_ORDER.by())):
            view = LessonView(*row)
            found.setdefault(view.lesson.id, view)
    return list(found.values())


def _spans(moments: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Return spans that hold these moments, as few as leave no longer gap than a check-in."""
    found: list[tuple[datetime, datetime]] = []
    for at in sorted(moments):
        if found and at - found[-1][1] <= _EARLIEST:
            found[-1] = found[-1][0], at
        else:
            found.append((at, at))
    return found


def _may_be_of(mark: FaceMark, view: LessonView, rooms: Collection[uuid.UUID]) -> bool:
    lesson, at = view.lesson, mark.counted_at
    if lesson.id == mark.named_lesson:
        return True
    return lesson.room_id in rooms and lesson.starts_at - _EARLIEST < at < lesson.ends_at
