"""Decide about a register: taps, several lines at once, undo, remarks, confirmation."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.attendance.codes.schemas import CodeCreate
from server.attendance.codes.service import create_code
from server.attendance.decisions.remarks import REMARKS_KEPT, expire_remarks
from server.attendance.tables import CorrectionBatch, LineRemark
from server.db.engine import Database
from server.db.types import now
from server.timetable.tables import Lesson
from server.web.principal import Role
from server.web.translations import translator
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in

words = translator("en")


class Room:
    """A running lesson of three students who were not seen."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk, self.office = desk, desk.office
        cara = desk.post("/people", student_number="S3", given_name="Cara", family_name="Diaz")
        self.cara: str = cara["id"]
        self.people = (desk.ada, desk.ben, self.cara)
        for person in self.people:
            desk.always_on_roster(person)
        self.lesson = desk.lesson(-timedelta(minutes=5))
        self.codes = desk.codes()

    def read(self) -> dict[str, Any]:
        return self.desk.register(self.lesson)

    def rows(self) -> dict[str, dict[str, Any]]:
        return {one["person_id"]: one for one in self.read()["rows"]}

    def statuses(self) -> list[str]:
        rows = self.rows()
        return [rows[person]["status"] for person in self.people]

    def page(self, path: str = "", client: TestClient | None = None) -> str:
        answer = (client or self.office).get(f"/lessons/{self.lesson}{path}")
        assert answer.status_code == 200
        return answer.text

    def send(self, path: str, **data: Any) -> int:
        return self.office.post(f"/lessons/{self.lesson}{path}", data=data).status_code

    def api(self, path: str, **body: Any) -> Any:
        return self.office.post(f"/api/v1/lessons/{self.lesson}{path}", json=body)

    def tap(self, person: str, seen: str, category: str, *, htmx: bool = True) -> Any:
        value = f"{person} {seen} {self.codes[category]}"
        headers = {"HX-Request": "true"} if htmx else {}
        path = f"/lessons/{self.lesson}/tap"
        return self.office.post(path, data={"tap": value}, headers=headers)


@pytest.fixture
def room(desk: OfficeDesk) -> Room:
    return Room(desk)


def test_a_tap_changes_one_line_and_offers_the_next_code(room: Room) -> None:
    ada, present = room.desk.ada, room.codes["present"]
    assert f'value="{ada} expected {present}"' in room.page()
    answer = room.tap(ada, "expected", "present")
    assert answer.text.count("<tr") == 1
    assert f'value="{ada} {present} {room.codes["absent"]}"' in answer.text
    assert "<strong>1</strong>" in answer.text  # the count above
    assert room.statuses() == ["present", "expected", "expected"]


@pytest.mark.parametrize("htmx", [True, False])
def test_a_second_tap_on_what_the_line_no_longer_says_is_refused(room: Room, htmx: bool) -> None:
    room.tap(room.desk.ada, "expected", "present")
    answer = room.tap(room.desk.ada, "expected", "absent", htmx=htmx)
    assert words("problems.stale") in answer.text
    assert room.statuses()[0] == "present"
    room.tap(room.desk.ada, room.codes["present"], "absent", htmx=htmx)
    assert room.statuses()[0] == "absent"


NOBODY = uuid.UUID(int=4)


@pytest.mark.parametrize("value", ["", "x", "x y z", f"{NOBODY} expected {NOBODY}"])
def test_a_tap_that_cannot_be_read_changes_nothing(room: Room, value: str) -> None:
    answer = room.office.post(f"/lessons/{room.lesson}/tap", data={"tap": value})
    assert answer.status_code == 400
    assert room.statuses() == ["expected"] * 3


def test_a_code_that_needs_a_reason_is_refused_without_one(room: Room) -> None:
    body = {"person_id": room.desk.ada, "code_id": room.codes["excused"]}
    assert room.api("/corrections", **body).status_code == 400
    assert room.api("/corrections", **body, reason="Ill").status_code == 201
    assert room.rows()[room.desk.ada]["is_corrected"]


def test_everyone_left_leaves_alone_who_has_a_status_and_undo_puts_all_back(room: Room) -> None:
    room.tap(room.desk.ada, "expected", "absent")
    before = room.rows()
    assert room.send("/everyone-left", code_id=room.codes["present"]) == 303
    assert room.statuses() == ["absent", "present", "present"]
    assert "2 students are now Present." in room.page()
    assert room.send("/everyone-left", code_id=room.codes["present"]) == 400  # nobody is left
    batch = room.page().split('name="batch_id" value="')[1][:36]
    assert room.send("/undo", batch_id=batch) == 303
    assert room.rows() == before
    assert room.send("/undo", batch_id=batch) == 400


def test_undo_keeps_what_was_changed_meanwhile(room: Room) -> None:
    batch = room.api("/corrections/everyone-left", status="present").json()
    room.tap(room.desk.ben, room.codes["present"], "late")
    assert room.api(f"/corrections/{batch['id']}/undo").json()["lines"] == 2
    assert room.statuses() == ["expected", "late", "expected"]


def test_actions_are_undone_one_after_the_other(room: Room) -> None:
    room.tap(room.desk.ada, "expected", "late")
    before = room.rows()
    first = room.api("/corrections/everyone-left", status="present").json()
    lines = [{"person_id": person} for person in room.people]
    second = room.api("/corrections/bulk", lines=lines, status="absent").json()
    assert room.api(f"/corrections/{second['id']}/undo").json()["lines"] == 3
    assert room.statuses() == ["late", "present", "present"]
    assert room.api(f"/corrections/{first['id']}/undo").json()["lines"] == 2
    assert room.rows() == before


def test_an_undo_is_refused_after_the_confirmation_and_after_an_hour(
    room: Room, database: Database
) -> None:
    old = room.api("/corrections/everyone-left", status="present").json()
    with database.transaction() as db:
        db.get_one(CorrectionBatch, uuid.UUID(old["id"])).made_at -= timedelta(minutes=61)
    refused = room.api(f"/corrections/{old['id']}/undo")
    assert (refused.status_code, room.statuses()) == (409, ["present"] * 3)
    lines = [{"person_id": person} for person in room.people]
    new = room.api("/corrections/bulk", lines=lines, status="late").json()
    assert room.api("/confirmation", not_seen=[]).status_code == 201
    page = room.office.post(f"/lessons/{room.lesson}/undo", data={"batch_id": new["id"]})
    assert words("problems.undo_confirmed") in page.text
    assert room.statuses() == ["late"] * 3


def test_several_lines_get_one_code_and_one_reason_or_none_of_them_do(room: Room) -> None:
    lines = [f"{person} expected" for person in room.people]
    form = {"line": lines, "code_id": room.codes["excused"]}
    assert room.send("/several", **form) == 400  # no reason
    assert room.send("/several", **form | {"line": []}, reason="School trip") == 400
    room.tap(room.desk.ada, "expected", "present")
    assert room.send("/several", **form, reason="School trip") == 400  # one has changed
    assert room.statuses() == ["present", "expected", "expected"]
    assert room.send("/several", **form | {"line": lines[1:]}, reason="School trip") == 303
    assert room.statuses() == ["present", "excused", "excused"]
    page = room.page(f"/people/{room.cara}")
    assert "School trip" in page
    assert "checked" in room.page("/several?pick=all")


def test_a_code_that_counts_as_attended_counts(room: Room) -> None:
    admin = {"name": "Trip", "letter": "T", "category": "excused", "colour": "blue"}
    code = _add_code(room, **admin, is_attended=True, needs_reason=False)
    body = {"person_id": room.desk.ada, "code_id": code}
    assert room.api("/corrections", **body).status_code == 201
    register = room.read()
    assert (register["attended"], register["counts"]["excused"]) == (1, 1)


def test_not_seen_becomes_absent_only_by_a_confirmation_that_named_them(
    room: Room, database: Database
) -> None:
    for person in room.people[:2]:
        room.tap(person, "expected", "present")
    page = room.page("/confirm")
    assert "Cara Diaz" in page
    assert "Ada Lovelace" not in page
    assert room.api("/confirmation", not_seen=[]).status_code == 409
    assert room.statuses()[2] == "expected"
    assert room.send("/confirm", not_seen=room.cara) == 303
    register = room.read()
    assert room.statuses() == ["present", "present", "absent"]
    assert register["confirmation"]["changed"] == []
    assert "Confirmed by Office." in room.page()
    room.tap(room.cara, room.codes["absent"], "late")
    assert room.read()["confirmation"]["changed"] == [room.cara]
    assert "Changed since then:" in room.page()


def test_a_second_tap_on_confirm_returns_the_first_confirmation(
    room: Room, sign_in: SignIn
) -> None:
    named = list(room.people)
    first = room.api("/confirmation", not_seen=named)
    room.office = sign_in(Role.ADMIN)
    again = room.api("/confirmation", not_seen=named)
    assert (first.status_code, again.json()) == (201, first.json())
    assert room.send("/confirm", not_seen=" ".join(named)) == 303
    room.tap(room.cara, room.codes["absent"], "late")
    assert room.api("/confirmation", not_seen=named).status_code == 409
    assert room.api("/confirmation", not_seen=[]).json()["made_at"] > first.json()["made_at"]


def test_who_was_excused_or_corrected_is_absent_once_that_is_taken_back(room: Room) -> None:
    for person, category in zip(room.people, ("present", "late"), strict=False):
        room.tap(person, "expected", category)
    reason = room.office.get("/api/v1/absence-reasons").json()[0]["id"]
    days = {"first_day": day_in(-1), "last_day": day_in(1)}
    absence = room.desk.post("/absences", person_id=room.cara, reason_id=reason, **days)
    assert room.statuses()[2] == "excused"
    assert room.api("/confirmation", not_seen=[]).status_code == 201
    assert room.statuses() == ["present", "late", "excused"]
    assert room.send(f"/people/{room.desk.ada}/take-back") == 303
    room.desk.post(f"/absences/{absence['id']}/withdraw", reason="Wrong student")
    assert room.statuses() == ["absent", "late", "absent"]
    assert set(room.read()["confirmation"]["changed"]) == {room.desk.ada, room.cara}


def test_a_register_is_not_confirmed_before_check_in(room: Room) -> None:
    lesson = room.desk.lesson(timedelta(days=1))
    data = {"not_seen": " ".join(room.people)}
    answer = room.office.post(f"/lessons/{lesson}/confirm", data=data)
    assert (answer.status_code, words("problems.too_early") in answer.text) == (400, True)


def test_before_check_in_students_can_only_be_excused(room: Room) -> None:
    room.lesson = room.desk.lesson(timedelta(days=1))
    ada = room.desk.ada
    assert room.api("/corrections/everyone-left", status="absent").status_code == 409
    for status in ("present", "late", "absent", "left_early"):
        body = {"status": status, "reason": "Not there"}
        assert room.api("/corrections", person_id=ada, **body).status_code == 409
        lines = [{"person_id": one} for one in room.people]
        assert room.api("/corrections/bulk", lines=lines, **body).status_code == 409
    assert words("problems.not_begun") in room.tap(ada, "expected", "absent").text
    assert room.statuses() == ["expected"] * 3
    page = room.page()
    assert ('name="tap"' in page, "/everyone-left" in page) == (False, False)
    absent = f'value="{room.codes["absent"]}"'
    for path in ("/several", f"/people/{ada}"):
        assert absent not in room.page(path)
    assert room.api("/corrections", person_id=ada, status="excused", reason="Ill").is_success
    assert room.statuses() == ["excused", "expected", "expected"]


def test_a_remark_shows_until_it_is_emptied(room: Room) -> None:
    path = f"/people/{room.desk.ben}/remark"
    assert room.send(path, text="Left his bag <here>") == 303
    assert "Left his bag &lt;here&gt;" in room.page()
    assert room.rows()[room.desk.ben]["remark"] == "Left his bag <here>"
    room.send(path, text="")
    assert "Left his bag" not in room.page()


def test_taking_a_correction_back_lets_events_count_again(room: Room) -> None:
    before = room.rows()
    room.tap(room.desk.ada, "expected", "present")
    assert room.send(f"/people/{room.desk.ada}/take-back") == 303
    assert room.rows() == before
    assert "Correction taken back" in room.page(f"/people/{room.desk.ada}")


_CALLS: list[Callable[[Room], tuple[str, str, dict[str, Any]]]] = [
    lambda room: ("POST", "/tap", {"tap": f"{room.cara} expected {room.codes['present']}"}),
    lambda room: ("POST", "/everyone-left", {"code_id": room.codes["present"]}),
    lambda room: ("POST", "/undo", {"batch_id": str(uuid.uuid4())}),
    lambda room: ("POST", "/several", {"line": f"{room.cara} expected"}),
    lambda room: ("POST", "/confirm", {"not_seen": room.cara}),
    lambda room: ("POST", f"/people/{room.cara}", {"code_id": room.codes["present"]}),
    lambda room: ("POST", f"/people/{room.cara}/remark", {"text": "x"}),
    lambda room: ("POST", f"/people/{room.cara}/take-back", {}),
    lambda room: ("GET", f"/people/{room.cara}/menu", {}),
    lambda room: ("GET", "/several", {}),
    lambda room: ("GET", "/confirm", {}),
]


def test_a_teacher_of_another_course_is_refused_everywhere(room: Room, sign_in: SignIn) -> None:
    teacher = sign_in(Role.TEACHER)
    answers = [
        teacher.request(method, f"/lessons/{room.lesson}{path}", data=data).status_code
        for method, path, data in (call(room) for call in _CALLS)
    ]
    assert answers == [403] * len(_CALLS)
    api = f"/api/v1/lessons/{room.lesson}"
    bodies: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/corrections", {"person_id": room.cara, "status": "present"}),
        ("POST", "/corrections/bulk", {"lines": [{"person_id": room.cara}], "status": "late"}),
        ("POST", "/corrections/everyone-left", {"status": "present"}),
        ("POST", "/confirmation", {"not_seen": []}),
        ("PUT", f"/remarks/{room.cara}", {"text": "x"}),
    ]
    answers = [
        teacher.request(how, api + path, json=body).status_code for how, path, body in bodies
    ]
    assert answers == [403] * len(bodies)
    assert room.statuses() == ["expected"] * 3


def test_a_cancelled_lesson_takes_no_decision(room: Room) -> None:
    room.office.post(f"/lessons/{room.lesson}/cancel", data={"reason": "Heating failed"})
    assert room.send("/everyone-left", code_id=room.codes["present"]) == 400
    assert room.send("/confirm", not_seen=" ".join(room.people)) == 400
    assert "row-more" not in room.page()


def test_decisions_keep_the_lesson_from_being_deleted(room: Room, database: Database) -> None:
    room.send(f"/people/{room.desk.ben}/remark", text="Left his bag")
    assert room.office.delete(f"/api/v1/lessons/{room.lesson}").status_code == 409
    with database.reading() as db:
        assert db.get(Lesson, uuid.UUID(room.lesson)) is not None


def _add_code(room: Room, **fields: Any) -> str:
    """Add a code as an administrator would."""
    with room.desk.database.transaction() as db:
        return str(create_code(db, CodeCreate(**fields), actor="system").id)


def test_nothing_is_written_about_a_student_whose_data_was_erased(
    room: Room, sign_in: SignIn
) -> None:
    """The student stays in the register of today; see `server.attendance.erasure`."""
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/api/v1/people/{room.cara}/erase", json={"reason": "left"}).is_success
    word = {"status": "absent", "reason": "Cara is on holiday"}
    lines = [{"person_id": one} for one in room.people]
    refused = [
        room.api("/corrections", person_id=room.cara, **word),
        room.api("/corrections/bulk", lines=lines, **word),
        room.office.put(
            f"/api/v1/lessons/{room.lesson}/remarks/{room.cara}", json={"text": "Cara is ill"}
        ),
    ]
    problems = [one.json()["error"]["details"]["problem"] for one in refused]
    assert problems == ["erased"] * 3
    assert room.api("/corrections/everyone-left", **word).is_success
    assert room.statuses() == ["absent", "absent", "expected"]


def test_remarks_are_deleted_a_year_after_they_were_written(room: Room, database: Database) -> None:
    path = f"/api/v1/lessons/{room.lesson}/remarks/{room.cara}"
    assert room.office.put(path, json={"text": "Forgot her book"}).is_success
    written = now().date()
    with database.transaction() as db:
        assert expire_remarks(db, written + REMARKS_KEPT) == 0
        assert expire_remarks(db, written + REMARKS_KEPT + timedelta(days=1)) == 1
        assert db.exec(select(LineRemark)).all() == []
