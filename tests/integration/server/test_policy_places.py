"""Pages and API of a room's and a course's policy, and the preview on last week's registers."""

import re
import uuid

import pytest
from starlette.testclient import TestClient

from server.policies import forms, own_forms
from server.policies.scopes import Scope
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_past_pages import lesson as lesson
from tests.integration.server.test_past_pages import shown_lines
from tests.support.office_desk import OfficeDesk

#: The SQL behind the pages runs on both databases in tests/integration/school.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin."""
    return sign_in(Role.ADMIN)


def words(page: str) -> str:
    """Return what a page says, without its elements."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def settings(answer: dict[str, object]) -> dict[str, tuple[object, str]]:
    found: list[dict[str, str]] = answer["settings"]  # type: ignore[assignment]
    return {one["name"]: (one["value"], one["source"]) for one in found}


def test_a_program_reads_what_holds_and_where_it_comes_from(
    desk: OfficeDesk, admin: TestClient
) -> None:
    room, course = f"/api/v1/policy/rooms/{desk.room}", f"/api/v1/policy/courses/{desk.course}"
    attendance: dict[str, object] = {"late_after_min": 9, "opens_before_min": 30}
    own = {"attendance": attendance, "kiosk": {"liveness": "active", "fallbacks": ["pin"]}}
    put = admin.put(room, json=own)
    assert (put.status_code, put.json()["version"], put.json()["own"]) == (200, 1, own)
    admin.put(course, json={"attendance": {"late_after_min": 2}})
    both = {"room_id": desk.room, "course_id": desk.course}
    found = settings(desk.office.get("/api/v1/policy/effective", params=both).json())
    assert len(found) == len(forms.SETTINGS)
    assert found["late_after_min"] == (2, "course")
    assert found["opens_before_min"] == (30, "room")
    assert found["liveness"] == ("active", "room")
    assert found["absent_grace_min"] == (10, "school")
    alone = settings(desk.office.get(course).json())
    assert (alone["late_after_min"], alone["opens_before_min"]) == ((2, "course"), (15, "school"))
    listed = [one["id"] for path in ("rooms", "courses") for one in _listed(desk, path)]
    assert listed == [desk.room, desk.course]
    assert settings(admin.delete(room).json())["liveness"] == ("when_unsure", "school")
    assert _listed(desk, "rooms") == []


def _listed(desk: OfficeDesk, path: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = desk.office.get(f"/api/v1/policy/{path}").json()
    return found


REFUSED: list[tuple[object, int]] = [
    ({"kiosk": {"gallery": "school"}}, 400),
    ({"attendance": {"late_after_min": 999}}, 422),
    ({"attendance": {"late": 1}}, 422),
    ({"recognition": {"roster_fpir": 0.01}}, 422),
    ({"version": 7, "attendance": {"late_after_min": 9}}, 409),
    ([], 422),
]


def test_a_program_is_refused_what_a_room_may_not_have(desk: OfficeDesk, admin: TestClient) -> None:
    path = f"/api/v1/policy/rooms/{desk.room}"
    statuses = [admin.put(path, json=body).status_code for body, _status in REFUSED]
    assert statuses == [status for _body, status in REFUSED]
    assert admin.get("/api/v1/policy").json()["version"] == 0


def test_kiosk_settings_are_no_courses_and_unknown_places_are_not_found(
    desk: OfficeDesk, admin: TestClient
) -> None:
    body = {"kiosk": {"liveness": "off"}}
    assert admin.put(f"/api/v1/policy/courses/{desk.course}", json=body).status_code == 400
    nowhere = uuid.UUID(int=5)
    for path in ("rooms", "courses"):
        assert admin.put(f"/api/v1/policy/{path}/{nowhere}", json={}).status_code == 404
        assert admin.get(f"/policy/{path}/{nowhere}").status_code == 404
    assert admin.get(f"/policy/place?place=room:{desk.room}").headers["location"] == (
        f"/policy/rooms/{desk.room}"
    )
    assert admin.get("/policy/place?place=school").status_code == 422
    assert desk.office.put(f"/api/v1/policy/rooms/{desk.room}", json={}).status_code == 403


def test_only_what_is_marked_as_own_is_saved(desk: OfficeDesk, admin: TestClient) -> None:
    path = f"/policy/rooms/{desk.room}"
    form = {"version": "0", "own": ["late_after_min", "fallbacks"], "late_after_min": "9"}
    sent = form | {"fallbacks": ["", "pin"], "absent_grace_min": "99", "liveness": "off"}
    assert admin.post(path, data=sent).status_code == 303
    own = admin.get(f"/api/v1{path}").json()["own"]
    assert own == {"attendance": {"late_after_min": 9}, "kiosk": {"fallbacks": ["pin"]}}
    said = words(admin.get(path).text)
    assert "Late 9 minutes after the start This room" in said
    assert "Absent at the earliest 10 minutes after the end School" in said
    assert "Late: as the school → 9 minutes after the start" in said
    overview = words(admin.get("/policy").text)
    assert "R12 Room Late · Check-in without a face" in overview
    assert admin.post(path, data={"version": "1", "own": ""}).status_code == 303
    assert admin.get(f"/api/v1{path}").json()["own"] == {}
    assert "There are none" in words(admin.get("/policy").text)


def test_a_course_says_in_which_rooms_another_value_holds(
    desk: OfficeDesk, admin: TestClient, lesson: str
) -> None:
    del lesson
    admin.put(f"/api/v1/policy/rooms/{desk.room}", json={"attendance": {"late_after_min": 9}})
    said = words(admin.get(f"/policy/courses/{desk.course}").text)
    assert "Late 5 minutes after the start School In R12: 9 minutes after the start" in said


def test_what_cannot_be_is_named_and_nothing_is_saved(desk: OfficeDesk, admin: TestClient) -> None:
    path = f"/policy/rooms/{desk.room}"
    answer = admin.post(path, data={"own": "late_after_min", "late_after_min": "many"})
    assert answer.status_code == 400
    assert "from 0 to 240" in answer.text
    assert 'value="many"' in answer.text
    assert admin.post(path, data={"own": "gallery", "gallery": "school"}).status_code == 422
    assert admin.post(path, data={"banana": "1"}).status_code == 422
    assert admin.get("/api/v1/policy").json()["version"] == 0


def test_two_admins_meet_only_in_the_same_room(desk: OfficeDesk, admin: TestClient) -> None:
    room, course = f"/policy/rooms/{desk.room}", f"/policy/courses/{desk.course}"
    own = {"own": "late_after_min", "late_after_min": "9", "version": "0"}
    assert admin.post(room, data=own).status_code == 303
    assert admin.post(course, data=own).status_code == 303
    school = {"version": "0", "late_after_min": "6"}
    assert admin.post("/policy", data=school).status_code == 303
    overtaken = admin.post(room, data=own | {"late_after_min": "8"})
    assert overtaken.status_code == 400
    assert "Another person changed these settings" in overtaken.text
    assert 'value="8"' in overtaken.text


@pytest.mark.parametrize("path", ["", "/rooms/{room}", "/courses/{course}"])
def test_the_preview_lists_last_weeks_lines_and_keeps_nothing(
    desk: OfficeDesk, admin: TestClient, lesson: str, path: str
) -> None:
    base = "/policy" + path.format(room=desk.room, course=desk.course)
    values = {"own": "late_after_min"} if path else {}
    before = desk.register(lesson)
    page = admin.post(f"{base}/preview", data=values | {"late_after_min": "1"})
    assert page.status_code == 200
    assert "Lines that would be different: 1" in words(page.text)
    assert shown_lines(page.text) == [("AL", "Ada Lovelace", "Present", "→", "becomes", "Late")]
    part = admin.post(
        f"{base}/preview", data=values | {"late_after_min": "4"}, headers={"HX-Request": "true"}
    )
    assert "<html" not in part.text
    assert "No register of the last 7 days" in part.text
    touched = admin.post(f"{base}/preview", data={"own": ""} if path else {})
    assert "touch no lesson of the last 7 days" in touched.text
    wrong = admin.post(f"{base}/preview", data=values | {"late_after_min": "many"})
    assert "Some values cannot be used" in wrong.text
    assert desk.register(lesson) == before
    assert admin.get("/api/v1/policy").json()["version"] == 0


def test_the_preview_can_be_saved_from_its_page(
    desk: OfficeDesk, admin: TestClient, lesson: str
) -> None:
    del lesson
    base = f"/policy/rooms/{desk.room}"
    own = {"own": ["late_after_min", "direction"], "late_after_min": "1", "direction": "ask"}
    page = admin.post(f"{base}/preview", data=own | {"version": "0"}).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert admin.post(base, data=hidden).status_code == 303
    assert admin.get(f"/api/v1{base}").json()["own"] == {
        "attendance": {"late_after_min": 1, "direction": "ask"}
    }


def test_data_protection_reads_and_may_not_change(desk: OfficeDesk, sign_in: SignIn) -> None:
    officer = sign_in(Role.DPO)
    for path in (f"/policy/rooms/{desk.room}", f"/policy/courses/{desk.course}"):
        page = officer.get(path)
        assert page.status_code == 200
        assert 'name="own" value="late_after_min"' not in page.text
        assert officer.post(path, data={"own": ""}).status_code == 403
        assert officer.post(f"{path}/preview", data={"own": ""}).status_code == 403


def test_every_setting_and_word_is_there_in_arabic(desk: OfficeDesk, admin: TestClient) -> None:
    admin.cookies.set("rollcall_language", "ar")
    body = {"kiosk": {"liveness": "active"}, "attendance": {"late_after_min": 3}}
    admin.put(f"/api/v1/policy/rooms/{desk.room}", json=body)
    for scope, path in (
        (Scope.ROOM, f"rooms/{desk.room}"),
        (Scope.COURSE, f"courses/{desk.course}"),
    ):
        page = admin.get(f"/policy/{path}").text
        assert "policies." not in page
        boxes = re.findall(r'name="own" value="(\w+)"', page)
        assert boxes == [one.name for one in own_forms.settings_of(scope)]
