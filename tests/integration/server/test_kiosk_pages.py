"""Pages of one kiosk: rename, move, where it hung, and no longer waiting for it."""

import re
import uuid
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from kiosk.app.parts import parts_of
from kiosk.domain.health import CameraHealth, CameraMounting, Health
from protocol.v1.messages import Status
from server.db.types import now
from server.kiosks.service import take_status
from server.kiosks.tables import Kiosk
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_lesson_pages import problem
from tests.support.office_desk import OfficeDesk, day_in


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin."""
    return sign_in(Role.ADMIN)


@pytest.fixture
def kiosk(desk: OfficeDesk) -> str:
    """A kiosk that has hung in R12 for three days."""
    return desk.hang_kiosk(since=now() - timedelta(days=3))


def test_kiosk_is_renamed(sign_in: SignIn, kiosk: str) -> None:
    technician = sign_in(Role.TECHNICIAN)
    assert 'value="R12 door"' in technician.get(f"/kiosks/{kiosk}/rename").text
    answer = technician.post(f"/kiosks/{kiosk}/rename", data={"name": "Front door"})
    assert answer.headers["location"] == f"/kiosks/{kiosk}"
    assert "Front door" in technician.get(f"/kiosks/{kiosk}").text


@pytest.mark.parametrize(("name", "key"), [("Back door", "name_taken"), (" ", "incomplete")])
def test_wrong_name_is_explained_and_kept(
    desk: OfficeDesk, admin: TestClient, kiosk: str, name: str, key: str
) -> None:
    desk.hang_kiosk("Back door")
    answer = admin.post(f"/kiosks/{kiosk}/rename", data={"name": name})
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{name.strip()}"' in answer.text


def test_move_keeps_where_it_hung_before(desk: OfficeDesk, admin: TestClient, kiosk: str) -> None:
    lesson = desk.lesson(-timedelta(days=1))
    desk.always_on_roster(desk.ada)
    page = admin.get(f"/kiosks/{kiosk}/move").text
    assert "Registers of past lessons stay as they are." in page
    answer = admin.post(f"/kiosks/{kiosk}/move", data={"room_id": desk.other_room})
    assert answer.headers["location"] == f"/kiosks/{kiosk}"
    shown = admin.get(f"/kiosks/{kiosk}").text
    assert shown.index("<strong>R14</strong>") < shown.index("<strong>R12</strong>")
    assert [one["name"] for one in desk.register(lesson)["waiting_for"]] == ["R12 door"]


@pytest.mark.parametrize(
    ("room", "key"), [("room", "same_room"), ("", "incomplete"), ("nowhere", "no_room")]
)
def test_wrong_move_is_explained(
    desk: OfficeDesk, admin: TestClient, kiosk: str, room: str, key: str
) -> None:
    rooms = {"room": desk.room, "": "", "nowhere": "0" * 32}
    answer = admin.post(f"/kiosks/{kiosk}/move", data={"room_id": rooms[room]})
    assert (answer.status_code, problem(key) in answer.text) == (400, True)


def test_lessons_stop_waiting_for_the_kiosk(
    desk: OfficeDesk, admin: TestClient, kiosk: str
) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(days=1))
    assert desk.register(lesson)["rows"][0]["status"] == "pending"
    page = admin.get(f"/kiosks/{kiosk}/do-not-wait").text
    assert "Late records still correct the register." in page
    form = {"from_date": day_in(-2), "reason": "Its disk is broken"}
    assert admin.post(f"/kiosks/{kiosk}/do-not-wait", data=form).status_code == 303
    assert desk.register(lesson)["rows"][0]["status"] == "not_seen"
    shown = admin.get(f"/kiosks/{kiosk}").text
    assert "Its disk is broken" in shown
    assert "Admin" in shown


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"from_date": ""}, "date"),
        ({"from_date": "0001-01-01"}, "date"),
        ({"from_date": day_in(2)}, "future"),
        ({"reason": "x"}, "reason"),
    ],
)
def test_wrong_closure_is_explained_and_kept(
    admin: TestClient, kiosk: str, changed: dict[str, str], key: str
) -> None:
    form = {"from_date": day_in(-2), "reason": "Its disk is broken"} | changed
    answer = admin.post(f"/kiosks/{kiosk}/do-not-wait", data=form)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{form["reason"]}"' in answer.text


def test_nothing_waits_for_a_kiosk_that_was_never_claimed(
    desk: OfficeDesk, admin: TestClient
) -> None:
    body = {"name": "New", "room_id": desk.room}
    kiosk = admin.post("/api/v1/kiosks", json=body).json()["id"]
    form = {"from_date": day_in(-2), "reason": "Its disk is broken"}
    answer = admin.post(f"/kiosks/{kiosk}/do-not-wait", data=form)
    assert (answer.status_code, problem("never_claimed") in answer.text) == (400, True)
    shown = admin.get(f"/kiosks/{kiosk}").text
    assert "has not hung anywhere yet" in shown
    assert "do-not-wait" not in shown


def test_revoke_page_says_that_it_can_be_claimed_again(admin: TestClient, kiosk: str) -> None:
    page = admin.get(f"/kiosks/{kiosk}/revoke").text
    assert "You can claim it again with a new code." in page


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.DPO])
@pytest.mark.parametrize("action", ["rename", "move", "do-not-wait"])
def test_only_technicians_and_admins_change_kiosks(
    desk: OfficeDesk, sign_in: SignIn, kiosk: str, role: Role, action: str
) -> None:
    client = desk.office if role is Role.OFFICE else sign_in(role)
    assert client.get(f"/kiosks/{kiosk}/{action}").status_code == 403
    assert client.post(f"/kiosks/{kiosk}/{action}", data={}).status_code == 403


def test_technician_does_not_decide_whom_registers_wait_for(sign_in: SignIn, kiosk: str) -> None:
    technician = sign_in(Role.TECHNICIAN)
    assert technician.get(f"/kiosks/{kiosk}/do-not-wait").status_code == 403
    assert technician.post(f"/kiosks/{kiosk}/do-not-wait", data={}).status_code == 403
    assert "do-not-wait" not in technician.get(f"/kiosks/{kiosk}").text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_kiosk_page_shows_in_every_language(
    admin: TestClient, kiosk: str, language: str
) -> None:
    form = {"from_date": day_in(-2), "reason": "Its disk is broken"}
    admin.post(f"/kiosks/{kiosk}/do-not-wait", data=form)
    admin.cookies.set("rollcall_language", language)
    pages = ["", "/rename", "/move", "/do-not-wait", "/revoke"]
    assert {admin.get(f"/kiosks/{kiosk}{path}").status_code for path in pages} == {200}


def report(desk: OfficeDesk, kiosk: str, health: Health) -> None:
    """Keep what a kiosk in this state tells the server."""
    with desk.database.transaction() as db:
        row = db.get_one(Kiosk, uuid.UUID(kiosk))
        take_status(db, row, Status(online=True, parts=parts_of(health)), now())


def test_page_says_how_the_camera_hangs_and_what_to_do(
    desk: OfficeDesk, admin: TestClient, kiosk: str
) -> None:
    report(desk, kiosk, Health(camera=CameraHealth.OK, mounting=CameraMounting(180, 180)))
    page = admin.get(f"/kiosks/{kiosk}").text
    assert "The camera seems to be mounted upside down." in page
    assert "and choose 180°" in page
    assert "Needs attention" in admin.get("/kiosks").text
    report(desk, kiosk, Health(camera=CameraHealth.OK, mounting=CameraMounting(90, 270)))
    page = admin.get(f"/kiosks/{kiosk}").text
    assert "The camera seems to be turned on its side." in page
    report(desk, kiosk, Health(camera=CameraHealth.OK))
    assert "seems to be" not in admin.get(f"/kiosks/{kiosk}").text


def test_page_calls_nothing_working_that_is_refused_or_not_there(
    desk: OfficeDesk, admin: TestClient, kiosk: str
) -> None:
    report(desk, kiosk, Health(camera=CameraHealth.OK, refused=0))
    facts = device_facts(admin.get(f"/kiosks/{kiosk}").text)
    assert (facts["Accelerator"], facts["Camera"]) == ("None", "Works")
    assert not any("efused" in name for name in facts)
    report(desk, kiosk, Health(camera=CameraHealth.OK, refused=4))
    facts = device_facts(admin.get(f"/kiosks/{kiosk}").text)
    assert facts["Refused events on the kiosk"] == "4"


def device_facts(page: str) -> dict[str, str]:
    """Return the lines about the device, label and words, without markup."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {label: re.sub(r"<[^>]*>", "", words).strip() for label, words in pairs}
