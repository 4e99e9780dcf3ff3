"""A term of a school with 500 students in a database: lessons, rosters, and who was seen when.

Nobody in it exists. Events have no signatures, as reports do not verify them again.
"""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlmodel import SQLModel

from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.db.types import new_id
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress, KioskState
from server.people.tables import Person
from server.timetable.tables import Course, Lesson, Room, RosterEntry

CLASSES, CLASS_SIZE, LESSONS_A_DAY = 20, 25, 6
_PRESENT, _LATE = 0.88, 0.05
Row = dict[str, object]


def add_term(database: Database, *, first: date, weeks: int, zone: ZoneInfo) -> int:
    """Add classes with rooms, kiosks and lessons from Monday to Friday; return the lessons.

    Args:
        database: migrated.
        first: a Monday.
        weeks: how many.
        zone: the school's.
    """
    chance = random.Random(7)  # noqa: S311 - the same school each time
    opened = datetime.combine(first, time(), tzinfo=zone).astimezone(UTC) - timedelta(days=1)
    rows = _classes(opened)
    made = 0
    _insert(database, rows)
    for week in range(weeks):
        lessons: list[Row] = []
        events: list[Row] = []
        for day in (first + timedelta(days=7 * week + number) for number in range(5)):
            for turn in range(LESSONS_A_DAY):
                at = datetime.combine(day, time(8 + turn), tzinfo=zone).astimezone(UTC)
                for number in range(CLASSES):
                    lessons.append(_lesson(rows, number, at, zone))
                    events += _events(rows, number, lessons[-1], made, chance)
                    made += 1
        _insert(database, {Lesson: lessons, StoredEvent: events})
    return made


def _classes(opened: datetime) -> dict[type[SQLModel], list[Row]]:
    rows: dict[type[SQLModel], list[Row]] = {}
    for table in (Room, Course, Person, RosterEntry, Kiosk, KioskProgress, KioskPlacement):
        rows[table] = []
    for number in range(CLASSES):
        room, course, kiosk = new_id(), new_id(), new_id()
        rows[Room].append({"id": room, "name": f"T{number:02}"})
        rows[Course].append({"id": course, "code": f"T-{number:02}", "title": "Term"})
        rows[Kiosk].append(
            {"id": kiosk, "name": f"Door T{number:02}", "room_id": room}
            | {"state": KioskState.CLAIMED.value, "claimed_at": opened}
        )
        rows[KioskProgress].append({"kiosk_id": kiosk, "synced_through": _LATER})
        rows[KioskPlacement].append(
            {"id": new_id(), "kiosk_id": kiosk, "room_id": room, "from_at": opened}
            | {"opened_by": "system"}
        )
        for place in range(CLASS_SIZE):
            person = new_id()
            rows[Person].append(_person(person, number * CLASS_SIZE + place))
            rows[RosterEntry].append({"id": new_id(), "course_id": course, "person_id": person})
    return rows


_LATER = datetime(2026, 11, 20, 20, tzinfo=UTC)


def _person(person: uuid.UUID, number: int) -> Row:
    names = {"given_name": f"Given{number}", "family_name": f"Family{number}"}
    return names | {
        "id": person,
        "student_number": f"T{number:04}",
        "display_name": f"Given{number} Family{number}",
        "search_text": f"term {number}",
        "sort_key": number.to_bytes(4, "big"),
    }


def _lesson(
    rows: dict[type[SQLModel], list[Row]], number: int, at: datetime, zone: ZoneInfo
) -> Row:
    return {
        "id": new_id(),
        "course_id": rows[Course][number]["id"],
        "room_id": rows[Room][number]["id"],
        "starts_at": at,
        "ends_at": at + timedelta(minutes=45),
        "time_zone": zone.key,
    }


def _events(
    rows: dict[type[SQLModel], list[Row]],
    number: int,
    lesson: Row,
    made: int,
    chance: random.Random,
) -> Iterator[Row]:
    starts_at = lesson["starts_at"]
    assert isinstance(starts_at, datetime)
    for place in range(CLASS_SIZE):
        if chance.random() > _PRESENT:
            continue
        late = timedelta(minutes=12) if chance.random() < _LATE else timedelta()
        at = starts_at + timedelta(seconds=10 * place) + late
        yield {
            "kiosk_id": rows[Kiosk][number]["id"],
            "id": new_id(),
            "seq": made * CLASS_SIZE + place + 1,
            "occurred_at": at,
            "counted_at": at,
            "received_at": at,
            "lesson_id": lesson["id"],
            "person_id": rows[Person][number * CLASS_SIZE + place]["id"],
            "kind": "seen",
            "method": "face",
            "clock_source": "ntp",
            "hash": "0" * 64,
            "body": "{}",
        }


def _insert(database: Database, rows: dict[type[SQLModel], list[Row]]) -> None:
    with database.transaction() as db:
        for table, found in rows.items():
            db.execute(insert(table), found)
