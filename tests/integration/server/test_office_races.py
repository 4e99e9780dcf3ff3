"""Two people change the same list at the same moment, on PostgreSQL: none gets an error page."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.absences import attachments
from server.attendance.codes import service as codes
from server.line_files import service as line_files
from server.school import service as school
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_absences import absence
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.documents import tiny_pdf
from tests.support.office_desk import OfficeDesk

__all__ = ["race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
SCHOOL = {"name": "Lindenhof School", "timezone": "Asia/Tokyo", "language": "ar"}


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    return sign_in(Role.ADMIN)


def test_two_may_name_a_new_school_at_once(
    admin: TestClient, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, school, "ensure_keys")
    answers = race.run(
        lambda: admin.put("/api/v1/school", json=SCHOOL),
        lambda: admin.put("/api/v1/school", json=SCHOOL | {"name": "Another School"}),
    )
    assert answers == {"first": 200, "second": 200}


def test_two_may_change_the_reasons_at_once(
    admin: TestClient, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, codes, "record")

    def change(*texts: str) -> Any:
        return admin.put("/api/v1/status-codes/reasons", json={"reasons": texts})

    answers = race.run(lambda: change("Bus", "Ill"), lambda: change("Ill", "Dentist"))
    assert answers == {"first": 200, "second": 200}
    assert admin.get("/api/v1/status-codes/reasons").json()["reasons"] == ["Ill", "Dentist"]


def test_a_name_of_a_code_is_given_once(
    admin: TestClient, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, codes, "codes_of")
    body: dict[str, Any] = {"name": "Ill", "letter": "I", "category": "excused", "colour": "grey"}
    body |= {"is_attended": False, "needs_reason": True}

    def add() -> Any:
        return admin.post("/api/v1/status-codes", json=body)

    assert race.run(add, add) == {"first": 201, "second": 409}


def test_a_file_is_deleted_once(
    desk: OfficeDesk, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.post("/absences", **absence(desk))["id"]
    files = {"file": ("note.pdf", tiny_pdf(), "application/pdf")}
    page = f"/api/v1/absences/{made}/attachments"
    assert desk.office.post(page, files=files).is_success
    (file,) = desk.office.get(page).json()
    pause(monkeypatch, race, attachments, "_attachment")

    def delete() -> Any:
        return desk.office.delete(f"{page}/{file['id']}")

    assert race.run(delete, delete) == {"first": 204, "second": 404}


def test_two_files_at_the_same_moment_do_not_exceed_what_a_line_may_have(
    desk: OfficeDesk, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(minutes=5))
    page = f"/api/v1/lessons/{lesson}/people/{desk.ada}/attachments"
    monkeypatch.setattr(line_files, "MOST_FILES", 1)
    pause(monkeypatch, race, line_files, "files_of")

    def add() -> Any:
        return desk.office.post(page, files={"file": tiny_pdf()})

    assert race.run(add, add) == {"first": 201, "second": 409}
