"""The page of an error speaks the reader's language; the API keeps its English beside a code."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from server.web.pages import LANGUAGE_COOKIE
from server.web.principal import Role
from server.web.translations import translator
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

AR = translator("ar")


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """An admin who reads Arabic."""
    client = sign_in(Role.ADMIN)
    client.cookies.set(LANGUAGE_COOKIE, "ar")
    return client


def test_an_error_of_a_service_is_said_in_arabic(desk: OfficeDesk, admin: TestClient) -> None:
    kiosk = desk.hang_kiosk()
    assert admin.post(f"/kiosks/{kiosk}/revoke").status_code == 303
    page = admin.post(f"/kiosks/{kiosk}/revoke")
    assert page.status_code == 409
    assert AR("problems.revoked_already") in page.text
    assert "This kiosk" not in page.text
    error = admin.post(f"/api/v1/kiosks/{kiosk}/revoke").json()["error"]
    assert error["code"] == "conflict"
    assert error["message"] == "This kiosk is revoked already."
    assert error["details"] == {"problem": "revoked_already"}


def test_an_error_that_names_no_problem_has_the_words_of_its_code(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    teacher = sign_in(Role.TEACHER)
    teacher.cookies.set(LANGUAGE_COOKIE, "ar")
    page = teacher.get(f"/lessons/{desk.lesson(timedelta(days=1))}")
    assert page.status_code == 403
    assert AR("errors.foreign_course.text") in page.text
    assert "teach" not in page.text


def test_a_method_that_a_page_does_not_take_is_said_in_arabic(admin: TestClient) -> None:
    page = admin.put("/rooms")
    assert page.status_code == 405
    assert AR("errors.text") in page.text
    assert "Method Not Allowed" not in page.text
