"""Where admins and data protection read how many marks were taken back with "Not me"."""

import pytest
from starlette.testclient import TestClient

from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.db.types import now
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom


def test_the_page_and_the_api_say_how_many_marks_were_taken_back(
    sign_in: SignIn, client: TestClient, database: Database
) -> None:
    classroom = Classroom(sign_in(Role.ADMIN))
    classroom.claim(client)
    officer = sign_in(Role.DPO)
    assert "No face was marked in the last 90 days" in officer.get("/accuracy").text
    marks = classroom.device.events(40, now(), person_id=classroom.person)
    objection = classroom.device.event(now(), kind="not_me", refers_to=marks[3]["id"])
    payload = classroom.device.batch([*marks, objection])
    with database.transaction() as db:
        take_in(db, [Delivery(classroom.device.kiosk_id, payload)], now())

    answer = officer.get("/api/v1/accuracy/false-matches").json()

    assert (answer["days"], answer["marks"], answer["taken_back"]) == (90, 40, 1)
    assert answer["share"] == 0.025
    assert answer["interval"] == pytest.approx([0.0044, 0.1288], abs=1e-4)
    page = officer.get("/accuracy").text
    assert "In the last 90 days students rejected 1 of 40 marks with “Not me” (2.5 %)." in page
    assert "95 % interval: 0.4 % to 12.9 %." in page
    arabic = officer.get("/accuracy", headers={"Accept-Language": "ar"}).text
    assert "لست أنا" in arabic


def test_the_part_that_refreshes_itself_counts_no_marks(sign_in: SignIn) -> None:
    page = sign_in(Role.DPO).get("/accuracy", headers={"HX-Request": "true"})
    assert "Not me" not in page.text


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.TECHNICIAN])
def test_others_do_not_read_how_many_marks_were_taken_back(sign_in: SignIn, role: Role) -> None:
    assert sign_in(role).get("/api/v1/accuracy/false-matches").status_code == 403
