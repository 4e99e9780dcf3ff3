"""Private calendar addresses: what they show, and everything that ends them."""

import logging
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.timetable.feeds.tables import CalendarFeed
from server.timetable.tables import CourseTeacher, LessonSubstitute
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_weekly_patterns import Planner
from tests.support.office_desk import OfficeDesk, today

NewClient = Callable[[], TestClient]
OWN = "/api/v1/calendar-feed"


@pytest.fixture
def database_kind() -> str:
    """SQLite alone: the statements are those of the grid and of API tokens."""
    return "sqlite"


class Subscriber:
    """A calendar program, and the teacher whose address it has."""

    def __init__(self, program: TestClient, teacher: TestClient, desk: OfficeDesk) -> None:
        self.program, self.teacher, self.desk = program, teacher, desk
        self.account: str = teacher.get("/api/v1/sign-in").json()["account_id"]

    def own(self) -> str:
        return path_of(self.teacher.post(OWN))

    def of_course(self) -> str:
        route = f"/api/v1/courses/{self.desk.course}/calendar-feed"
        return path_of(self.desk.office.post(route))

    def events(self, path: str) -> dict[str, Any]:
        """Return the events by the id of their lesson."""
        answer = self.program.get(path)
        assert answer.status_code == 200, answer.text
        return {str(one["uid"]): one for one in Calendar.from_ical(answer.content).walk("VEVENT")}

    def grid(self, subject: str, first: date, weeks: int) -> set[str]:
        """Return the lessons that the grid shows."""
        found: set[str] = set()
        for week in range(weeks):
            asked = {"of": subject, "week": (first + timedelta(weeks=week)).isoformat()}
            page = self.desk.office.get("/timetable", params=asked).text
            found |= set(re.findall(r"lesson=([0-9a-f-]{36})#panel", page))
        return found


def path_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    found: str = re.sub(r"^https?://[^/]+", "", answer.json()["address"])
    return found


@pytest.fixture
def subscriber(new_client: NewClient, sign_in: SignIn, desk: OfficeDesk) -> Subscriber:
    """A program without cookie, and a teacher who teaches nothing yet."""
    program = new_client()
    program.headers.clear()
    return Subscriber(program, sign_in(Role.TEACHER), desk)


def test_feeds_show_what_the_grid_shows_over_holidays_and_clock_changes(
    subscriber: Subscriber,
) -> None:
    desk, planner = subscriber.desk, Planner(subscriber.desk)
    first = planner.first
    desk.post(f"/courses/{desk.course}/teachers", account_id=subscriber.account)
    closed = (first + timedelta(days=15)).isoformat()
    desk.post("/holidays", name="Fair", first_day=closed, last_day=closed)
    planner.add()
    planner.add(weekday=3, room_id=desk.other_room, starts="09:00", ends="09:45")
    lessons = planner.lessons()
    desk.post(f"/lessons/{lessons[0]['id']}/cancel", reason="The room is flooded")
    course, own = subscriber.events(subscriber.of_course()), subscriber.events(subscriber.own())
    assert len(lessons) == 17, "the holiday has none"
    assert set(course) == set(own) == {one["id"] for one in lessons}
    assert set(course) == subscriber.grid(f"course:{desk.course}", first, 9)
    assert set(own) == subscriber.grid(f"teacher:{subscriber.account}", first, 9)
    for one in lessons:
        event = own[one["id"]]
        assert event["dtstart"].dt == datetime.fromisoformat(one["starts_at"])
        assert event["dtend"].dt == datetime.fromisoformat(one["ends_at"])
        assert (event["summary"], event["location"]) == ("BIO-9 Biology", one["room_name"])
    cancelled = [key for key, one in own.items() if one["status"] == "CANCELLED"]
    assert cancelled == [lessons[0]["id"]]


def test_substitutes_have_the_lesson_and_teachers_of_other_dates_do_not(
    subscriber: Subscriber, database: Database
) -> None:
    desk, own = subscriber.desk, subscriber.own()
    ids = [desk.lesson(timedelta(days=day)) for day in (1, 2, 3, 4)]
    other = desk.lesson(timedelta(days=1), course_id=desk.other_course, room_id=desk.other_room)
    me = uuid.UUID(subscriber.account)
    with database.transaction() as db:
        until = today() + timedelta(days=2)
        course = uuid.UUID(desk.course)
        db.add(CourseTeacher(course_id=course, account_id=me, until_date=until))
        another = db.exec(select(Account).where(Account.username == "office-account")).one().id
        for lesson, account in ((ids[0], another), (ids[3], me), (other, me)):
            db.add(LessonSubstitute(lesson_id=uuid.UUID(lesson), account_id=account))
    assert set(subscriber.events(own)) == {ids[1], ids[3], other}
    assert set(subscriber.events(subscriber.of_course())) == set(ids)


def test_answer_is_private_has_a_name_and_works_with_head(subscriber: Subscriber) -> None:
    path = subscriber.of_course()
    subscriber.desk.lesson(timedelta(days=1))
    first = subscriber.program.get(path)
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert first.headers["cache-control"] == "private, no-cache"
    assert "set-cookie" not in first.headers
    known = {"If-None-Match": first.headers["etag"]}
    again = subscriber.program.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    head = subscriber.program.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]
    subscriber.desk.lesson(timedelta(days=2))
    assert subscriber.program.get(path, headers=known).status_code == 200


def _renew(of: Subscriber) -> None:
    of.own()


def _end(of: Subscriber) -> None:
    assert of.teacher.delete(OWN).status_code == 204


def _change(of: Subscriber, sign_in: SignIn, *steps: tuple[str, str, dict[str, str]]) -> None:
    admin = sign_in(Role.ADMIN)
    for method, what, body in steps:
        answer = admin.request(method, f"/api/v1/accounts/{of.account}/{what}", json=body)
        assert answer.is_success, answer.text


STEPS = {
    "disabled": [("POST", "disable", {})],
    "enabled again": [("POST", "disable", {}), ("POST", "enable", {})],
    "another role": [("PUT", "role", {"role": "office"})],
    "back to teacher": [("PUT", "role", {"role": "office"}), ("PUT", "role", {"role": "teacher"})],
    "password reset": [("POST", "password", {})],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_what_ends_the_account_ends_its_address(
    steps: list[tuple[str, str, dict[str, str]]], subscriber: Subscriber, sign_in: SignIn
) -> None:
    path = subscriber.own()
    wrong = subscriber.program.get(f"/calendar/{'a' * 43}.ics")
    _change(subscriber, sign_in, *steps)
    ended = subscriber.program.get(path)
    assert (ended.status_code, ended.text) == (404, wrong.text)
    ignored = {"date", "x-correlation-id", "content-length"}
    assert {k: v for k, v in ended.headers.items() if k not in ignored} == {
        k: v for k, v in wrong.headers.items() if k not in ignored
    }


@pytest.mark.parametrize("finish", [_renew, _end])
def test_address_ends_when_renewed_or_switched_off(
    finish: Callable[[Subscriber], None], subscriber: Subscriber, database: Database
) -> None:
    path = subscriber.own()
    assert subscriber.program.get(path).status_code == 200
    finish(subscriber)
    assert subscriber.program.get(path).status_code == 404
    with database.reading() as db:
        actions = [one.action for one in db.exec(select(AuditEntry).order_by("seq"))]
    wanted = ["calendar.create", "calendar.renew" if finish is _renew else "calendar.end"]
    assert [one for one in actions if one.startswith("calendar.")] == wanted


def test_secret_is_in_no_log_no_entry_and_no_row(
    subscriber: Subscriber, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="server"):
        path = subscriber.own()
        secret = path.removeprefix("/calendar/").removesuffix(".ics")
        subscriber.program.get(path)
        subscriber.own()
        subscriber.program.get(path)
    said = [f"{one.__dict__}" for one in caplog.records if one.name.startswith("server")]
    assert any("/calendar/{secret}.ics" in one for one in said)
    assert not [one for one in said if secret in one]
    with database.reading() as db:
        assert secret not in str([one.model_dump() for one in db.exec(select(AuditEntry))])
        assert secret not in str([one.model_dump() for one in db.exec(select(CalendarFeed))])
    assert secret not in subscriber.teacher.get("/calendar-feed").text


def test_an_address_is_asked_for_only_so_often(subscriber: Subscriber) -> None:
    path = subscriber.own()
    answers = [subscriber.program.get(path) for _ in range(62)]
    assert answers[0].status_code == 200
    assert (answers[-1].status_code, answers[-1].content) == (429, b"")
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_only_teachers_and_the_office_make_addresses(
    subscriber: Subscriber, sign_in: SignIn
) -> None:
    course = f"/courses/{subscriber.desk.course}/calendar-feed"
    assert subscriber.teacher.post(f"/api/v1{course}").status_code == 403
    assert subscriber.desk.office.post(OWN).status_code == 403
    assert sign_in(Role.ADMIN).post(OWN).status_code == 403
    assert subscriber.program.get(OWN).status_code == 401


def test_page_shows_the_address_once(subscriber: Subscriber) -> None:
    page = f"/courses/{subscriber.desk.course}/calendar-feed"
    office = subscriber.desk.office
    shown = office.post(page)
    (path,) = re.findall(r"/calendar/[A-Za-z0-9_-]{43}\.ics", shown.text)
    assert shown.headers["cache-control"] == "no-store"
    assert subscriber.program.get(path).status_code == 200
    assert "/calendar/" not in office.get(page).text
    office.post(f"{page}/end")
    assert subscriber.program.get(path).status_code == 404
