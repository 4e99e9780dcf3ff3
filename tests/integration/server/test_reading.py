"""Every GET of the API has an ETag, and every array is read in parts, each row once."""

import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.enrollment.tables import Enrolment, EnrolmentMove, EnrolmentStatus
from server.web.principal import Role
from server.web.scopes import ROUTE_SCOPES
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN
from tests.support.office_desk import OfficeDesk

#: Answers that say as of when, files, and what needs more than this small school.
LEFT_OUT = {"GET /api/v1/on-site", "GET /api/v1/people/{person_id}/attendance"} | {
    name
    for name in ROUTE_SCOPES
    if any(part in name for part in ("/exports/", "/reports/", ".pdf", "{kind}"))
    or any(
        part in name for part in ("{absence_id}", "{attachment_id}", "{import_id}", "{report_id}")
    )
}
#: The last two need no token scope.
READ = sorted(name for name in ROUTE_SCOPES if name.startswith("GET ") and name not in LEFT_OUT)
READ += ["GET /api/v1/accounts", "GET /api/v1/openapi.json"]


@pytest.fixture
def ids(desk: OfficeDesk) -> dict[str, str]:
    """One of everything that a path may name."""
    desk.office.post(f"/api/v1/people/{desk.ada}/consents", json=GIVEN)
    with desk.database.transaction() as db:
        enrolment = Enrolment(
            person_id=uuid.UUID(desk.ada),
            status=EnrolmentStatus.ACCEPTED,
            correlation_id="test",
            created_by="system",
        )
        move = EnrolmentMove(
            from_id=uuid.UUID(desk.ada),
            to_id=uuid.UUID(desk.ben),
            enrolments=[],
            used_since=now(),
            made_by="system",
            made_at=now(),
            asked_until=now(),
        )
        db.add_all([enrolment, move])
    return {
        "{move_id}": str(move.id),
        "{group_id}": desk.post("/groups", name="7B")["id"],
        "{person_id}": desk.ada,
        "{enrolment_id}": str(enrolment.id),
        "{course_id}": desk.course,
        "{room_id}": desk.room,
        "{kiosk_id}": desk.hang_kiosk(),
        "{lesson_id}": desk.lesson(timedelta(days=1)),
    }


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_get_is_named_and_not_sent_again_while_it_is_the_same(
    ids: dict[str, str], sign_in: SignIn
) -> None:
    admin = sign_in(Role.ADMIN)
    for name in READ:
        path = name.removeprefix("GET ")
        for place, value in ids.items():
            path = path.replace(place, value)
        first = admin.get(path)
        assert first.status_code == 200, (path, first.text)
        again = admin.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        assert again.headers["etag"] == first.headers["etag"]
        other = admin.get(path, headers={"If-None-Match": '"another"'})
        assert other.content == first.content, path


def test_an_answer_that_changed_is_sent_again(desk: OfficeDesk) -> None:
    path = f"/api/v1/people/{desk.ada}"
    etag = desk.office.get(path).headers["etag"]
    body = {"student_number": "S1", "given_name": "Ada", "family_name": "Byron"}
    desk.office.patch(path, json=body)
    answer = desk.office.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.json()["family_name"]) == (200, "Byron")


def test_reading_a_person_is_in_the_trail_also_where_nothing_changed(
    desk: OfficeDesk, database: Database
) -> None:
    path = f"/api/v1/people/{desk.ada}"
    etag = desk.office.get(path).headers["etag"]
    assert desk.office.get(path, headers={"If-None-Match": etag}).status_code == 304
    with database.reading() as db:
        views = db.exec(select(AuditEntry).where(AuditEntry.action == "person.view"))
        assert len(views.all()) == 2


def test_who_may_not_read_learns_nothing_from_an_etag(desk: OfficeDesk, sign_in: SignIn) -> None:
    etag = desk.office.get(f"/api/v1/people/{desk.ada}").headers["etag"]
    answer = sign_in(Role.TEACHER).get(
        f"/api/v1/people/{desk.ada}", headers={"If-None-Match": etag}
    )
    assert answer.status_code == 403


def walked(client: TestClient, path: str, limit: int) -> list[list[str]]:
    """Follow a list to its end; returns the ids of each part."""
    parts, here = [], f"{path}?limit={limit}"
    for _ in range(20):
        answer = client.get(here)
        assert answer.status_code == 200, answer.text
        parts.append([row["id"] for row in answer.json()])
        if "next" not in answer.links:
            break
        here = answer.links["next"]["url"]
    return parts


def test_an_array_is_whole_without_a_limit_and_cut_with_one(office: TestClient) -> None:
    for number in range(7):
        office.post("/api/v1/rooms", json={"name": f"R{number}"})
    whole = [row["id"] for row in office.get("/api/v1/rooms").json()]
    assert len(whole) == 7
    for limit, sizes in ((3, [3, 3, 1]), (7, [7]), (500, [7]), (1, [1] * 7)):
        parts = walked(office, "/api/v1/rooms", limit)
        assert [len(one) for one in parts] == sizes
        assert [row for part in parts for row in part] == whole


def test_a_cursor_is_of_one_list_and_names_a_row_that_is_there(
    desk: OfficeDesk, sign_in: SignIn, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    link = admin.get("/api/v1/accounts?limit=1").links["next"]["url"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    assert admin.get("/api/v1/rooms", params={"cursor": cursor}).status_code == 422
    assert admin.get("/api/v1/accounts", params={"cursor": "no cursor"}).status_code == 422
    assert admin.get("/api/v1/accounts?limit=0").status_code == 422
    with database.transaction() as db:
        for account in db.exec(select(Account).where(Account.username == "admin")):
            account.is_active = False  # it goes to the end of the list
    assert admin.get(link).json() == []
    assert desk.office.get("/api/v1/rooms", params={"limit": 1, "x": 2}).status_code == 422
