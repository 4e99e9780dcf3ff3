"""Classes and groups: rosters of their courses follow them, and past registers never do."""

import uuid
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from server.db.engine import Database
from server.db.types import now
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
    if what == "end" and goes_on:
        row = goes_on[(last or 0) % len(goes_on)]
        end = service.end_member if isinstance(row, GroupMember) else service.end_course
        end(db, group, row.id, day, change)
    elif what == "member" and not service.members(db, group):
        service.add_members(db, group, [ada], day, change)
    elif what == "course" and not service.courses_of(db, group):
        service.add_course(db, group, course, day, change)


def _days(rows: Any, today: date) -> set[int]:
    return {
        number
        for number in range(2 * _DAYS)
        for row in rows
        if roster.covers(row, today + timedelta(days=number))
    }
