"""Timetable, kiosks and register over HTTP: who may do what, and what devices get."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.fields import MAX_MESSAGE_BYTES, parse_message
from protocol.v1.messages import Ack, ClaimResponse, ConfigDocument, GalleryPage
from protocol.v1.signing import public_key
from protocol.v1.statements import verify_ack
from server.audit.tables import AuditEntry
from server.db.types import now
from server.kiosks.guesses import ClaimGuesses
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.server.conftest import SignIn
from tests.support.services import replace_services

JSON = {"Content-Type": "application/json"}
OUTCOMES = ("stored", "repeated", "refused")


class Classroom:
    """One room, course and running lesson, made over the API, with a kiosk to claim."""

    def __init__(self, admin: TestClient) -> None:
        self.admin = admin
        self.room = self.post("/rooms", name="R12")["id"]
        self.course = self.post("/courses", code="BIO-9", title="Biology")["id"]
        at = now()
        self.lesson = self.post(
            "/lessons",
            course_id=self.course,
            room_id=self.room,
            starts_at=(at - timedelta(minutes=3)).isoformat(),
            ends_at=(at + timedelta(minutes=40)).isoformat(),
        )["id"]
        self.person = self.post(
            "/people", student_number="S1", given_name="Zoë", family_name="Kern"
        )["id"]
        self.post(f"/courses/{self.course}/roster", person_id=self.person)
        self.kiosk = self.post("/kiosks", name="R12 door", room_id=self.room)
        self.device = SimulatedKiosk(kiosk_id=self.kiosk["id"])

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.admin.post(f"/api/v1{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        result: dict[str, Any] = answer.json()
        return result

    def claim(self, client: TestClient) -> ClaimResponse:
        request = self.device.claim_request(self.kiosk["claim_code"])
        answer = client.post("/api/v1/devices/claim", content=request.to_json(), headers=JSON)
        assert answer.status_code == 200, answer.text
        claimed = parse_message(ClaimResponse, answer.content)
        self.server_key = public_key(claimed.server_key)
        return claimed

    def register(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.admin.get(f"/api/v1/lessons/{self.lesson}/register").json()
        return answer


@pytest.fixture
def classroom(sign_in: SignIn) -> Classroom:
    return Classroom(sign_in(Role.ADMIN))


@pytest.fixture
def device(app: FastAPI, classroom: Classroom) -> TestClient:
    """A client that carries the device token of the claimed kiosk, and no cookie."""
    client = TestClient(app)
    token = classroom.claim(client).device_token
    client.headers["Authorization"] = f"Device {token}"
    return client


def test_event_over_http_becomes_a_line_of_the_register(
    classroom: Classroom, device: TestClient
) -> None:
    assert classroom.register()["rows"][0]["status"] == "expected"
    event = classroom.device.event(now(), person_id=classroom.person, lesson_id=classroom.lesson)
    answer = device.post("/api/v1/sync/events", content=classroom.device.batch([event]))
    ack = parse_message(Ack, answer.content)
    verify_ack(ack, classroom.server_key)
    assert ack.stored_through == 1
    (row,) = classroom.register()["rows"]
    assert (row["status"], row["display_name"], row["method"]) == ("present", "Zoë Kern", "face")
    assert classroom.register()["counts"]["present"] == 1


def test_correction_by_a_teacher_counts(classroom: Classroom, sign_in: SignIn) -> None:
    teacher = sign_in(Role.TEACHER)
    account_id = teacher.get("/api/v1/sign-in").json()["account_id"]
    classroom.post(f"/courses/{classroom.course}/teachers", account_id=account_id)
    path = f"/api/v1/lessons/{classroom.lesson}/corrections"
    body = {"person_id": classroom.person, "status": "excused", "reason": "note from home"}
    assert teacher.post(path, json=body).status_code == 201
    assert classroom.register()["rows"][0]["status"] == "excused"
    assert teacher.post(path, json=body | {"reason": " "}).status_code == 400
    assert teacher.post(path, json=body | {"status": "pending"}).status_code == 422


def test_configuration_is_sent_once_per_version(classroom: Classroom, device: TestClient) -> None:
    first = device.get("/api/v1/sync/config")
    document = parse_message(ConfigDocument, first.content)
    assert [entry.id for entry in document.lessons] == [classroom.lesson]
    assert [person.display_name for person in document.people] == ["Zoë K."]
    assert document.school.time_zone == "Europe/Berlin"
    etag = first.headers["etag"]
    again = device.get("/api/v1/sync/config", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    classroom.post("/people", student_number="S2", given_name="New", family_name="Person")
    assert device.get("/api/v1/sync/config", headers={"If-None-Match": etag}).status_code == 304


def test_gallery_of_nobody_enrolled_is_complete_and_empty(device: TestClient) -> None:
    page = parse_message(GalleryPage, device.get("/api/v1/sync/gallery?since=0").content)
    assert (page.upserts, page.complete) == ((), True)


@pytest.mark.parametrize("query", ["since=-1", "since=x", "limit=0", "limit=100000"])
def test_gallery_refuses_numbers_that_make_no_sense(device: TestClient, query: str) -> None:
    assert device.get(f"/api/v1/sync/gallery?{query}").status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "gallery"), ("GET", "config"), ("POST", "events"), ("POST", "erasures")],
)
@pytest.mark.parametrize(
    "header", ["", "Device ", "Device wrong", "Bearer x", "Device " + "x" * 999]
)
def test_device_api_wants_a_device_token(
    app: FastAPI, classroom: Classroom, method: str, path: str, header: str
) -> None:
    headers = {"Authorization": header} if header else {}
    answer = TestClient(app).request(method, f"/api/v1/sync/{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unknown_device"


def test_device_token_opens_nothing_but_the_device_api(device: TestClient) -> None:
    assert device.get("/api/v1/kiosks").status_code == 401
    assert device.get("/api/v1/people").status_code == 401


def test_revoked_kiosk_is_refused_and_stays_listed(
    classroom: Classroom, device: TestClient
) -> None:
    classroom.post(f"/kiosks/{classroom.kiosk['id']}/revoke")
    assert device.get("/api/v1/sync/config").status_code == 401
    (listed,) = classroom.admin.get("/api/v1/kiosks").json()
    assert listed["state"] == "revoked"


def test_wrong_claims_slow_their_address_down_and_keep_no_right_one_out(
    app: FastAPI, classroom: Classroom
) -> None:
    replace_services(app, claim_guesses=ClaimGuesses(per_address=3))
    client, device = TestClient(app), SimulatedKiosk()

    def claim(code: str) -> int:
        body = device.claim_request(code).to_json()
        return client.post("/api/v1/devices/claim", content=body, headers=JSON).status_code

    assert [claim(f"0000000{number}") for number in range(5)] == [403] * 3 + [429] * 2
    kiosk_id = classroom.kiosk["id"]
    code = classroom.post(f"/kiosks/{kiosk_id}/claim-codes")["claim_code"]
    assert claim(code) == 200
    with services_of(app).database.reading() as db:
        refusals = select(AuditEntry).where(AuditEntry.action == "kiosk.claim_refused")
        assert len(db.exec(refusals).all()) == 1  # however many came in that minute


def test_events_over_http_are_counted(classroom: Classroom, device: TestClient) -> None:
    def counted() -> dict[str, float]:
        return {outcome: intake_count(outcome, "http") for outcome in OUTCOMES}

    before, over_mqtt = counted(), intake_count("stored", "mqtt")
    event = classroom.device.event(now(), person_id=classroom.person, lesson_id=classroom.lesson)
    batch = classroom.device.batch([event])
    device.post("/api/v1/sync/events", content=batch)
    device.post("/api/v1/sync/events", content=batch)
    device.post("/api/v1/sync/events", content=b"no batch at all")

    assert [counted()[one] - before[one] for one in OUTCOMES] == [1, 1, 1]
    assert intake_count("stored", "mqtt") == over_mqtt
    metrics = classroom.admin.get("/metrics").text
    assert 'rollcall_ingest_events_total{outcome="stored",transport="http"}' in metrics


def intake_count(outcome: str, transport: str) -> float:
    labels = {"outcome": outcome, "transport": transport}
    return REGISTRY.get_sample_value("rollcall_ingest_events_total", labels) or 0.0


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"claim_code": "short"}'])
def test_claim_that_is_none_is_malformed(app: FastAPI, body: bytes) -> None:
    assert (
        TestClient(app).post("/api/v1/devices/claim", content=body, headers=JSON).status_code == 422
    )


def test_body_over_the_limit_is_not_read_to_its_end(device: TestClient) -> None:
    answer = device.post("/api/v1/sync/events", content=bytes(MAX_MESSAGE_BYTES + 1))
    assert answer.status_code == 413


def test_erasure_is_taken_and_audited(classroom: Classroom, device: TestClient) -> None:
    erasure = classroom.device.erasure(classroom.person, now())
    assert (
        device.post("/api/v1/sync/erasures", content=erasure.to_json(), headers=JSON).status_code
        == 204
    )
    forged = SimulatedKiosk(kiosk_id=classroom.kiosk["id"]).erasure(classroom.person, now())
    assert (
        device.post("/api/v1/sync/erasures", content=forged.to_json(), headers=JSON).status_code
        == 403
    )


@pytest.mark.parametrize(
    ("role", "path", "body", "status"),
    [
        (Role.TEACHER, "/rooms", {"name": "R1"}, 403),
        (Role.TECHNICIAN, "/courses", {"code": "A", "title": "B"}, 403),
        (Role.OFFICE, "/rooms", {"name": "R1"}, 201),
        (Role.OFFICE, "/rooms", {"name": "  "}, 422),
        (Role.OFFICE, "/rooms", {"name": "R12"}, 409),
        (Role.OFFICE, "/kiosks", {"name": "K", "room_id": "0" * 32}, 403),
        (Role.TECHNICIAN, "/kiosks", {"name": "K", "room_id": "0" * 32}, 404),
        (Role.DPO, "/rooms", {"name": "R1"}, 403),
    ],
)
def test_roles_decide_who_may_change_what(
    classroom: Classroom, sign_in: SignIn, role: Role, path: str, body: Any, status: int
) -> None:
    assert sign_in(role).post(f"/api/v1{path}", json=body).status_code == status


def test_policy_is_versioned_and_reaches_the_kiosk(
    classroom: Classroom, device: TestClient
) -> None:
    policy = classroom.admin.get("/api/v1/policy").json()
    policy["attendance"]["late_after_min"] = 1
    assert classroom.admin.put("/api/v1/policy", json=policy).json()["version"] == 1
    document = parse_message(ConfigDocument, device.get("/api/v1/sync/config").content)
    assert (document.policy.version, document.policy.attendance.late_after_min) == (1, 1)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_shows_in_every_language(classroom: Classroom, language: str) -> None:
    kiosk, course = classroom.kiosk["id"], classroom.course
    lesson, person = classroom.lesson, classroom.person
    pages = [
        "/", "/lessons", "/lessons/new", f"/lessons/{lesson}", f"/lessons/{lesson}/live",
        f"/lessons/{lesson}/people/{person}", "/rooms", "/courses", f"/courses/{course}",
        "/kiosks", "/kiosks/new", f"/kiosks/{kiosk}", f"/kiosks/{kiosk}/revoke",
    ]  # fmt: skip
    headers = {"Accept-Language": language}
    statuses = {page: classroom.admin.get(page, headers=headers).status_code for page in pages}
    assert set(statuses.values()) == {200}, statuses


def test_forms_lead_from_a_room_to_a_kiosk_with_its_code(classroom: Classroom) -> None:
    admin = classroom.admin
    assert admin.post("/rooms", data={"name": "R14"}).status_code == 303
    assert admin.post("/rooms", data={"name": "R14"}).status_code == 400
    course = admin.post("/courses", data={"code": "ART", "title": "Art"})
    assert course.status_code == 303
    roster = f"{course.headers['location']}/roster"
    assert admin.post(roster, data={"person_id": classroom.person}).status_code == 303
    assert admin.post(roster, data={"person_id": "nobody"}).status_code == 400
    room = admin.get("/api/v1/rooms").json()[1]["id"]
    shown = admin.post("/kiosks/new", data={"name": "R14 door", "room_id": room})
    assert shown.status_code == 201
    assert "claim-code" in shown.text
    times = {"day": "2027-01-11", "starts": "08:00", "ends": "08:45"}
    ids = {"course_id": course.headers["location"].rsplit("/", 1)[1], "room_id": room}
    assert admin.post("/lessons/new", data=times | ids).status_code == 303
    assert admin.post("/lessons/new", data=times | ids).status_code == 400
    assert admin.post("/lessons/new", data=times).status_code == 400


def test_live_register_says_nothing_where_nothing_changed(
    classroom: Classroom, device: TestClient
) -> None:
    path = f"/lessons/{classroom.lesson}/live"
    shown = classroom.admin.get(path).text.split("shown=")[1].split('"')[0]
    assert classroom.admin.get(f"{path}?shown={shown}").status_code == 204
    event = classroom.device.event(now(), person_id=classroom.person, lesson_id=classroom.lesson)
    device.post("/api/v1/sync/events", content=classroom.device.batch([event]))
    changed = classroom.admin.get(f"{path}?shown={shown}")
    assert changed.status_code == 200
    assert "is-present" in changed.text
