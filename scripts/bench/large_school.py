"""Enlarge the invented school of a SQLite file to many people and events of past lessons.

Rows are copies of rows that the server wrote, with other ids, names and times. The signatures of
copied events prove nothing, and nothing here can recognise anybody.
"""

import itertools
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.db.types import new_id

_CLASS = 24
_SEEN = 20
_LESSONS_A_DAY = 250
#: What one in ten said each, by the last digit of their number; the others gave their consent.
_REFUSALS = {3: {"decision": "refused"}, 7: {"expires_on": "2020-01-01"}}

Row = dict[str, Any]


def enlarge(file: Path, *, people: int, events: int, at: datetime) -> None:
    """Add what is missing to these numbers, in one transaction.

    Args:
        file: the database of a server that does not run, with an invented school.
        people: in all; each class of 24 gets a course.
        events: in all; each past lesson gets 20 of them.
        at: lessons that are added were before this day.
    """
    db = sqlite3.connect(file)
    db.row_factory = sqlite3.Row
    with db:
        added = _add_people(db, people)
        _add_courses(db, added)
        _add_events(db, events, at)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _add_people(db: sqlite3.Connection, people: int) -> list[str]:
    """Copy person, consent, enrolment and template of people who have all of them."""
    columns = "p.id AS person, c.id AS consent, e.id AS enrolment, t.id AS template"
    whole = db.execute(
        f"SELECT {columns} FROM people p JOIN consents c ON c.person_id = p.id"  # noqa: S608
        " JOIN enrolments e ON e.person_id = p.id JOIN templates t ON t.person_id = p.id LIMIT 500"
    ).fetchall()
    tables = {"person": "people", "consent": "consents"}
    tables |= {"enrolment": "enrolments", "template": "templates"}
    sources = [
        {name: _row(db, table, one[name]) for name, table in tables.items()} for one in whole
    ]
    count = _count(db, "people")
    made: dict[str, list[Row]] = {table: [] for table in tables.values()}
    for number, source in zip(range(count, people), itertools.cycle(sources), strict=False):
        person, enrolment = _id(), _id()
        changed: Row = {"student_number": f"L-{number}"}
        changed["search_text"] = f"large school l-{number}"
        changed["sort_key"] = number.to_bytes(4, "big")  # each in one place of the list
        made["people"].append(source["person"] | {"id": person} | changed)
        said = {"id": _id(), "person_id": person} | _REFUSALS.get(number % 10, {})
        made["consents"].append(source["consent"] | said)
        photo = {"id": enrolment, "person_id": person}
        ids = {"id": _id(), "person_id": person, "enrolment_id": enrolment}
        if number % 10 in _REFUSALS:  # erased, as the server does in the first minutes
            photo["status"] = "withdrawn"
        else:
            made["templates"].append(source["template"] | ids)
        made["enrolments"].append(source["enrolment"] | photo)
    for table, rows in made.items():
        _insert(db, table, rows)
    _insert(db, "gallery_changes", _changes(db, made["templates"]))
    return [row["id"] for row in made["people"]]


def _changes(db: sqlite3.Connection, templates: list[Row]) -> Iterator[Row]:
    source = dict(db.execute("SELECT * FROM gallery_changes ORDER BY seq DESC LIMIT 1").fetchone())
    for seq, template in enumerate(templates, source["seq"] + 1):
        ids = {"person_id": template["person_id"], "template_id": template["id"]}
        yield source | {"seq": seq} | ids


def _add_courses(db: sqlite3.Connection, people: list[str]) -> None:
    course = dict(db.execute("SELECT * FROM courses LIMIT 1").fetchone())
    entry = dict(db.execute("SELECT * FROM roster_entries LIMIT 1").fetchone())
    courses, entries = [], []
    for number, first in enumerate(range(0, len(people), _CLASS)):
        course_id = _id()
        courses.append(course | {"id": course_id, "code": f"LRG-{number}", "title": "Large"})
        listed = people[first : first + _CLASS]
        entries += [
            entry | {"id": _id(), "course_id": course_id, "person_id": one} for one in listed
        ]
    _insert(db, "courses", courses)
    _insert(db, "roster_entries", entries)


def _add_events(db: sqlite3.Connection, events: int, at: datetime) -> None:
    """Add lessons of past days, each with the events of one kiosk, until there are enough."""
    event = dict(db.execute("SELECT * FROM attendance_events LIMIT 1").fetchone())
    lesson = dict(db.execute("SELECT * FROM lessons LIMIT 1").fetchone())
    rosters = _rosters(db)
    kiosks = db.execute("SELECT id, room_id FROM kiosks").fetchall()
    last = dict(db.execute("SELECT kiosk_id, highest_seq FROM kiosk_progress").fetchall())
    missing = events - _count(db, "attendance_events")
    lessons, made = [], []
    for number in range(max(0, -(-missing // _SEEN))):
        course, people = rosters[number % len(rosters)]
        kiosk, room = kiosks[number % len(kiosks)]
        days, turn = divmod(number, _LESSONS_A_DAY)
        starts_at = at - timedelta(days=days + 1) + (turn % 8) * timedelta(minutes=55)
        times = {"starts_at": _text(starts_at), "ends_at": _text(starts_at + timedelta(minutes=45))}
        lesson_id = _id()
        ids = {"id": lesson_id, "course_id": course, "room_id": room}
        lessons.append(lesson | ids | times | {"created_at": _text(starts_at)})
        for place, person in enumerate(people[:_SEEN]):
            last[kiosk] += 1
            moment = _text(starts_at + timedelta(seconds=20 * place))
            made.append(
                event
                | {"kiosk_id": kiosk, "id": _id(), "seq": last[kiosk], "lesson_id": lesson_id}
                | {"person_id": person, "occurred_at": moment, "counted_at": moment}
                | {"received_at": moment, "hash": uuid.uuid4().hex * 2}
            )
        if len(made) > 50_000:
            _insert(db, "attendance_events", made)
            made = []
    _insert(db, "lessons", lessons)
    _insert(db, "attendance_events", made)
    db.executemany(
        "UPDATE kiosk_progress SET highest_seq = ?2, stored_through = ?2 WHERE kiosk_id = ?1",
        last.items(),
    )


def _rosters(db: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for course, person in db.execute("SELECT course_id, person_id FROM roster_entries"):
        found.setdefault(course, []).append(person)
    return list(found.items())


def _row(db: sqlite3.Connection, table: str, key: str) -> Row:
    return dict(db.execute(f"SELECT * FROM {table} WHERE id = ?", (key,)).fetchone())  # noqa: S608


def _insert(db: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    first = next(rows := iter(rows), None)
    if first is None:
        return
    names, marks = ", ".join(first), ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
    db.executemany(statement, (tuple(row.values()) for row in itertools.chain([first], rows)))


def _count(db: sqlite3.Connection, table: str) -> int:
    count: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    return count


def _id() -> str:
    return new_id().hex


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
