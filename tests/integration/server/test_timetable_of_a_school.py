"""A school of 500: 20 classes with 30 lessons a week for 12 weeks are planned in a few seconds."""

import time
import uuid
from datetime import time as time_of_day
from datetime import timedelta

from sqlmodel import Session, col, func, select

from server.db.engine import Database
from server.db.types import now
from server.people.tables import Person
from server.timetable.patterns.generation import refresh_lessons
from server.timetable.patterns.service import PatternPlan, PlanOptions, plan_patterns
from server.timetable.tables import Course, Lesson, Room, RosterEntry, Term
from tests.support.office_desk import today
from tests.support.planning import BERLIN

CLASSES, SLOTS, STUDENTS, WEEKS = 20, 30, 25, 12
MOST_S = 30.0
"""Ten times what it takes on a quiet machine; see docs/measurements/timetable.md."""


def school(db: Session) -> list[PatternPlan]:
    """Enter courses, rooms and rosters; each class has six courses, five lessons of each."""
    first = today() + timedelta(days=7 - today().weekday())
    term = Term(name="Term", first_day=first, last_day=first + timedelta(days=7 * WEEKS - 1))
    rooms = [Room(name=f"R{number}") for number in range(CLASSES)]
    courses = [[Course(code=f"C{n}-{k}", title="C") for k in range(6)] for n in range(CLASSES)]
    people = [_person(number) for number in range(CLASSES * STUDENTS)]
    db.add_all([term, *rooms, *(one for some in courses for one in some), *people])
    db.flush()
    for number, person in enumerate(people):
        own = courses[number // STUDENTS]
        db.add_all([RosterEntry(course_id=one.id, person_id=person.id) for one in own])
    return [
        PatternPlan(
            term_id=term.id,
            course_id=courses[number][slot % 6].id,
            room_id=rooms[number].id,
            weekday=slot // 6,
            starts=time_of_day(8 + slot % 6),
            ends=time_of_day(8 + slot % 6, 45),
        )
        for number in range(CLASSES)
        for slot in range(SLOTS)
    ]


def _person(number: int) -> Person:
    return Person(
        id=uuid.UUID(int=number + 1),
        student_number=f"S{number}",
        given_name="A",
        family_name="B",
        display_name="A B",
        search_text="",
        sort_key=b"",
    )


def test_timetable_of_500_students_is_planned_in_seconds(database: Database) -> None:
    with database.transaction() as db:
        rows = school(db)
    spent_s = {}
    begun = time.monotonic()
    with database.transaction() as db:
        report = plan_patterns(db, rows, PlanOptions(BERLIN, now()), actor="system")
    spent_s["first"] = time.monotonic() - begun
    begun = time.monotonic()
    with database.transaction() as db:
        again = refresh_lessons(db, zone=BERLIN, at=now())
        count = db.exec(select(func.count(col(Lesson.id)))).one()
    spent_s["again"] = time.monotonic() - begun
    print(spent_s)  # noqa: T201 - shown with -s, for the measurements
    assert (len(report.added), count, report.clashes) == (600, 7200, [])
    assert not again
    assert spent_s["first"] < MOST_S
    assert spent_s["again"] < MOST_S / 3
