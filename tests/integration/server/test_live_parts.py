"""Parts of pages that ask for themselves: the same answer is not sent to the same reader twice."""

import pytest
from starlette.testclient import TestClient

from server.web.principal import Role
from tests.integration.server.conftest import SignIn

pytestmark = pytest.mark.integration
_HTMX = {"HX-Request": "true"}


@pytest.fixture
def database_kind() -> str:
    """Run these on SQLite alone: what they test does not differ between databases."""
    return "sqlite"


def _etag(client: TestClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=_HTMX | headers)
    assert answer.status_code == 200
    return answer.headers["etag"]


@pytest.mark.parametrize("path", ["/", "/kiosks", "/jobs", "/accuracy"])
def test_the_same_answer_is_sent_once(path: str, sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)

    again = admin.get(path, headers=_HTMX | {"If-None-Match": _etag(admin, path)})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-store"
    assert "content-security-policy" in again.headers
    other = admin.get(path, headers=_HTMX | {"If-None-Match": '"of-another"'})
    assert (other.status_code, other.headers["etag"]) == (200, again.headers["etag"])


def test_another_reader_language_or_content_has_another_name(sign_in: SignIn) -> None:
    admin, technician = sign_in(Role.ADMIN), sign_in(Role.TECHNICIAN)
    room = admin.post("/api/v1/rooms", json={"name": "R1"}).json()["id"]
    names = [
        _etag(admin, "/kiosks"),
        _etag(technician, "/kiosks"),
        _etag(admin, "/kiosks", **{"Accept-Language": "ar"}),
    ]

    admin.post("/api/v1/kiosks", json={"name": "R1 door", "room_id": room})
    names.append(_etag(admin, "/kiosks"))

    assert len(set(names)) == 4
    known = _HTMX | {"If-None-Match": ", ".join(names[:3])}
    assert admin.get("/kiosks", headers=known).status_code == 200


def test_whole_pages_and_refusals_have_no_name(sign_in: SignIn) -> None:
    admin, teacher = sign_in(Role.ADMIN), sign_in(Role.TEACHER)
    everything = {"If-None-Match": "*"}

    assert "etag" not in admin.get("/kiosks", headers=everything).headers
    assert admin.get("/kiosks", headers=everything).status_code == 200
    assert teacher.get("/kiosks", headers=_HTMX | everything).status_code == 403
