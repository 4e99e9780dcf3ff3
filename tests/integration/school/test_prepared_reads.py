"""What is read as rows, by statements that were built once, says what the objects say."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy

from server.accuracy.service import models_in_use
from server.attendance import event_reads, tally_reads, thinning
from server.attendance.quarantine_listing import count_undecided, quarantine_numbers
from server.attendance.tables import QuarantinedEvent
from server.db.prepared import Prepared, several, table_of
from server.db.types import new_id, now
from server.enrollment.tables import Template
from server.jobs import service as jobs
from server.jobs.tables import Job
from server.kiosks.service import kiosk_notes, kiosk_views
from server.kiosks.tables import LostSpan
from server.limits import service as limits
from server.limits.tables import LimitState, StoredLimit
from server.policies.service import PolicyTimeline, current_policy, policy_at, set_policy
from server.policies.tables import PolicyVersion
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.day import lesson_row_page, lesson_rows
from server.timetable.lessons import cancel_lesson
from server.timetable.service import LessonFilter, lesson_views
from server.timetable.tables import Room
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def test_what_is_not_written_yet_is_written_before_the_answer(school: School) -> None:
    rooms = table_of(Room)
    named = Prepared(sqlalchemy.select(rooms.c.name).where(rooms.c.name.in_(several("names"))))
    with school.database.transaction() as db:
        db.add(Room(name="Not written"))
        assert named.values(db, names=["Not written", "Nowhere"]) == ["Not written"]
        assert named.values(db, names=[]) == []


def test_rows_of_lessons_are_the_lessons(school: School) -> None:
    with school.database.transaction() as db:
        cancel_lesson(
            db, school.lesson_id, reason="Storm", actor="system", at=now() + timedelta(minutes=1)
        )
        wanted: dict[str, Any] = {"after": school.starts_at, "before": school.ends_at}
        views = lesson_views(db, **wanted)
        rows = lesson_rows(db, **wanted)
        assert [one.id for one in rows] == [one.lesson.id for one in views] == [school.lesson_id]
        [view], [row] = views, rows
        assert (row.starts_at, row.ends_at, row.day) == (
            view.lesson.starts_at,
            view.lesson.ends_at,
            view.lesson.day,
        )
        assert (row.code, row.title, row.room) == (
            view.course.code,
            view.course.title,
            view.room.name,
        )
        assert row.is_cancelled is view.is_cancelled is True
        assert lesson_rows(db, courses=[]) == []
        assert lesson_rows(db, ids=[school.lesson_id]) == rows


def test_a_page_of_lessons_is_a_part_of_the_list(school: School) -> None:
    with school.database.reading() as db:
        everything = [one.lesson.id for one in lesson_views(db)]
        found, total = lesson_row_page(db, LessonFilter(), limit=1, offset=0)
        beyond, also = lesson_row_page(db, LessonFilter(), limit=1, offset=len(everything))
        whole, number = lesson_row_page(db, LessonFilter(), limit=100, offset=0)
    assert ([one.id for one in found], total) == (everything[:1], len(everything))
    assert (beyond, also) == ([], len(everything))
    assert ([one.id for one in whole], number) == (everything, len(everything))


def test_a_page_of_chosen_lessons_has_only_those(school: School) -> None:
    with school.database.reading() as db:
        [chosen] = lesson_rows(db, ids=[school.lesson_id])
        of_ids = LessonFilter(ids={school.lesson_id})
        nothing = LessonFilter(ids=())
        assert lesson_row_page(db, of_ids, limit=9, offset=0) == ([chosen], 1)
        assert lesson_row_page(db, of_ids, limit=9, offset=9) == ([], 1)
        assert lesson_row_page(db, nothing, limit=9, offset=0) == ([], 0)
        assert lesson_row_page(db, nothing, limit=9, offset=9) == ([], 0)


def test_choices_of_rooms_and_courses_are_all_of_them(school: School) -> None:
    with school.database.transaction() as db:
        db.add(Room(name="A room before the others"))
        db.flush()
        assert timetable.room_labels(db) == [(str(one.id), one.name) for one in timetable.rooms(db)]
        words = [(str(one.id), f"{one.code} {one.title}") for one in timetable.courses(db)]
        assert timetable.course_labels(db) == (words, 0)
        assert timetable.course_labels(db, only=[school.course_id]).options == [
            one for one in words if one[0] == str(school.course_id)
        ]
        assert timetable.course_labels(db, only=[]).options == []


def test_rows_of_rosters_are_their_people(school: School) -> None:
    people = {school.person() for _ in range(3)}
    with school.database.reading() as db:
        objects = roster.rosters_of(db, [school.course_id])[school.course_id]
        rows = roster.listed_people(db, [school.course_id])[school.course_id]
    assert {person.id for _entry, person in rows} == people
    assert [(person.id, person.display_name, person.sort_key) for _entry, person in rows] == [
        (person.id, person.display_name, person.sort_key) for _entry, person in objects
    ]
    assert [(entry.from_date, entry.counts_after) for entry, _person in rows] == [
        (entry.from_date, entry.counts_after) for entry, _person in objects
    ]


def test_notes_of_kiosks_are_their_views(school: School) -> None:
    school.kiosk()
    with school.database.reading() as db:
        views, notes = kiosk_views(db), kiosk_notes(db)
    assert [tuple(one) for one in notes] == [
        (
            one.kiosk.id,
            one.kiosk.name,
            one.kiosk.state,
            one.kiosk.is_online,
            one.kiosk.last_seen_at,
            one.room.name,
            one.progress.forked_at,
            0,
        )
        for one in views
    ]


def test_the_note_of_a_kiosk_counts_what_it_lost(school: School) -> None:
    kiosk, other = (uuid.UUID(school.kiosk().kiosk_id) for _ in range(2))
    at = now()
    with school.database.transaction() as db:
        for missing, closed_at in ((2, None), (3, None), (4, at)):
            span: dict[str, Any] = {
                "first": 1,
                "last": 9,
                "missing": missing,
                "from_at": at,
                "through_at": at,
            }
            db.add(LostSpan(kiosk_id=kiosk, reason="test", closed_at=closed_at, **span))
        db.flush()
        lost = {one.id: one.lost for one in kiosk_notes(db)}
    assert (lost[kiosk], lost[other]) == (5, 0)


def test_jobs_that_failed_too_often_are_counted(school: School) -> None:
    with school.database.transaction() as db:
        jobs.enqueue(db, "test", {"number": "1"}, subject="s", actor="system")
        assert jobs.stuck(db) == jobs.counts(db).stuck == 0
        db.execute(sqlalchemy.update(Job).values(attempts=jobs.MAX_ATTEMPTS))
        assert jobs.stuck(db) == jobs.counts(db).stuck > 0


def test_a_limit_that_waits_for_an_admin_is_a_question(school: School) -> None:
    numbers: dict[str, Any] = {"people": 30, "minors": 0, "raised_share": 0.5}
    numbers |= {"distance": 0.3, "card_limit": 0.3}
    with school.database.transaction() as db:
        for state, is_asked in ((LimitState.IN_FORCE, False), (LimitState.ASKED, True)):
            db.add(StoredLimit(model_id="m", state=state.value, measured_at=now(), **numbers))
            db.flush()
            assert limits.has_questions(db) is bool(limits.questions(db)) is is_asked


def test_a_timeline_says_what_each_version_says(school: School) -> None:
    with school.database.transaction() as db:
        before = current_policy(db)
        photos = before.enrolment.photos_wanted + 1
        enrolment = before.enrolment.model_copy(update={"photos_wanted": photos})
        newest = set_policy(db, before.model_copy(update={"enrolment": enrolment}), actor="system")
        timeline = PolicyTimeline.of(db)
        for one in (before, newest):
            assert timeline.policy(one.version) == policy_at(db, one.version) == one


def test_both_numbers_of_the_quarantine_are_counted_together(school: School) -> None:
    with school.database.transaction() as db:
        for number, (due_at, decision) in enumerate(
            [(None, None), (None, None), (now(), None), (now(), "accepted"), (None, "rejected")]
        ):
            db.add(
                QuarantinedEvent(
                    kiosk_id="k",
                    reason="test",
                    body="{}",
                    body_hash=hashlib.sha256(bytes([number])).digest(),
                    due_at=due_at,
                    decision=decision,
                )
            )
        db.flush()
        expected = tuple(count_undecided(db, is_due_later=later) for later in (False, True))
        assert quarantine_numbers(db, now())[:2] == expected == (2, 1)


def test_models_in_use_are_each_named_once(school: School) -> None:
    template = school.enrol(school.person())
    with school.database.transaction() as db:
        first = db.get_one(Template, template)
        for model in ("another", "zz", "another"):
            copy = first.model_dump(exclude={"id", "model_id"})
            db.add(Template(**copy, model_id=model))
        db.flush()
        assert models_in_use(db) == sorted({"another", "zz", first.model_id})


def test_a_policy_is_what_its_row_says_now(school: School) -> None:
    """As after a restored database: other words under a number that was read before."""
    with school.database.transaction() as db:
        before = current_policy(db)
        assert current_policy(db) is before
        row = db.get_one(PolicyVersion, before.version)
        changed = before.model_dump(mode="json", exclude={"version"})
        changed["enrolment"]["photos_wanted"] = before.enrolment.photos_wanted + 1
        row.document = changed
        db.flush()
        assert current_policy(db).enrolment.photos_wanted == before.enrolment.photos_wanted + 1
        db.rollback()
    with school.database.reading() as db:
        assert current_policy(db) == before


def test_lists_of_ids_and_words_are_taken_as_they_are(school: School) -> None:
    rooms = table_of(Room)
    both = Prepared(
        sqlalchemy.select(rooms.c.name).where(
            rooms.c.name.in_(several("names")), rooms.c.id.not_in(several("ids"))
        )
    )
    odd = ['["a"]', "it's", 'say "b"', "", "数学", "a,b"]
    with school.database.transaction() as db:
        db.add_all(Room(name=name) for name in odd)
        db.flush()
        kept = list(db.execute(sqlalchemy.select(rooms.c.id, rooms.c.name)).all())
        left_out = {key for key, name in kept if name == "it's"}
        found = both.values(db, names=odd, ids=left_out)
    assert sorted(found) == sorted(set(odd) - {"it's"})


def test_no_read_of_a_register_scans_a_table_that_grows(school: School) -> None:
    if not school.database.is_sqlite:
        pytest.skip("PostgreSQL chooses by the number of rows")
    grows = {"attendance_events", "code_uses", "attendance_corrections", "lessons", "objection"}
    plans = {
        name: _plan(school, one) for name, one in _prepared(tally_reads, event_reads, thinning)
    }
    assert {"ODD_ROOMS", "SEEN", "_USES", "_SIGHTINGS"} <= plans.keys()
    scanned = {
        (name, line)
        for name, lines in plans.items()
        for line in lines
        if line.startswith("SCAN") and set(line.split()) & grows
    }
    assert not scanned


def _prepared(*modules: ModuleType) -> Iterator[tuple[str, Prepared]]:
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, Prepared):
                yield name, value


def _plan(school: School, prepared: Prepared) -> list[str]:
    """Ask for a statement's rows, and return how SQLite would look for them."""
    asked: list[tuple[str, Any]] = []
    values: dict[str, Any] = {"first": now(), "last": now(), "person": new_id(), "most": 9}
    lists = {key: [new_id()] for key in ("lessons", "kiosks", "courses", "rooms", "events")}
    listening = school.database.engine, "before_cursor_execute"

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    with school.database.reading() as db:
        sqlalchemy.event.listen(*listening, note)
        prepared.rows(db, **values, **lists)
        sqlalchemy.event.remove(*listening, note)
        explained = db.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1]
        )
        return [row[3] for row in explained]
