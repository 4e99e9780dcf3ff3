"""Reports: what they count, who may see them, the at-risk limit, registers not taken."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.reports import lines, service
from server.reports.lines import ReportSpan, lessons_between
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk
from tests.support.planning import BERLIN
from tests.support.report_school import ReportSchool

CELL = re.compile(r"<td[^>]*>(.*?)</td>", re.S)
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    return ReportSchool(desk)


def table(client: TestClient, **asked: str) -> list[list[str]]:
    """Return the cells of the table of a report, row by row, without the weeks' table."""
    answer = client.get("/reports", params=asked)
    assert answer.status_code == 200, answer.text
    body = answer.text.rsplit("<tbody>", maxsplit=1)
    rows = body[1].split("</tbody>")[0].split("</tr>")[:-1] if len(body) == 2 else []
    return [[" ".join(TAGS.sub(" ", cell).split()) for cell in CELL.findall(row)] for row in rows]


def account_of(client: TestClient) -> str:
    found: str = client.get("/api/v1/sign-in").json()["account_id"]
    return found


def test_lessons_are_in_one_span_of_two_at_every_midnight(
    school: ReportSchool, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = [
        datetime(2026, 10, 24, 21, 45, tzinfo=UTC),  # over midnight
        datetime(2026, 10, 24, 22, 0, tzinfo=UTC),  # at midnight
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30, and again an hour later
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 22, 59, tzinfo=UTC),  # the last minute of 25 hours
        datetime(2026, 10, 25, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 28, 22, 45, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # the night of 23 hours
        datetime(2026, 3, 29, 21, 30, tzinfo=UTC),
    ]
    held = {school.held(start, minutes=120) for start in starts}
    monkeypatch.setattr(lines, "PIECE", 2)
    at = datetime(2026, 11, 1, tzinfo=UTC)

    def found(first: date, last: date) -> list[str]:
        with database.reading() as db:
            pieces = lessons_between(db, ReportSpan(first, last, BERLIN), at)
            return [str(one.lesson_id) for piece in pieces for one in piece]

    first, last = date(2026, 3, 27), date(2026, 10, 27)
    whole = found(first, last)
    assert len(whole) == len(held)
    assert set(whole) == held
    for split in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)):
        assert found(first, split) + found(split + timedelta(days=1), last) == whole


def test_each_view_adds_up_the_same_lines(school: ReportSchool) -> None:
    desk = school.desk
    school.decide(school.days_ago(2), ada="late", ben="absent")
    school.decide(school.days_ago(1), ada="present", ben="excused")
    school.days_ago(1, course=desk.other_course)  # nobody is on its roster
    cancelled = school.days_ago(3)
    desk.post(f"/lessons/{cancelled}/cancel", reason="It was so")
    asked = school.span(6)
    people = table(desk.office, view="person", **asked)
    assert people == [
        ["Ada Lovelace S1", "2", "2", "1", "0", "0", "0", "100.0 %"],
        ["Ben Okafor S2", "2", "0", "0", "1", "1", "0", "0.0 %"],
    ]
    courses = table(desk.office, view="course", **asked)
    assert courses[1] == ["BIO-9 Biology", "2", "2", "1", "1", "1", "0", "66.6 %"]
    assert courses[0][:2] == ["ART-1 Art", "1"]
    days = table(desk.office, view="day", **asked)
    assert [row[1:] for row in days] == [
        ["0", "0", "0", "0", "0", "0", "–"],
        ["1", "1", "1", "1", "0", "0", "50.0 %"],
        ["2", "1", "0", "0", "1", "0", "100.0 %"],
    ]
    worst = table(desk.office, view="person", sort="rate", **asked)
    assert [row[0] for row in worst] == ["Ben Okafor S2", "Ada Lovelace S1"]
    own = table(desk.office, view="lesson", person=desk.ben, **asked)
    assert [row[3] for row in own] == ["Excused", "Absent", "Cancelled"]


def test_a_lesson_that_has_not_started_is_in_no_report(school: ReportSchool) -> None:
    school.desk.lesson(timedelta(minutes=5))
    assert table(school.desk.office, view="course") == []


def test_teachers_see_the_reports_of_their_own_courses(
    school: ReportSchool, sign_in: SignIn
) -> None:
    desk = school.desk
    school.decide(school.days_ago(1), ada="present", ben="absent")
    school.days_ago(1, course=desk.other_course)
    teacher = sign_in(Role.TEACHER)
    assert table(teacher, view="course", **school.span(6)) == []
    school.teach(account_of(teacher))
    assert [row[0] for row in table(teacher, view="course", **school.span(6))] == ["BIO-9 Biology"]
    assert teacher.get("/reports", params={"course": desk.other_course}).status_code == 403
    assert teacher.get("/reports", params={"course": desk.course}).status_code == 200
    assert desk.other_course not in teacher.get("/reports").text


def test_the_office_sets_the_limit_of_the_at_risk_list(
    school: ReportSchool, database: Database, sign_in: SignIn
) -> None:
    office = school.desk.office
    for days in range(1, 5):
        school.decide(school.days_ago(days), ada="present", ben="absent" if days < 3 else "late")
    asked = {"view": "at-risk"} | school.span(6)
    assert table(office, **asked) == []  # by default at least 5 lessons are judged
    form = {"percent": "51", "least_lessons": "4", "back": "/reports?view=at-risk"}
    assert office.post("/reports/at-risk-limit", data=form).headers["location"] == form["back"]
    (row,) = table(office, **asked)
    assert row[0] == "Ben Okafor S2 Attended 2 of 4 lessons that count."
    school.decide(school.days_ago(5), ada="absent", ben="excused")
    assert len(table(office, **asked)) == 1  # ada has 4 of 5
    with database.reading() as db:
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "report.limit")).one()
    assert entry.details == {
        "percent": 51,
        "least_lessons": 4,
        "percent_before": 75,
        "least_lessons_before": 5,
    }
    assert sign_in(Role.TEACHER).post("/reports/at-risk-limit", data=form).status_code == 403


@pytest.mark.parametrize(
    "wrong", [{"percent": "0"}, {"percent": "x"}, {"least_lessons": "1.5"}, {"least_lessons": ""}]
)
def test_a_limit_that_is_no_number_is_refused(
    office: TestClient, database: Database, wrong: dict[str, str]
) -> None:
    form = {"percent": "80", "least_lessons": "5", "back": "https://evil.example/"} | wrong
    answer = office.post("/reports/at-risk-limit", data=form)
    assert answer.status_code == 400
    assert "from 1 to 100" in answer.text
    assert "evil.example" not in answer.text
    with database.reading() as db:
        assert service.at_risk_limit(db) == service.DEFAULT_LIMIT


def test_registers_that_nobody_took_are_listed_with_their_teachers(
    school: ReportSchool, sign_in: SignIn
) -> None:
    desk = school.desk
    teacher = sign_in(Role.TEACHER)
    school.teach(account_of(teacher))
    taken, half, unseen = (school.days_ago(days) for days in (3, 2, 1))
    school.decide(taken, ada="present", ben="absent")
    school.decide(half, ada="present")
    rows = table(teacher, view="not-taken", **school.span(6))
    assert [row[1:] for row in rows] == [
        ["BIO-9 Biology R12", "Teacher", "Nobody looked"],
        ["BIO-9 Biology R12", "Teacher", "1 of 2 open"],
    ]
    page = desk.office.get("/reports", params={"view": "not-taken"} | school.span(6)).text
    assert f'href="/lessons/{half}"' in page
    assert f'href="/lessons/{unseen}"' in page
    assert f'href="/lessons/{taken}"' not in page


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"first": "2026-11-02", "last": "2026-11-01"}, "The last day is before the first."),
        ({"first": "2024-01-01", "last": "2026-01-01"}, "at most 400 days"),
    ],
)
def test_days_that_no_report_covers_are_refused(
    office: TestClient, asked: dict[str, str], words: str
) -> None:
    answer = office.get("/reports", params=asked)
    assert answer.status_code == 400
    assert words in answer.text
