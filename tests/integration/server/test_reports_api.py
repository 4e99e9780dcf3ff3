"""Reports over the API: parts, names of answers, prepared reports, who may ask."""

import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import delete
from starlette.testclient import TestClient

from server.db.types import now
from server.reports import prepared, service
from server.reports.tally import ReportTally
from server.timetable.tables import CourseTeacher
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk
from tests.support.report_school import ReportSchool


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    school = ReportSchool(desk)
    for days in (2, 1):
        school.decide(school.days_ago(days), ada="present", ben="absent")
    school.days_ago(3)
    return school


def get(client: TestClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/reports{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_report_comes_in_parts_that_are_the_whole(school: ReportSchool) -> None:
    office, span = school.desk.office, school.span(6)
    whole = get(office, "/attendance", view="person", **span)
    assert whole["total"] == 2
    assert whole["rows"][0] == {
        "key": school.desk.ada,
        "name": "Ada Lovelace",
        "number": "S1",
        "lessons": 3,
        "attended": 2,
        "late": 0,
        "absent": 0,
        "excused": 0,
        "open": 1,
        "cancelled": 0,
        "judged": 2,
        "rate": 1.0,
    }
    first = get(office, "/attendance", limit=1, **span)
    desk = school.desk
    new = desk.post("/people", student_number="S0", given_name="Aa", family_name="Aa")
    desk.always_on_roster(new["id"])  # before the first one in the list: nobody comes twice
    second = get(office, "/attendance", limit=1, cursor=first["next_cursor"], **span)
    assert first["rows"] + second["rows"] == whole["rows"]
    assert second["next_cursor"] is None
    wrong = {"view": "course", "cursor": first["next_cursor"]} | span
    assert office.get("/api/v1/reports/attendance", params=wrong).status_code == 422
    assert office.get("/api/v1/reports/attendance?veiw=day").status_code == 422


def test_classes_are_a_view_and_a_filter(school: ReportSchool) -> None:
    desk, span = school.desk, school.span(6)
    classes = {}
    for name, people in (("7B", [desk.ada]), ("7A", [desk.ada, desk.ben]), ("Left", [])):
        classes[name] = desk.post("/groups", name=name)["id"]
        if people:
            desk.post(f"/groups/{classes[name]}/members", person_ids=people)
    rows = get(desk.office, "/attendance", view="class", **span)["rows"]
    assert [(one["name"], one["number"], one["lessons"]) for one in rows] == [
        ("7A", "2", 0),
        ("7B", "1", 0),
    ]
    assert [(one["attended"], one["absent"], one["open"]) for one in rows] == [(2, 2, 2), (2, 0, 1)]
    only = get(desk.office, "/attendance", view="person", group=classes["7B"], **span)["rows"]
    assert [one["name"] for one in only] == ["Ada Lovelace"]
    assert get(desk.office, "/attendance", view="day", group=classes["Left"], **span)["rows"] == []
    page = desk.office.get("/reports", params={"view": "class"} | span).text
    assert "7A" in page
    assert f"group={classes['7A']}" in page
    shown = desk.office.get("/reports", params={"group": classes["7B"]} | span).text
    assert "Ada Lovelace" in shown
    assert "Ben Okafor" not in shown
    missing = {"group": str(uuid.uuid4())} | span
    assert desk.office.get("/api/v1/reports/attendance", params=missing).status_code == 404
    assert desk.office.get("/reports", params=missing).status_code == 404
    asked = {"view": "class", "format": "csv"} | span
    file = desk.office.get("/api/v1/exports/attendance", params=asked)
    assert file.status_code == 200, file.text
    assert "7A,2,2,0,2,0,2,0,0.5" in file.text.replace(";", ",")


def test_an_answer_that_is_known_is_not_sent_again(school: ReportSchool) -> None:
    office, path = school.desk.office, "/api/v1/reports/attendance"
    etag = office.get(path, params=school.span(6)).headers["etag"]
    known = {"If-None-Match": etag}
    assert office.get(path, params=school.span(6), headers=known).status_code == 304
    school.decide(school.days_ago(4), ada="absent")
    assert office.get(path, params=school.span(6), headers=known).status_code == 200


def test_lists_of_risk_and_of_what_is_missing(school: ReportSchool) -> None:
    office, span = school.desk.office, school.span(6)
    assert get(office, "/at-risk", **span)["rows"] == []
    limit = {"percent": 60, "least_lessons": 2}
    assert office.put("/api/v1/reports/at-risk-limit", json=limit).json() == limit
    assert get(office, "/at-risk-limit") == limit
    (row,) = get(office, "/at-risk", **span)["rows"]
    assert (row["name"], row["attended"], row["judged"]) == ("Ben Okafor", 0, 2)
    (missing,) = get(office, "/registers-not-taken", **span)["rows"]
    assert (missing["open"], missing["lines"], missing["is_unseen"]) == (2, 2, True)
    for wrong in ({"percent": 0, "least_lessons": 2}, limit | {"x": 1}):
        assert office.put("/api/v1/reports/at-risk-limit", json=wrong).status_code == 422


def test_a_long_report_is_asked_for_and_deleted(
    school: ReportSchool, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, span = school.desk.office, school.span(6)
    monkeypatch.setattr(service, "DIRECT_LESSONS", 1)
    refused = office.get("/api/v1/reports/attendance", params=span)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "report_too_long")
    made = office.post("/api/v1/reports/prepared", json=span)
    assert made.status_code == 202
    path = f"/prepared/{made.json()['id']}"
    assert get(office, path)["lessons_total"] == 3
    assert get(office, "/prepared")["reports"] == [get(office, path)]
    unfinished = {"prepared_id": made.json()["id"]}
    assert office.get("/api/v1/reports/attendance", params=unfinished).status_code == 409
    teacher = sign_in(Role.TEACHER)
    assert teacher.get(f"/api/v1/reports{path}").status_code == 404
    assert office.delete(f"/api/v1/reports{path}").status_code == 204
    assert office.get(f"/api/v1/reports{path}").status_code == 404


def test_a_prepared_report_is_read_as_it_was_asked_for(app: FastAPI, school: ReportSchool) -> None:
    office, span, desk = school.desk.office, school.span(6), school.desk
    made = office.post("/api/v1/reports/prepared", json=span).json()["id"]
    with desk.database.transaction() as db:
        prepared.finish(db, services_of(app).vault, uuid.UUID(made), ReportTally(), now())
    known = {"prepared_id": made}
    assert get(office, "/attendance", **known)["total"] == 0
    assert get(office, "/attendance", **known, **span)["total"] == 0
    for other in ({"person": desk.ada}, {"course": desk.course}, school.span(5)):
        answer = office.get("/api/v1/reports/attendance", params=known | other)
        assert answer.json()["error"]["details"]["problem"] == "report_as_prepared"
        assert office.get(f"/reports/prepared/{made}", params=other).status_code == 400
    assert office.get(f"/reports/prepared/{made}", params=span).status_code == 200


def test_a_teacher_who_lost_a_course_is_not_told_of_its_report(
    school: ReportSchool, sign_in: SignIn
) -> None:
    desk, teacher = school.desk, sign_in(Role.TEACHER)
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    school.teach(account)
    made = teacher.post("/api/v1/reports/prepared", json=school.span(6)).json()["id"]
    assert get(teacher, "/prepared")["total"] == 1
    with desk.database.transaction() as db:
        db.exec(delete(CourseTeacher))
    assert get(teacher, "/prepared") == {"reports": [], "total": 0, "next_cursor": None}
    assert made not in teacher.get("/reports").text


def test_a_register_not_taken_names_the_substitute(school: ReportSchool, sign_in: SignIn) -> None:
    office, span = school.desk.office, school.span(6)
    teacher = sign_in(Role.TEACHER)
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    (before,) = get(office, "/registers-not-taken", **span)["rows"]
    assert before["teachers"] == []
    path = f"/api/v1/lessons/{before['lesson_id']}/substitute"
    assert office.put(path, json={"account_id": account}).status_code == 200
    (missing,) = get(office, "/registers-not-taken", **span)["rows"]
    assert missing["teachers"] == ["Teacher"]
