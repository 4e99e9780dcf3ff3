"""A person's attendance: it agrees with registers and reports, and shows nobody too much."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.absences.tables import AbsenceReason
from server.attendance.tables import StoredEvent
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import new_id
from server.timetable.tables import Lesson, RosterEntry
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_page_statements import counted
from tests.support.office_desk import OfficeDesk
from tests.support.report_school import ReportSchool

#: What SQL there is runs on both databases in tests/integration/school/test_tallies.py.
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
TAGS = re.compile(r"<[^>]+>")
CELL = re.compile(r'<td class="cal-day ([^"]*)"[^>]*><a href="([^"]*)">(.*?)</a></td>', re.S)


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    """Five lessons of two courses on three days, with every status."""
    found = ReportSchool(desk)
    found.decide(found.days_ago(9), ada="present", ben="absent")
    found.decide(found.days_ago(2), ada="late", ben="absent")
    found.decide(found.days_ago(1), ada="excused", ben="excused")
    found.days_ago(1)
    cancelled = found.days_ago(3)
    desk.post(f"/lessons/{cancelled}/cancel", reason="It was so")
    return found


def page(client: TestClient, person: str, **asked: Any) -> str:
    answer = client.get(f"/people/{person}/attendance", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.text


def read(client: TestClient, person: str, **asked: Any) -> Any:
    answer = client.get(f"/api/v1/people/{person}/attendance", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def account_of(client: TestClient) -> str:
    found: str = client.get("/api/v1/sign-in").json()["account_id"]
    return found


def texts(html: str) -> str:
    return " ".join(TAGS.sub(" ", html).split())


def days(html: str) -> list[tuple[str, str]]:
    """Return tone and words of each day of the calendar that has lessons."""
    return [(tone.split()[0], texts(inner)) for tone, _path, inner in CELL.findall(html)]


def test_the_numbers_are_those_of_the_reports(school: ReportSchool) -> None:
    desk, span = school.desk, school.span(12)
    for person in (desk.ada, desk.ben):
        found = read(desk.office, person, **span)
        asked = {"person": person} | span
        names = ("lessons", "attended", "late", "absent", "excused", "open", "judged", "rate")
        [total] = _report(desk, view="person", **asked)
        assert {name: found["total"][name] for name in names} == {
            name: total[name] for name in names
        }
        courses = {one["key"]: one for one in _report(desk, view="course", **asked)}
        assert {one["course_id"]: [one[name] for name in names] for one in found["courses"]} == {
            key: [one[name] for name in names] for key, one in courses.items()
        }
        by_day = {one["key"]: one["lessons"] for one in _report(desk, view="day", **asked)}
        assert {
            one["day"]: sum(not lesson["is_cancelled"] for lesson in one["lessons"])
            for one in found["days"]
        } == by_day
        assert sum(one["attended"] for one in found["weeks"]) == total["attended"]


def _report(desk: OfficeDesk, **asked: Any) -> list[dict[str, Any]]:
    answer = desk.office.get("/api/v1/reports/attendance", params=asked)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


@ON_SQLITE
def test_a_day_shows_the_gravest_status_and_leads_to_its_lessons(school: ReportSchool) -> None:
    desk = school.desk
    html = page(desk.office, desk.ada, **school.span(12))
    number = {days_ago: school.day(days_ago).day for days_ago in (1, 2, 3, 9)}
    assert days(html) == [
        ("cal-ok", f"{number[9]} P Present"),
        ("cal-quiet", f"{number[3]} – Cancelled"),
        ("cal-warn", f"{number[2]} L Late"),
        ("cal-info", f"{number[1]} … 1/2 Pending, Excused"),
    ]
    paths = [path for _tone, path, _inner in CELL.findall(html)]
    assert paths[0].startswith("/lessons/")  # one lesson: its register
    chosen = page(desk.office, desk.ada, **school.span(12), day=school.day(1).isoformat())
    assert paths[-1].endswith(f"day={school.day(1)}#day")
    section = chosen.split('id="day"')[1].split("</section>")[0]
    assert section.count("/lessons/") == 4  # register and line of both


@ON_SQLITE
def test_lateness_counts_minutes_that_a_kiosk_saw(school: ReportSchool, database: Database) -> None:
    desk = school.desk
    kiosk = desk.hang_kiosk()
    lesson = school.days_ago(5)
    with database.transaction() as db:
        at = db.get_one(Lesson, uuid.UUID(lesson)).starts_at + timedelta(minutes=17)
        db.add(
            StoredEvent(
                kiosk_id=uuid.UUID(kiosk),
                id=new_id(),
                seq=1,
                occurred_at=at,
                counted_at=at,
                received_at=at,
                lesson_id=uuid.UUID(lesson),
                person_id=uuid.UUID(desk.ben),
                kind="seen",
                method="face",
                clock_source="ntp",
                hash="0" * 64,
                body="{}",
            )
        )
    found = read(desk.office, desk.ben)
    assert (found["total"]["late"], found["total"]["late_minutes_median"]) == (1, 17)
    assert found["total"]["late_minutes"] == found["courses"][0]["late_minutes"] == 17
    assert "17 min" in page(desk.office, desk.ben)


@ON_SQLITE
def test_the_term_of_today_is_shown_and_another_one_on_request(school: ReportSchool) -> None:
    desk = school.desk
    spring = desk.post(
        "/terms",
        name="Spring",
        first_day=school.day(10).isoformat(),
        last_day=school.day(8).isoformat(),
    )
    autumn = desk.post(
        "/terms",
        name="Autumn",
        first_day=school.day(5).isoformat(),
        last_day=school.day(-5).isoformat(),
    )
    assert read(desk.office, desk.ada)["term_id"] == autumn["id"]
    past = read(desk.office, desk.ada, term=spring["id"])
    assert (past["first"], past["last"]) == (str(school.day(10)), str(school.day(8)))
    assert past["total"]["lessons"] == 1
    missing = desk.office.get(f"/api/v1/people/{desk.ada}/attendance", params={"term": desk.ada})
    assert missing.status_code == 404
    turned = {"first": str(school.day(1)), "last": str(school.day(2))}
    refused = desk.office.get(f"/people/{desk.ada}/attendance", params=turned)
    assert refused.status_code == 400


@ON_SQLITE
def test_teachers_see_what_concerns_their_own_courses(
    school: ReportSchool, database: Database, sign_in: SignIn
) -> None:
    desk = school.desk
    teacher = sign_in(Role.TEACHER)
    path = f"/people/{desk.ada}/attendance"
    assert teacher.get(path).status_code == 403
    assert teacher.get(f"/api/v1{path}").json()["error"]["code"] == "foreign_student"
    school.teach(account_of(teacher), desk.other_course)
    art = school.days_ago(4, course=desk.other_course)
    with desk.database.transaction() as db:
        course, ada = uuid.UUID(desk.other_course), uuid.UUID(desk.ada)
        db.add(RosterEntry(course_id=course, person_id=ada))
    found = read(teacher, desk.ada, **school.span(12))
    assert found["is_partial"]
    assert [one["code"] for one in found["courses"]] == ["ART-1"]
    lessons = [one["lesson_id"] for day in found["days"] for one in day["lessons"]]
    assert lessons == [art]
    html = page(teacher, desk.ada, **school.span(12))
    assert "BIO-9" not in html
    assert teacher.get(f"/people/{desk.ben}/attendance").status_code == 403

    with database.reading() as db:
        reason = db.exec(select(AbsenceReason.id).where(AbsenceReason.code == "illness")).one()
    tomorrow = school.day(-1).isoformat()
    absence = desk.post(
        "/absences",
        person_id=desk.ada,
        first_day=tomorrow,
        last_day=tomorrow,
        is_excused=True,
        reason_id=str(reason),
    )
    school.teach(account_of(teacher))
    span = {"first": school.span(12)["first"], "last": tomorrow}
    ours, theirs = (page(one, desk.ada, **span) for one in (desk.office, teacher))
    assert "Illness" in ours
    assert f"/absences/{absence['id']}" in ours
    assert "Illness" not in theirs
    assert absence["id"] not in theirs
    assert "Excused" in theirs.split('id="absences"')[1]
    for mine in ("/credentials/", "/timetable?", "Consent"):
        assert mine not in theirs.split("<main")[1]


@ON_SQLITE
def test_of_an_erased_person_only_the_lines_are_left(school: ReportSchool, sign_in: SignIn) -> None:
    desk = school.desk
    before = read(desk.office, desk.ada, **school.span(12))
    path, body = f"/api/v1/people/{desk.ada}/erase", {"reason": "Asked for it"}
    assert sign_in(Role.ADMIN).post(path, json=body).is_success
    html = page(desk.office, desk.ada, **school.span(12))
    for gone in ("Lovelace", "Ada", "S1", "/credentials/", "/timetable?", "/absences/new"):
        assert gone not in html.split("<main")[1]
    after = read(desk.office, desk.ada, **school.span(12))
    assert after["total"] == before["total"]


@ON_SQLITE
def test_the_answer_has_a_name_and_each_view_an_entry(
    school: ReportSchool, database: Database
) -> None:
    desk = school.desk
    path = f"/api/v1/people/{desk.ada}/attendance"
    first = desk.office.get(path, params=school.span(12))
    again = desk.office.get(
        path, params=school.span(12), headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    school.decide(school.days_ago(4), ada="late")
    changed = desk.office.get(path, params=school.span(12))
    assert changed.headers["etag"] != first.headers["etag"]
    with database.reading() as db:
        entries = db.exec(select(AuditEntry).where(AuditEntry.action == "person.view")).all()
    assert {one.subject for one in entries} == {f"person:{desk.ada}"}
    assert len(entries) == 3


@ON_SQLITE
def test_more_lessons_cost_no_more_statements(school: ReportSchool, database: Database) -> None:
    desk = school.desk
    path = f"/people/{desk.ada}/attendance?first={school.day(40)}&last={school.day(-20)}"

    def statements() -> int:
        assert desk.office.get(path).status_code == 200
        with counted(database) as found:
            assert desk.office.get(path).status_code == 200
        return len(found)

    few = statements()
    for number in range(10, 30):
        school.days_ago(number)
        school.days_ago(-(number - 9))
    assert statements() == few
    assert few <= 28
