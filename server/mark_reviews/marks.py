"""The marks by face that wait for a review, and the lesson that each counts for."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import Session, col, select

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.assignment import judged_lessons
from server.attendance.register import EventKey
from server.attendance.sources import read_sources
from server.attendance.tables import StoredEvent
from server.db.prepared import table_of
from server.db.types import now
from server.enrollment.tables import EnrolmentMove
from server.kiosks.tables import KioskPlacement
from server.mark_reviews.tables import ReviewedMark
from server.people.tables import Person
from server.timetable.service import LessonView, lesson_views
from server.timetable.tables import LessonCancellation

#: Clocks of kiosk and server may differ by as much, and a kiosk fetches its gallery within it.
_TOLERANCE = timedelta(minutes=10)
#: No check-in opens earlier than this before a lesson.
_EARLIEST = timedelta(minutes=240)
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
        if _was_before(one.counted_at, one.received_at, move)
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
    counted = ((one, sum(_was_before(*at, one) for at in times[one.id])) for one in moves)
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
    found = {}
    for mark in marks:
        view = views.get(mark.named_lesson) if mark.named_lesson and mark.is_time_sure else None
        view = view or _fitting(db, mark)
        if view is not None:
            found[mark.key] = view
    return found


def _was_before(counted_at: datetime, received_at: datetime, move: EnrolmentMove) -> bool:
    """Whether the kiosk may have had the old photos then."""
    was_offline = received_at - counted_at > _TOLERANCE
    return was_offline or counted_at <= move.made_at + _TOLERANCE


def _fitting(db: Session, mark: FaceMark) -> LessonView | None:
    """Return the lesson for which the register counts a mark that names none."""
    at = mark.counted_at
    placed = select(KioskPlacement.room_id).where(
        KioskPlacement.kiosk_id == mark.kiosk_id,
        col(KioskPlacement.from_at) <= at,
        sqlalchemy.or_(col(KioskPlacement.until_at).is_(None), col(KioskPlacement.until_at) > at),
    )
    rooms = set(db.exec(placed))
    near = lesson_views(db, after=at, before=at + _EARLIEST, room_ids=rooms) if rooms else []
    if mark.named_lesson is not None:
        known = {one.lesson.id for one in near}
        named = lesson_views(db, ids=[mark.named_lesson])
        near += [one for one in named if one.lesson.id not in known]
    if not near:
        return None
    sources = read_sources(db, judged_lessons(db, near), now())
    return next(
        (
            view
            for view in near
            if any(one.key == mark.key for one in sources.events.get(view.lesson.id, []))
        ),
        None,
    )
