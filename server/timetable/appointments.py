"""Where and when some people are due, without reading the lessons and rosters of the others."""

import uuid
from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, exists, select
from sqlmodel import Session, col

from server.timetable.roster import listings, people_listed
from server.timetable.service import in_force
from server.timetable.tables import LONGEST_LESSON, Lesson, Room, RosterEntry, day_at_school


class DueLesson(NamedTuple):
    """A lesson, and who of the people asked about is due in it.

    Attributes:
        room_name: where.
        starts_at: UTC.
        ends_at: UTC.
        people: by id.
    """

    room_name: str
    starts_at: datetime
    ends_at: datetime
    people: list[uuid.UUID]


class _Lesson(NamedTuple):
    course_id: uuid.UUID
    room_name: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str

    @property
    def day(self) -> date:
        return day_at_school(self.starts_at, self.time_zone)


# Materialized: SQLite would look up every lesson that these courses ever had.
_soon = (
    select(*map(col, (Lesson.id, Lesson.course_id, Lesson.room_id)))
    .add_columns(*map(col, (Lesson.starts_at, Lesson.ends_at, Lesson.time_zone)))
    .where(col(Lesson.starts_at) > bindparam("earliest"), col(Lesson.ends_at) > bindparam("after"))
    .where(col(Lesson.starts_at) < bindparam("before"), col(Lesson.room_id) != bindparam("room"))
    .where(~exists().where(in_force()))
    .cte("soon")
    .prefix_with("MATERIALIZED")
)
_LESSONS = (
    select(_soon.c.course_id, col(Room.name))
    .add_columns(_soon.c.starts_at, _soon.c.ends_at, _soon.c.time_zone)
    .join(Room, col(Room.id) == _soon.c.room_id)
    .where(_soon.c.course_id.in_(bindparam("courses", expanding=True)))
    .order_by(_soon.c.starts_at, col(Room.name), _soon.c.id)
)


def appointments_elsewhere(
    db: Session,
    person_ids: Collection[uuid.UUID],
    room_id: uuid.UUID,
    *,
    after: datetime,
    before: datetime,
) -> list[DueLesson]:
    """Return the lessons outside a room in which some people are due, by start, room and lesson.

    Args:
        db: the caller's.
        person_ids: the people.
        room_id: the room that is left out.
        after: only lessons that end after this. Cancelled ones are left out.
        before: only lessons that start before this.
    """
    entries = listings(db, col(RosterEntry.person_id).in_(person_ids))
    span = {"earliest": after - LONGEST_LESSON, "after": after, "before": before}
    found = []
    for lesson in _lessons(db, span | {"room": room_id, "courses": list(entries)}):
        due = people_listed(entries[lesson.course_id], ends_at=lesson.ends_at, day=lesson.day)
        if due:
            found.append(DueLesson(lesson.room_name, lesson.starts_at, lesson.ends_at, due))
    return found


def _lessons(db: Session, asked: dict[str, object]) -> Iterator[_Lesson]:
    return (_Lesson(*row) for row in db.execute(_LESSONS, asked))
