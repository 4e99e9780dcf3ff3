"""Lessons filtered by the state of their registers say what registers and reports say."""

import uuid
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from server.db.types import now
from server.reports import lesson_states
from server.timetable import pages
from server.timetable.local_time import midnight
from server.timetable.tables import RosterEntry
from server.web.principal import Role
from server.web.register_state import RegisterState
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk
from tests.support.planning import BERLIN
from tests.support.report_school import ReportSchool

WIDE = {
    "after": (now() - timedelta(days=40)).isoformat(),
    "before": (now() + timedelta(days=40)).isoformat(),
}


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    return ReportSchool(desk)


def found(client: TestClient, state: str, **asked: str) -> set[str]:
    answer = client.get("/api/v1/lessons", params={"register": state} | WIDE | asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["lessons"])
    return {one["id"] for one in answer.json()["lessons"]}


def confirm(desk: OfficeDesk, lesson: str) -> None:
    rows = desk.register(lesson)["rows"]
    open_lines = [one["person_id"] for one in rows if one["status"] in ("not_seen", "pending")]
    desk.post(f"/lessons/{lesson}/confirmation", not_seen=open_lines)


def test_each_state_finds_what_registers_and_reports_say(school: ReportSchool) -> None:
    desk = school.desk
    untouched, half, decided, confirmed, cancelled = (school.days_ago(day) for day in range(2, 7))
    ahead = desk.lesson(timedelta(days=1))
    school.decide(half, ada="present")
    school.decide(decided, ada="present", ben="absent")
    confirm(desk, confirmed)
    desk.post(f"/lessons/{cancelled}/cancel", reason="Storm")
    over = {untouched, half, decided, confirmed}
    states = {state.value: found(desk.office, state) for state in RegisterState}
    assert states["cancelled"] == {cancelled}
    assert states["confirmed"] == {confirmed}
    assert states["unconfirmed"] == over - {confirmed}
    rows = desk.office.get("/api/v1/reports/registers-not-taken", params=school.span(10)).json()
    assert states["not_taken"] == {one["lesson_id"] for one in rows["rows"]} == {untouched, half}
    pending = {
        one
        for one in over
        if any(line["status"] == "pending" for line in desk.register(one)["rows"])
    }
    assert states["pending"] == pending
    assert ahead not in set.union(*states.values())


def test_silent_kiosk_makes_registers_pending(school: ReportSchool) -> None:
    desk = school.desk
    desk.hang_kiosk(since=now() - timedelta(days=30))
    lesson, decided = school.days_ago(2), school.days_ago(3)
    school.decide(decided, ada="present", ben="present")
    assert found(desk.office, "pending") == {lesson}
    page = desk.office.get(f"/lessons?day={school.day(2)}&register=pending").text
    assert lesson in page
    assert decided not in page


def test_lessons_that_list_nobody_need_no_confirmation(school: ReportSchool) -> None:
    desk = school.desk
    before, during, after = (school.days_ago(day, course=desk.other_course) for day in (6, 5, 4))
    assert found(desk.office, "unconfirmed") == set()  # the course has no roster at all
    with desk.database.transaction() as db:
        course, ada = uuid.UUID(desk.other_course), uuid.UUID(desk.ada)
        day = school.day(5)
        db.add(RosterEntry(course_id=course, person_id=ada, from_date=day, until_date=day))
    assert found(desk.office, "unconfirmed") == {during}
    with desk.database.transaction() as db:
        ends = midnight(school.day(4), BERLIN) + timedelta(hours=9)
        db.add(RosterEntry(course_id=course, person_id=uuid.UUID(desk.ben), counts_after=ends))
    assert found(desk.office, "unconfirmed") == {during, after}
    page = desk.office.get(f"/lessons?day={school.day(6)}&register=unconfirmed").text
    assert before not in page


def test_long_search_is_cut_and_says_so(
    school: ReportSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of one day, and so of one week of the list.
    older = school.days_ago(2)
    newer = school.held(midnight(school.day(2), BERLIN) + timedelta(hours=12))
    for module in (lesson_states, pages):
        monkeypatch.setattr(module, "MOST_JUDGED", 1)
    office = school.desk.office
    page = office.get(f"/lessons?day={school.day(2)}&register=not_taken").text
    assert newer in page
    assert older not in page
    assert "Only the newest 1 of these lessons were checked" in page
    answer = office.get("/api/v1/lessons", params={"register": "not_taken"})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["problem"] == "too_many_lessons"
    assert found(office, "unconfirmed") == {older, newer}


def test_state_shows_nobody_more_lessons(school: ReportSchool, sign_in: SignIn) -> None:
    lesson = school.days_ago(2)
    assert found(sign_in(Role.TEACHER), "not_taken") == set()
    technician = sign_in(Role.TECHNICIAN)
    assert technician.get("/api/v1/lessons", params={"register": "pending"}).status_code == 403
    page = technician.get(f"/lessons?day={school.day(2)}&register=confirmed").text
    assert lesson in page
    assert 'name="register"' not in page
    assert school.desk.office.get("/lessons?register=open").status_code == 422
