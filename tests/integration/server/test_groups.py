"""Classes and groups: rosters of their courses follow them, and past registers never do."""

import contextlib
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from server.db.engine import Database
from server.db.types import now
from server.errors import ConflictError
from server.timetable import roster
from server.timetable.groups import service
from server.timetable.groups.service import GroupChange
from server.timetable.tables import (
    Course,
    CourseGroup,
    GroupEntry,
    GroupException,
    GroupMember,
    RosterEntry,
    StudentGroup,
)
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in

_DAYS = 9


def in_group(desk: OfficeDesk, name: str, *people: str, **body: Any) -> str:
    group: str = desk.post("/groups", name=name)["id"]
    desk.post(f"/groups/{group}/members", person_ids=list(people), **body)
    return group


def listed(desk: OfficeDesk) -> list[tuple[str, str | None, str | None]]:
    return [(one["person_id"], one["from"], one["until"]) for one in desk.entries()]


def test_roster_follows_its_group_and_leaves_past_registers(desk: OfficeDesk) -> None:
    over = desk.lesson(-timedelta(hours=2))
    running, coming = desk.lesson(-timedelta(minutes=5)), desk.lesson(timedelta(days=3))
    group = in_group(desk, "7B", desk.ada, **{"from": day_in(-90)})
    desk.post(f"/groups/{group}/courses", course_id=desk.course, **{"from": day_in(-90)})
    lines = [len(desk.register(one)["rows"]) for one in (over, running, coming)]
    assert lines == [0, 1, 1]
    (made,) = desk.office.get(f"/api/v1/groups/{group}/members").json()
    path = f"/groups/{group}/members/{made['id']}"
    assert desk.office.post(f"{path}/end", data={"until_date": day_in(0)}).status_code == 303
    assert desk.office.patch(f"/api/v1{path}", json={"until": day_in(-1)}).status_code == 400
    lines = [len(desk.register(one)["rows"]) for one in (over, running, coming)]
    assert lines == [0, 1, 0]


def test_student_taken_out_of_a_course_stays_out_until_added_again(desk: OfficeDesk) -> None:
    group = in_group(desk, "7B", desk.ada)
    link = desk.post(f"/groups/{group}/courses", course_id=desk.course)["id"]
    (entry,) = desk.entries()
    desk.office.delete(f"/api/v1/courses/{desk.course}/roster/{entry['id']}")
    desk.post(f"/groups/{group}/members", person_ids=[desk.ben])
    assert listed(desk) == [(desk.ben, day_in(0), None)]
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada)
    path = f"/api/v1/groups/{group}/courses/{link}"
    assert desk.office.patch(path, json={"until": day_in(2)}).status_code == 204
    assert listed(desk) == [(desk.ada, day_in(0), None), (desk.ben, day_in(0), day_in(2))]


def test_pages_show_who_does_not_follow_a_class_and_end_it(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    group = in_group(desk, "7B", desk.ada, desk.ben)
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    desk.post(f"/groups/{group}/courses", course_id=desk.other_course)
    route = f"/courses/{desk.course}/exceptions"
    assert "/exceptions/" not in desk.office.get(f"/courses/{desk.course}").text
    (entry,) = [one["id"] for one in desk.entries() if one["person_id"] == desk.ada]
    desk.office.delete(f"/api/v1/courses/{desk.course}/roster/{entry}")
    for page in (f"/courses/{desk.course}", f"/people/{desk.ada}"):
        assert f'action="{route}/{desk.ada}/end"' in desk.office.get(page).text
    assert "does not follow the class 7B" in desk.office.get(f"/people/{desk.ada}/short").text
    for page in (f"/courses/{desk.other_course}", f"/people/{desk.ben}"):
        assert "/exceptions/" not in desk.office.get(page).text
    assert "/exceptions/" not in sign_in(Role.DPO).get(f"/people/{desk.ada}").text
    assert sign_in(Role.TEACHER).post(f"{route}/{desk.ada}/end", data={}).status_code == 403
    ended = desk.office.post(f"{route}/{desk.ada}/end", data={"back": "person"})
    assert ended.headers["location"].startswith(f"/people/{desk.ada}")
    assert listed(desk) == [(desk.ada, day_in(0), None), (desk.ben, day_in(0), None)]
    assert desk.office.post(f"{route}/{desk.ada}/end", data={}).status_code == 404
    assert "/exceptions/" not in desk.office.get(f"/people/{desk.ada}").text


def test_exception_that_ends_leaves_single_entries(desk: OfficeDesk) -> None:
    group = in_group(desk, "7B", desk.ada)
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    (entry,) = desk.entries()
    dates = {"from": day_in(0), "until": day_in(5)}
    desk.office.patch(f"/api/v1/courses/{desk.course}/roster/{entry['id']}", json=dates)
    assert listed(desk) == [(desk.ada, day_in(0), day_in(5))]
    desk.office.post(f"/courses/{desk.course}/exceptions/{desk.ada}/end", data={})
    assert sorted(listed(desk), key=str) == [
        (desk.ada, day_in(0), day_in(5)),
        (desk.ada, day_in(6), None),
    ]


def test_erased_person_is_in_no_group(desk: OfficeDesk, sign_in: SignIn) -> None:
    group = in_group(desk, "7B", desk.ada)
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    reason = {"reason": "asked for by letter"}
    answer = sign_in(Role.ADMIN).post(f"/api/v1/people/{desk.ada}/erase", json=reason)
    assert answer.is_success, answer.text
    assert desk.office.get(f"/api/v1/groups/{group}/members").json() == []
    assert listed(desk) == []


def test_pages_show_members_courses_and_what_was_refused(desk: OfficeDesk) -> None:
    made = desk.office.post("/groups", data={"name": "7B"})
    path = made.headers["location"]
    assert "This name is already" in desk.office.post("/groups", data={"name": "7B"}).text
    assert desk.ada in desk.office.post(path, data={"q": "lovelace"}).text
    both = {"person_ids": [desk.ada, desk.ben], "from_date": day_in(0)}
    assert desk.office.post(f"{path}/members", data=both).status_code == 303
    assert desk.office.post(f"{path}/members", data=both).status_code == 400
    course = {"course_id": desk.course, "from_date": day_in(1)}
    assert desk.office.post(f"{path}/courses", data=course).status_code == 303
    assert "BIO-9" in desk.office.get(path).text
    assert f'href="{path}"' in desk.office.get(f"/courses/{desk.course}").text


def test_lessons_that_are_over_list_nobody_who_joins_after_them(
    desk: OfficeDesk, database: Database
) -> None:
    ada, course, at = uuid.UUID(desk.ada), uuid.UUID(desk.course), now()
    today = at.date()
    early, later = GroupChange("system", at, today), at + timedelta(hours=6)
    with database.transaction() as db:
        first, second = (service.create_group(db, name, actor="system").id for name in "AB")
        for group in (first, second):
            service.add_course(db, group, course, today, early)
        service.add_members(db, first, [ada], today + timedelta(days=7), early)
        service.add_members(db, second, [ada], today, GroupChange("system", later, today))
        (entry,) = db.exec(select(RosterEntry).where(RosterEntry.person_id == ada))
        assert (entry.from_date, entry.counts_after) == (today, later)


def test_who_is_taken_off_by_hand_stays_off(desk: OfficeDesk, database: Database) -> None:
    entry = desk.always_on_roster(desk.ada)
    group = desk.post("/groups", name="7B")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada, desk.ben])
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    assert desk.office.delete(f"/api/v1/courses/{desk.course}/roster/{entry}").is_success
    other = desk.post("/groups", name="Choir")["id"]
    desk.post(f"/groups/{other}/courses", course_id=desk.course)
    desk.post(
        f"/groups/{group}/members",
        person_ids=[
            desk.post("/people", student_number="S3", given_name="Cem", family_name="Ak")["id"]
        ],
    )
    with database.reading() as db:
        people = {str(one.person_id) for one in db.exec(select(RosterEntry)) if not one.until_date}
    assert desk.ada not in people
    assert desk.ben in people


def test_one_entry_by_hand_takes_all_of_the_course_out_of_the_groups(
    desk: OfficeDesk, database: Database
) -> None:
    ada, course, today = uuid.UUID(desk.ada), uuid.UUID(desk.course), now().date()
    change = GroupChange("system", now(), today)
    with database.transaction() as db:
        first, second = (service.create_group(db, name, actor="system").id for name in "AB")
        for group in (first, second):
            service.add_course(db, group, course, today, change)
        (stay,) = service.add_members(db, first, [ada], today, change)
        service.end_member(db, first, stay.id, today + timedelta(days=3), change)
        service.add_members(db, second, [ada], today + timedelta(days=6), change)
        one, other = db.exec(select(RosterEntry).order_by(col(RosterEntry.from_date)))
        dates = roster.RosterDates(today, today + timedelta(days=2))
        roster.change_dates(db, course, one.id, dates, at=now(), actor="system")
        assert db.exec(select(GroupEntry)).all() == []
        service.end_member(db, first, stay.id, today + timedelta(days=1), change)
        assert db.get(RosterEntry, other.id) is not None


def test_a_last_day_within_a_later_stay_is_refused(desk: OfficeDesk, database: Database) -> None:
    ada, today = uuid.UUID(desk.ada), now().date()
    change = GroupChange("system", now(), today)
    with database.transaction() as db:
        group = service.create_group(db, "7B", actor="system").id
        (stay,) = service.add_members(db, group, [ada], today, change)
        service.end_member(db, group, stay.id, today + timedelta(days=3), change)
        service.add_members(db, group, [ada], today + timedelta(days=6), change)
        with pytest.raises(ConflictError):
            service.end_member(db, group, stay.id, today + timedelta(days=8), change)


_spans = st.tuples(st.integers(0, _DAYS), st.none() | st.integers(0, _DAYS))
_steps = st.lists(
    st.tuples(st.sampled_from(("member", "course", "end")), st.integers(0, 1), _spans), max_size=8
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=_steps)
def test_roster_of_a_day_is_set_arithmetic_on_memberships(
    desk: OfficeDesk, database: Database, steps: list[tuple[str, int, tuple[int, int | None]]]
) -> None:
    with database.transaction() as db:
        assert _difference(db, uuid.UUID(desk.ada), steps) == set()


def _difference(db: Any, ada: uuid.UUID, steps: Any) -> set[int]:
    """Return the days on which the roster is not what memberships and single entries say."""
    for table in (GroupEntry, GroupException, GroupMember, CourseGroup, RosterEntry, StudentGroup):
        db.exec(delete(table))
    today = now().date()
    course = Course(code=uuid.uuid4().hex, title="x")
    db.add(course)
    change = GroupChange("system", now(), today)
    groups = [service.create_group(db, f"G{number}", actor="system") for number in range(2)]
    db.flush()
    for what, number, (first, last) in steps:
        _step(db, groups[number].id, course.id, ada, what, first, last, change)
    entries = db.exec(select(RosterEntry).where(RosterEntry.course_id == course.id)).all()
    wanted = set()
    for group in groups:
        of_group = [
            _days(db.exec(select(table).where(col(table.group_id) == group.id)).all(), today)
            for table in (GroupMember, CourseGroup)
        ]
        wanted |= of_group[0] & of_group[1]
    found = _days(entries, today)
    assert sum(len(_days([one], today)) for one in entries) == len(found), "listed twice"
    return wanted ^ found


def _step(
    db: Any,
    group: uuid.UUID,
    course: uuid.UUID,
    ada: uuid.UUID,
    what: str,
    first: int,
    last: int | None,
    change: GroupChange,
) -> None:
    day = change.today + timedelta(days=first)
    rows: list[GroupMember | CourseGroup] = [row for row, _ in service.members(db, group)]
    rows += [row for row, _ in service.courses_of(db, group)]
    goes_on = [row for row in rows if row.until_date is None or row.until_date >= change.today]
    with contextlib.suppress(ConflictError), db.begin_nested():
        if what == "end" and goes_on:
            row = goes_on[(last or 0) % len(goes_on)]
            end = service.end_member if isinstance(row, GroupMember) else service.end_course
            end(db, group, row.id, day, change)
        elif what == "member":
            service.add_members(db, group, [ada], day, change)
        elif what == "course":
            service.add_course(db, group, course, day, change)


def _days(rows: Any, today: date) -> set[int]:
    return {
        number
        for number in range(2 * _DAYS)
        for row in rows
        if roster.covers(row, today + timedelta(days=number))
    }
