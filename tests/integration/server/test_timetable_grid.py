"""The weekly grid: whose week it shows, and lessons added, changed and removed in place."""

import re
from datetime import timedelta
from typing import Any

import pytest

from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_weekly_patterns import Planner
from tests.support.office_desk import OfficeDesk


class Grid(Planner):
    """The office before the grid of the first week of term."""

    def of(self, kind: str = "room", subject: str = "") -> dict[str, str]:
        return {"of": f"{kind}:{subject or self.desk.room}", "week": self.first.isoformat()}

    def page(self, kind: str = "room", subject: str = "", **asked: str) -> str:
        answer = self.desk.office.get("/timetable", params=self.of(kind, subject) | asked)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **changed: str) -> Any:
        """Send a form of the grid: a Tuesday, 8 to 8:45."""
        form = {"course_id": self.desk.course, "room_id": self.desk.room, "weekday": "1"}
        form |= {"starts": "08:00", "ends": "08:45"} | changed
        return self.desk.office.post(f"/timetable/{path}", params=self.of(), data=form)


@pytest.fixture
def grid(desk: OfficeDesk) -> Grid:
    """The grid."""
    return Grid(desk)


def test_slot_is_filled_and_the_lesson_opens_in_place(grid: Grid) -> None:
    form = grid.page(add="1-0800-0845")
    assert re.search(r'name="starts" type="time" value="08:00"', form)
    assert f'value="{grid.desk.room}" selected' in form
    added = grid.send("add")
    assert added.headers["location"] == f"/timetable?of=room:{grid.desk.room}&week={grid.first}"
    lesson = grid.lessons()[0]["id"]
    page = grid.page()
    assert f"lesson={lesson}#panel" in page
    assert "add=2-0800-0845" in page, "the other days of the row are free"
    assert "add=1-0800-0845" not in page.split("grid-list")[0].split("grid-other")[0]
    panel = grid.page(lesson=lesson)
    assert f"/lessons/{lesson}/substitute" in panel
    assert "pattern=" in panel


def test_week_of_every_kind_of_subject(grid: Grid, sign_in: SignIn) -> None:
    desk, office = grid.desk, grid.desk.office
    teacher = sign_in(Role.TEACHER)
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    until = {"until": grid.day(0, 4).isoformat()}
    desk.post(f"/courses/{desk.course}/teachers", account_id=account)
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada, **until)
    grid.add()
    subjects = {"room": desk.room, "course": desk.course, "teacher": account, "student": desk.ada}
    first = [grid.page(*one).count('class="slot"') for one in subjects.items()]
    assert first == [2] * 4, "once in the grid and once in the list of a phone"
    later = {"of": f"student:{desk.ada}", "week": grid.day(1).isoformat()}
    assert 'class="slot"' not in office.get("/timetable", params=later).text
    found = office.post("/timetable/students", data={"q": "ada"}).text
    assert f"/timetable?of=student:{desk.ada}" in found
    assert office.post("/timetable/students", data={"q": "nobody"}).status_code == 200
    own = teacher.get("/timetable", params=grid.of("teacher", account)).text
    assert 'class="slot"' in own
    assert "slot-add" not in own
    foreign = [grid.of(), grid.of("student", desk.ada), grid.of("course", desk.other_course)]
    assert [teacher.get("/timetable", params=one).status_code for one in foreign] == [403] * 3
    assert grid.lessons()[0]["id"] in own


def test_substitute_sees_the_lesson_in_their_week(grid: Grid, sign_in: SignIn) -> None:
    account = sign_in(Role.TEACHER).get("/api/v1/sign-in").json()["account_id"]
    grid.add()
    first = grid.lessons()[0]["id"]
    grid.desk.office.put(f"/api/v1/lessons/{first}/substitute", json={"account_id": account})
    page = grid.page("teacher", account)
    assert page.count("Substitute: Teacher") == 2


def test_weekly_lesson_is_changed_and_removed_in_place(grid: Grid) -> None:
    pattern = grid.add()
    assert f"/timetable/patterns/{pattern}/delete" in grid.page(pattern=pattern)
    grid.send(f"patterns/{pattern}", starts="09:00", ends="09:45", weeks="b")
    assert grid.times() == ["Tue 09:00"] * 4
    assert "Week B" not in grid.page()
    assert grid.send(f"patterns/{pattern}", weeks="c").status_code == 400
    assert grid.send(f"patterns/{pattern}", starts="soon").status_code == 400
    assert grid.desk.office.post(f"/timetable/patterns/{pattern}/delete").is_redirect
    assert grid.lessons() == []


def test_one_lesson_is_changed_for_one_week(grid: Grid) -> None:
    grid.add()
    lesson = grid.lessons()[0]["id"]
    form = grid.desk.lesson_form(day=grid.day(0, 3).isoformat(), starts="09:00", ends="09:45")
    path = f"/timetable/lessons/{lesson}"
    assert grid.desk.office.post(path, params=grid.of(), data=form).is_redirect
    assert grid.times()[:2] == ["Thu 09:00", "Tue 08:00"]
    assert "Changed this week" in grid.page()
    refused = grid.desk.office.post(path, params=grid.of(), data=form | {"ends": "08:00"})
    assert (refused.status_code, "ends before it starts" in refused.text) == (400, True)


def test_clashes_are_named_and_what_may_be_meant_is_saved_anyway(grid: Grid) -> None:
    desk = grid.desk
    grid.add()
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada)
    desk.post(f"/courses/{desk.other_course}/roster", person_id=desk.ada)
    taken = grid.send("add", course_id=desk.other_course)
    assert taken.status_code == 400
    assert "R12 is taken: BIO-9, 08:00 to 08:45, on 9 days" in taken.text
    assert "Add anyway" not in taken.text
    asked = grid.send("add", course_id=desk.other_course, room_id=desk.other_room)
    assert "Also in BIO-9 in R12" in asked.text
    assert "Ada Lovelace" in asked.text
    assert 'name="allow" value="1">Add anyway' in asked.text
    there = {"course_id": desk.other_course, "room_id": desk.other_room, "allow": "1"}
    assert grid.send("add", **there).is_redirect
    assert len(grid.lessons()) == 18


def test_single_lesson_and_holidays_in_the_week_shown(grid: Grid) -> None:
    assert grid.send("add", weeks="once", weekday="5").is_redirect
    assert grid.times() == ["Sat 08:00"]
    days = {"first_day": grid.day(0, 0).isoformat(), "last_day": grid.day(0, 1).isoformat()}
    grid.desk.post("/holidays", name="Founders day", **days)
    page = grid.page()
    assert page.count("Founders day") == 4
    assert "Saturday" in page
    before_term = {"of": f"room:{grid.desk.room}", "week": str(grid.first - timedelta(days=7))}
    assert "no term in this week" in grid.desk.office.get("/timetable", params=before_term).text
    form = {"course_id": grid.desk.course, "room_id": grid.desk.room, "weekday": "1"}
    form |= {"starts": "08:00", "ends": "08:45"}
    answer = grid.desk.office.post("/timetable/add", params=before_term, data=form)
    assert (answer.status_code, "Add a term first" in answer.text) == (400, True)


def test_odd_addresses_are_refused_and_an_empty_school_says_what_to_do(
    grid: Grid, office: Any, sign_in: SignIn
) -> None:
    odd = ["?of=room:1", "?of=door:x", "?week=soon", "?week=0001-01-01", "?add=9-0800-0845"]
    answers = [office.get(f"/timetable{one}").status_code for one in odd]
    assert set(answers) <= {400, 422}
    nobody = "00000000-0000-0000-0000-000000000001"
    kinds = ["room", "course", "teacher", "student"]
    gone = [office.get("/timetable", params=grid.of(one, nobody)).status_code for one in kinds]
    assert gone == [404] * 4
    assert office.get("/timetable").status_code == 200
    assert sign_in(Role.TEACHER).get("/timetable").status_code == 200
