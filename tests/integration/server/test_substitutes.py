"""A substitute sees and takes the register of one lesson, and of no other one."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.accounts.service import create_account
from server.credentials.scope import staff_at
from server.db.engine import Database
from server.db.types import now
from server.kiosks.tables import Kiosk
from server.timetable.day import lesson_row_page, lesson_rows
from server.timetable.service import SUBSTITUTE_KEEPS, LessonFilter
from server.timetable.tables import Lesson
from server.web.principal import Role
from tests.integration.server.conftest import PASSWORD, SignIn
from tests.support.office_desk import OfficeDesk

RUNNING = -timedelta(minutes=5)


class StandIn:
    """A teacher without courses, and two lessons of one course."""

    def __init__(self, desk: OfficeDesk, teacher: TestClient) -> None:
        self.desk, self.teacher = desk, teacher
        self.account: str = teacher.get("/api/v1/sign-in").json()["account_id"]
        desk.always_on_roster(desk.ada)
        self.lesson = desk.lesson(RUNNING)
        self.other = desk.lesson(timedelta(hours=2))

    def name(self, lesson: str, **more: Any) -> int:
        body = {"account_id": self.account} | more
        path = f"/api/v1/lessons/{lesson}/substitute"
        return int(self.desk.office.put(path, json=body).status_code)

    def opens(self) -> list[int]:
        """Return how pages and API answer the teacher, for the lesson and for the other one."""
        line = f"/lessons/{{}}/people/{self.desk.ada}"
        paths = ("/lessons/{}", "/lessons/{}/live", line, "/lessons/{}/register.pdf")
        return [
            self.teacher.get(path.format(lesson)).status_code
            for lesson in (self.lesson, self.other)
            for path in (*paths, "/api/v1/lessons/{}/register")
        ]


@pytest.fixture
def stand_in(desk: OfficeDesk, sign_in: SignIn) -> StandIn:
    """The teacher."""
    return StandIn(desk, sign_in(Role.TEACHER))


def test_substitute_has_one_register_and_loses_it_again(stand_in: StandIn) -> None:
    assert stand_in.opens() == [403] * 10
    assert stand_in.name(stand_in.lesson) == 200
    assert stand_in.opens() == [200] * 5 + [403] * 5
    teacher, desk = stand_in.teacher, stand_in.desk
    assert f"/lessons/{stand_in.lesson}" in teacher.get("/").text
    week = teacher.get("/lessons").text
    assert (stand_in.lesson in week, stand_in.other in week) == (True, False)
    (listed,) = teacher.get("/api/v1/lessons").json()["lessons"]
    assert listed["id"] == stand_in.lesson
    line = f"/lessons/{{}}/people/{desk.ada}"
    codes = teacher.get("/api/v1/status-codes").json()
    present = {"code_id": next(one["id"] for one in codes if one["category"] == "present")}
    assert teacher.post(line.format(stand_in.lesson), data=present).is_redirect
    assert teacher.post(line.format(stand_in.other), data=present).status_code == 403
    path = f"/api/v1/lessons/{stand_in.lesson}/substitute"
    assert desk.office.get(path).json() == {"account_id": stand_in.account}
    assert desk.office.delete(path).status_code == 204
    assert stand_in.opens() == [403] * 10


def test_substitute_loses_the_register_two_weeks_after_the_lesson(
    stand_in: StandIn, database: Database
) -> None:
    teacher, lesson = stand_in.teacher, uuid.UUID(stand_in.lesson)
    assert stand_in.name(stand_in.lesson) == 200

    def ended(ago: timedelta) -> None:
        with database.transaction() as db:
            row = db.get_one(Lesson, lesson)
            row.ends_at = now() - ago
            row.starts_at = row.ends_at - timedelta(minutes=45)

    ended(SUBSTITUTE_KEEPS - timedelta(minutes=1))
    assert stand_in.opens() == [200] * 5 + [403] * 5
    assert teacher.get("/api/v1/lessons").json()["total"] == 1
    ended(SUBSTITUTE_KEEPS)
    assert stand_in.opens() == [403] * 10
    assert teacher.get("/api/v1/lessons").json()["total"] == 0
    with database.reading() as db:
        own = dict[str, Any](courses=[], substitute=uuid.UUID(stand_in.account))
        assert lesson_rows(db, **own) == []
        assert lesson_row_page(db, LessonFilter(**own), limit=1, offset=0) == ([], 0)


def test_page_names_the_substitute(stand_in: StandIn) -> None:
    office, path = stand_in.desk.office, f"/lessons/{stand_in.lesson}/substitute"
    assert path in office.get(f"/lessons/{stand_in.lesson}").text
    assert "Nobody: the teachers of the course" in office.get(path).text
    assert office.post(path, data={"account_id": "x"}).status_code == 400
    assert office.post(path, data={"account_id": stand_in.account}).is_redirect
    assert "Substitute: Teacher" in office.get(f"/lessons/{stand_in.lesson}").text
    assert office.post(path, data={"account_id": ""}).is_redirect
    assert "Substitute: Teacher" not in office.get(f"/lessons/{stand_in.lesson}").text


def test_who_may_stand_in(stand_in: StandIn, sign_in: SignIn) -> None:
    desk = stand_in.desk
    office_account = desk.office.get("/api/v1/sign-in").json()["account_id"]
    assert stand_in.name(stand_in.lesson, account_id=office_account) == 400
    assert stand_in.name(stand_in.lesson, account_id=str(uuid.UUID(int=1))) == 404
    desk.post(f"/lessons/{stand_in.other}/cancel", reason="Heating failed")
    assert stand_in.name(stand_in.other) == 409
    desk.post(f"/courses/{desk.course}/teachers", account_id=stand_in.account)
    assert stand_in.name(stand_in.lesson) == 409


def test_teacher_who_is_elsewhere_is_asked_about(stand_in: StandIn) -> None:
    desk = stand_in.desk
    there = {"course_id": desk.other_course, "room_id": desk.other_room}
    elsewhere = desk.lesson(RUNNING, **there)
    assert stand_in.name(elsewhere) == 200
    form = {"account_id": stand_in.account}
    asked = desk.office.post(f"/lessons/{stand_in.lesson}/substitute", data=form)
    assert (asked.status_code, "teaches ART-1 in R14" in asked.text) == (400, True)
    assert "Save anyway" in asked.text
    assert stand_in.name(stand_in.lesson, allow_double=True) == 200


def test_single_lesson_asks_about_the_substitute_and_not_about_who_is_replaced(
    stand_in: StandIn, database: Database
) -> None:
    desk = stand_in.desk
    with database.transaction() as db:
        owner = create_account(
            db,
            username="owner",
            display_name="Owner",
            role=Role.TEACHER,
            password=PASSWORD,
            actor="system",
        )
        owner_id = str(owner.id)
    chess = desk.post("/courses", code="CHESS", title="Chess")["id"]
    room = desk.post("/rooms", name="R16")["id"]
    for course, account in (
        (desk.course, owner_id),
        (desk.other_course, owner_id),
        (chess, stand_in.account),
    ):
        desk.post(f"/courses/{course}/teachers", account_id=account)
    assert stand_in.name(stand_in.other) == 200
    desk.lesson(timedelta(hours=2), course_id=desk.other_course, room_id=desk.other_room)
    times = {"starts_at": now() + timedelta(hours=2), "ends_at": now() + timedelta(hours=3)}
    body = {name: moment.isoformat() for name, moment in times.items()}
    answer = desk.office.post("/api/v1/lessons", json=body | {"course_id": chess, "room_id": room})
    assert answer.json()["error"]["code"] == "double_booking"


def test_substitute_takes_the_roll_at_the_kiosk(stand_in: StandIn, database: Database) -> None:
    kiosk_id = uuid.UUID(stand_in.desk.hang_kiosk())

    def staff() -> set[str]:
        with database.reading() as db:
            found = staff_at(db, db.get_one(Kiosk, kiosk_id), now())
            return {str(account.id) for account in found}

    assert stand_in.account not in staff()
    stand_in.name(stand_in.lesson)
    assert stand_in.account in staff()


def test_lesson_with_a_substitute_can_be_deleted(stand_in: StandIn) -> None:
    stand_in.name(stand_in.other)
    assert stand_in.desk.office.delete(f"/api/v1/lessons/{stand_in.other}").status_code == 204
