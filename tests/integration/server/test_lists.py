"""Every list of the API and of the pages comes whole, in parts, each row once."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, get_args, get_origin

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

import server.attendance.past_pages
import server.attendance.quarantine_listing
import server.enrollment.people_pages
import server.kiosks.pages
import server.policies.pages
import server.timetable.course_pages
import server.timetable.pages
import server.web.today
from server.absences.tables import AbsenceReport
from server.app import ROUTERS
from server.attendance.tables import PastChange, QuarantinedEvent
from server.db.types import now
from server.kiosks.tables import LostSpan
from server.timetable.tables import Lesson
from server.web.list_schemas import ListPart
from server.web.paging import Pager, page_of, read_page
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, today

COUNT = 5
#: Lists that are answered whole: a school has only so many of these.
WHOLE = {
    "/api/v1/accounts",
    "/api/v1/absence-reasons",
    "/api/v1/absences/{absence_id}/attachments",  # at most ten
    "/api/v1/lessons/{lesson_id}/people/{person_id}/attachments",  # at most five
    "/api/v1/devices/bundles",  # at most 50
    "/api/v1/people/{person_id}/consents",
    "/api/v1/people/{person_id}/guardians",  # at most ten
    "/api/v1/enrolment-moves",
    "/api/v1/enrolment-moves/{move_id}/marks",  # at most 500
    "/api/v1/rooms",
    "/api/v1/courses",
    "/api/v1/courses/{course_id}/roster",
    "/api/v1/courses/{course_id}/teachers",
    "/api/v1/courses/{course_id}/class-exceptions",
    "/api/v1/terms",
    "/api/v1/holidays",
    "/api/v1/groups",
    "/api/v1/groups/{group_id}/courses",
    "/api/v1/groups/{group_id}/members",
    "/api/v1/policy/courses",
    "/api/v1/policy/rooms",
    "/api/v1/status-codes",
    "/api/v1/accuracy",
    "/api/v1/kiosks",
    "/api/v1/kiosks/{kiosk_id}/commissioning",  # at most 100
    "/api/v1/kiosks/{kiosk_id}/watermark-closures",
}


#: Lists with a cursor whose parts are read in the tests of their own package.
READ_ELSEWHERE = {
    "/api/v1/imports",
    "/api/v1/imports/{import_id}/report",
    "/api/v1/patterns",
    "/api/v1/recognitions",
    "/api/v1/reports/at-risk",
    "/api/v1/reports/attendance",
    "/api/v1/reports/prepared",
    "/api/v1/reports/registers-not-taken",
}


def _people(desk: OfficeDesk) -> str:
    for number in range(COUNT - 2):  # beside two of the desk
        desk.post("/people", student_number=f"N{number}", given_name="Ada", family_name="Lovelace")
    return "/api/v1/people"


def _lessons(desk: OfficeDesk) -> str:
    """Lessons that run, so that they are on the pages of today and of this week."""
    for number in range(COUNT):
        starts_at = now() - timedelta(minutes=1 + number // 2)
        _add(
            desk,
            Lesson(
                course_id=uuid.UUID(desk.course),
                room_id=uuid.UUID(desk.room),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=45),
                time_zone="Europe/Berlin",
            ),
        )
    return "/api/v1/lessons"


def _past_changes(desk: OfficeDesk) -> str:
    at = now()
    for number in range(COUNT):
        document = {"kind": "policy", "lesson_ids": [str(uuid.uuid4())], "policy_version": 1}
        _add(
            desk,
            PastChange(
                kind="policy",
                document=document,
                lines_changed=0,
                reason="A test of lists.",
                made_by="system",
                made_at=at - timedelta(days=number // 2),
            ),
        )
    return "/api/v1/past-changes"


def _quarantine(desk: OfficeDesk) -> str:
    for number in range(COUNT):
        body = b"%d" % number
        _add(
            desk,
            QuarantinedEvent(kiosk_id="nobody", reason="form", body_hash=body, body=body.decode()),
        )
    return "/api/v1/quarantine"


def _lost_events(desk: OfficeDesk) -> str:
    kiosk_id = desk.hang_kiosk()
    for number in range(1, COUNT + 1):
        _add(
            desk,
            LostSpan(
                kiosk_id=uuid.UUID(kiosk_id),
                first=number,
                last=number,
                missing=1,
                from_at=now(),
                through_at=now(),
                reason="disk",
                noted_at=now() - timedelta(days=number // 2),
                closed_at=now() if number % 2 else None,
            ),
        )
    return f"/api/v1/kiosks/{kiosk_id}/lost-events"


def _absences(desk: OfficeDesk) -> str:
    reason: str = desk.office.get("/api/v1/absence-reasons").json()[0]["id"]
    for number in range(COUNT):
        _add(
            desk,
            AbsenceReport(
                person_id=uuid.UUID(desk.ada),
                first_day=today(),
                last_day=today(),
                is_excused=True,
                reason_id=uuid.UUID(reason),
                note="",
                reported_by="",
                entered_by="system",
                entered_at=now() - timedelta(days=number // 2),
            ),
        )
    return "/api/v1/absences"


def _add(desk: OfficeDesk, row: Any) -> None:
    with desk.database.transaction() as db:
        db.add(row)


#: How a list gets rows, and its address.
MAKERS: dict[str, Callable[[OfficeDesk], str]] = {
    "/api/v1/people": _people,
    "/api/v1/lessons": _lessons,
    "/api/v1/absences": _absences,
    "/api/v1/past-changes": _past_changes,
    "/api/v1/quarantine": _quarantine,
    "/api/v1/kiosks/{kiosk_id}/lost-events": _lost_events,
}


def _routes() -> Iterator[tuple[str, Any]]:
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                yield route.path, route.response_model


def _is_part(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, ListPart)


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    (rows,) = (value for value in body.values() if isinstance(value, list))
    return rows


def _walk(client: TestClient, path: str, limit: int) -> list[list[str]]:
    parts: list[list[str]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        answer = client.get(path, params={"limit": str(limit)} | cursor)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["total"] == COUNT
        parts.append([row["id"] for row in _rows(body)])
        cursor = {"cursor": body["next_cursor"]} if body["next_cursor"] else None
    return parts


def test_every_list_of_the_api_has_a_cursor_or_is_known_to_be_whole() -> None:
    lists = {path for path, model in _routes() if get_origin(model) is list and get_args(model)}
    assert lists == WHOLE
    parts = {path for path, model in _routes() if _is_part(model)}
    assert parts == set(MAKERS) | READ_ELSEWHERE


@pytest.mark.parametrize("name", MAKERS)
def test_a_list_comes_whole_and_refuses_other_cursors(desk: OfficeDesk, name: str) -> None:
    path = MAKERS[name](desk)
    (whole,) = _walk(desk.office, path, 500)
    assert len(set(whole)) == COUNT
    for limit in (1, 2, COUNT - 1, COUNT):
        parts = _walk(desk.office, path, limit)
        assert [one for part in parts for one in part] == whole
        assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
    _refuses_hostile_cursors(desk.office, path)


def _refuses_hostile_cursors(office: TestClient, path: str) -> None:
    cursor = office.get(path, params={"limit": 1}).json()["next_cursor"]
    other = "/api/v1/lessons" if path == "/api/v1/people" else "/api/v1/people"
    hostile = ["", "x", "\0", "\u0661", "../..", "A" * 4096, cursor[:-2], cursor.swapcase()]
    answers = [office.get(path, params={"cursor": text}) for text in hostile]
    answers.append(office.get(other, params={"cursor": cursor}))
    assert {(one.status_code, one.json()["error"]["code"]) for one in answers} == {
        (422, "invalid_cursor")
    }
    assert "Ask for the list from its start." in answers[0].text
    assert office.get(path, params={"cursor": "A" * 4097}).status_code == 422


def test_the_list_of_people_goes_on_after_a_search_in_the_body(desk: OfficeDesk) -> None:
    _people(desk)
    asked: dict[str, Any] = {"q": "lovelace", "limit": 3}
    first = desk.office.post("/api/v1/people/search", json=asked).json()
    asked["cursor"] = first["next_cursor"]
    second = desk.office.post("/api/v1/people/search", json=asked).json()
    assert (first["total"], len(first["people"]), len(second["people"])) == (4, 3, 1)
    assert second["next_cursor"] is None
    assert desk.office.get("/api/v1/people?q=%27").json()["total"] == 0


#: Where a page's size stands, for every page that shows a list of these.
SIZES = [
    (server.attendance.quarantine_listing, "PAGE"),
    (server.attendance.past_pages, "_PAGE"),
    (server.enrollment.people_pages, "_PAGE"),
    (server.kiosks.pages, "_LOST_SPANS"),
    (server.policies.pages, "_VERSIONS"),
    (server.timetable.course_pages, "_PAGE"),
    (server.timetable.pages, "_PAGE"),
    (server.web.today, "_PAGE"),
]


def test_pages_link_to_each_other(
    desk: OfficeDesk, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in SIZES:
        monkeypatch.setattr(module, name, 2)
    admin = sign_in(Role.ADMIN)
    made = {name: make(desk) for name, make in MAKERS.items()}
    _policies(admin)
    for number in range(COUNT - 2):  # beside two of the desk
        desk.post("/courses", code=f"C{number}", title="Chemistry")
    lost = made["/api/v1/kiosks/{kiosk_id}/lost-events"].removeprefix("/api/v1")
    for path, name in (
        ("/", "page"),
        ("/lessons", "page"),
        ("/courses", "page"),
        ("/past-changes", "page"),
        ("/quarantine", "page"),
        ("/people", "page"),
        ("/policy", "history"),
        (lost.removesuffix("/lost-events"), "lost_page"),
    ):
        shown = [admin.get(path, params={name: page}).text for page in (1, 2, 3, 99)]
        ranges = [re.findall(r"<bdi>(\d+)–(\d+) of (\d+)</bdi>", text) for text in shown]
        assert ranges == [[("1", "2", "5")], [("3", "4", "5")]] + [[("5", "5", "5")]] * 2, path
        assert f"{name}=2" in shown[0] or path == "/people"
    found = admin.post("/people", data={"q": "lovelace", "page": "2"}).text
    assert "3–4 of 4" in found
    assert '<button class="button small quiet" name="page" value="1"' in found


def _policies(admin: TestClient) -> None:
    policy = admin.get("/api/v1/policy").json()
    for minutes in range(1, COUNT + 1):
        policy["attendance"]["late_after_min"] = minutes
        answer = admin.put("/api/v1/policy", json=policy)
        assert answer.status_code == 200, answer.text
        policy = answer.json()


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        (1, [1, 2, None, 20]),
        (2, [1, 2, 3, None, 20]),
        (10, [1, None, 9, 10, 11, None, 20]),
        (20, [1, None, 19, 20]),
        (99, [1, None, 19, 20]),
    ],
)
def test_a_page_links_to_its_neighbours_and_both_ends(page: int, numbers: list[int | None]) -> None:
    rows = list(range(195))
    pager = page_of(rows, page, 10)
    assert pager.numbers == numbers
    assert pager == read_page(
        lambda limit, offset: (rows[offset : offset + limit], len(rows)), page, 10
    )
    assert (rows[pager.first - 1], rows[pager.last - 1]) == (pager.rows[0], pager.rows[-1])


def test_an_empty_list_is_one_page() -> None:
    pager: Pager[int] = page_of([], 3, 10)
    assert (pager.pages, pager.page, pager.numbers) == (1, 1, [1])
