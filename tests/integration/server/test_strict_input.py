"""A key or filter that nobody knows is refused by name, by API and by page."""

from starlette.testclient import TestClient

from server.web.principal import Role
from tests.integration.server.conftest import SignIn


def unknown_fields(body: dict[str, object]) -> list[str]:
    error = body["error"]
    assert isinstance(error, dict)
    assert error["code"] == "malformed"
    return [one["field"] for one in error["details"]["fields"]]


def test_unknown_key_of_a_body_is_refused_by_name(office: TestClient) -> None:
    room = office.post("/api/v1/rooms", json={"name": "R1", "nmae": "R2"})
    assert room.status_code == 422
    assert unknown_fields(room.json()) == ["body.nmae"]
    assert office.get("/api/v1/rooms").json() == []


def test_unknown_field_of_a_form_is_refused(office: TestClient) -> None:
    assert office.post("/rooms", data={"name": "R1", "nmae": "R2"}).status_code == 422
    assert office.get("/api/v1/rooms").json() == []


def test_unknown_setting_of_the_policy_form_is_refused(sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    assert admin.post("/policy", data={"banana": "1"}).status_code == 422


def test_misspelt_filter_does_not_return_everything(office: TestClient) -> None:
    answer = office.get("/api/v1/lessons", params={"romo_id": "R1"})
    assert answer.status_code == 422
    assert unknown_fields(answer.json()) == ["query.romo_id"]


def test_filters_of_a_dependency_are_known(sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    assert admin.get("/api/v1/quarantine", params={"decided": "true"}).status_code == 200
    assert admin.get("/api/v1/quarantine", params={"decide": "true"}).status_code == 422


def test_stranger_learns_nothing_about_filters(client: TestClient) -> None:
    assert client.get("/api/v1/lessons", params={"romo_id": "R1"}).status_code == 401
