"""The quarantine for people and clients: who reads what, who decides, and what pages say."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from protocol.v1.fields import parse_message
from protocol.v1.messages import RawEvent, Status
from server.attendance.ingest import take_in
from server.attendance.tables import QuarantineTally
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.db.types import now
from server.kiosks.service import take_status
from server.kiosks.tables import Kiosk
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom

REASON = "The clock of the kiosk was wrong."


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    return sign_in(Role.ADMIN)


@pytest.fixture
def classroom(admin: TestClient, client: TestClient) -> Classroom:
    """A claimed kiosk and a person."""
    room = Classroom(admin)
    room.claim(client)
    return room


def deliver(database: Database, classroom: Classroom, *events: RawEvent) -> None:
    device = classroom.device
    with database.transaction() as db:
        take_in(db, [Delivery(device.kiosk_id, device.batch(list(events)))], now())


def before_claim(classroom: Classroom) -> RawEvent:
    at = now() - timedelta(days=2)
    return classroom.device.event(at, person_id=classroom.person)


def rows(client: TestClient, query: str = "") -> list[dict[str, object]]:
    answer = client.get(f"/api/v1/quarantine{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["events"]
    return found


def person_name(admin: TestClient, classroom: Classroom) -> str:
    name: str = admin.get(f"/api/v1/people/{classroom.person}").json()["display_name"]
    return name


def test_an_admin_accepts_on_the_page(
    admin: TestClient, database: Database, classroom: Classroom
) -> None:
    deliver(database, classroom, before_claim(classroom))
    assert "1 event from a kiosk waits for a decision." in admin.get("/").text
    assert f"/quarantine?kiosk={classroom.device.kiosk_id}" in kiosk_page(admin, classroom)
    listed = admin.get("/quarantine").text
    assert person_name(admin, classroom) in listed
    assert "Its time is before the kiosk was claimed." in listed
    (row,) = rows(admin)
    page = admin.get(f"/quarantine/{row['id']}").text
    assert "The event is recorded and counts" in page
    form = {"decision": "accepted", "reason": REASON}
    assert admin.post(f"/quarantine/{row['id']}", data=form).status_code == 303
    assert rows(admin) == []
    assert "No events to check" in admin.get("/quarantine").text
    decided = admin.get("/quarantine?decided=true").text
    assert "Accepted" in decided
    assert REASON in admin.get(f"/quarantine/{row['id']}").text
    again = admin.post(f"/quarantine/{row['id']}", data=form)
    assert (again.status_code, "already decided" in again.text) == (400, True)


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"decision": "discarded", "reason": " "}, "Give a reason of at least three letters."),
        ({"decision": "", "reason": REASON}, "Fill in every field."),
        ({"decision": "recorded", "reason": REASON}, "Fill in every field."),
    ],
)
def test_a_decision_needs_a_choice_and_a_reason(
    admin: TestClient,
    database: Database,
    classroom: Classroom,
    form: dict[str, str],
    problem: str,
) -> None:
    deliver(database, classroom, before_claim(classroom))
    (row,) = rows(admin)
    answer = admin.post(f"/quarantine/{row['id']}", data=form)
    assert (answer.status_code, len(rows(admin))) == (400, 1)
    assert problem in answer.text


def test_an_unreadable_event_can_only_be_discarded(
    admin: TestClient, database: Database, classroom: Classroom
) -> None:
    deliver(database, classroom, before_claim(classroom) | {"distance": 0.5})
    (row,) = rows(admin)
    assert row["may_be_accepted"] is False
    page = admin.get(f"/quarantine/{row['id']}").text
    assert "you can only discard it" in page
    assert 'value="accepted"' not in page
    refused = admin.post(
        f"/quarantine/{row['id']}", data={"decision": "accepted", "reason": REASON}
    )
    assert (refused.status_code, "can only be discarded" in refused.text) == (400, True)


def test_everything_of_a_kiosk_and_a_reason_is_accepted_together(
    admin: TestClient, database: Database, classroom: Classroom
) -> None:
    deliver(database, classroom, *(before_claim(classroom) for _ in range(3)))
    path = f"/quarantine/accept?kiosk={classroom.device.kiosk_id}&cause=before_claim"
    assert (
        path.replace("&", "&amp;") in admin.get("/quarantine").text
        or path in admin.get("/quarantine").text
    )
    assert admin.get(path).status_code == 200
    assert admin.post(path, data={"reason": ""}).status_code == 400
    assert admin.post(path, data={"reason": REASON}).status_code == 303
    assert rows(admin) == []


def test_clients_decide_too(admin: TestClient, database: Database, classroom: Classroom) -> None:
    deliver(database, classroom, *(before_claim(classroom) for _ in range(3)))
    first = rows(admin)[0]
    body = {"decision": "discarded", "reason": REASON}
    path = f"/api/v1/quarantine/{first['id']}/decision"
    assert admin.post(path, json=body).status_code == 204
    assert admin.post(path, json=body).status_code == 409
    bulk = {
        "kiosk_id": classroom.device.kiosk_id,
        "cause": "before_claim",
        "reason": REASON,
    }
    assert admin.post("/api/v1/quarantine/accept", json=bulk).json() == {"accepted": 2}
    (discarded,) = [row for row in rows(admin, "?decided=true") if row["decision"] == "discarded"]
    assert (discarded["id"], discarded["reason"]) == (first["id"], REASON)


@pytest.mark.parametrize(
    ("role", "sees_name"), [(Role.OFFICE, True), (Role.DPO, True), (Role.TECHNICIAN, False)]
)
def test_names_are_for_those_who_may_see_people(
    sign_in: SignIn,
    admin: TestClient,
    database: Database,
    classroom: Classroom,
    role: Role,
    sees_name: bool,
) -> None:
    deliver(database, classroom, before_claim(classroom))
    name, reader = person_name(admin, classroom), sign_in(role)
    (row,) = rows(reader)
    page, listed = reader.get(f"/quarantine/{row['id']}"), reader.get("/quarantine")
    assert ((name in page.text), (name in listed.text)) == (sees_name, sees_name)
    assert (row["person_id"] == str(classroom.person)) is sees_name
    assert "Only an administrator can accept or discard" in page.text
    form = {"decision": "accepted", "reason": REASON}
    assert reader.post(f"/quarantine/{row['id']}", data=form).status_code == 403
    assert len(rows(admin)) == 1


def test_a_full_quarantine_is_told_on_today_and_beside_the_events(
    admin: TestClient, database: Database, classroom: Classroom, sign_in: SignIn
) -> None:
    with database.transaction() as db:
        tally = QuarantineTally(kiosk_id=classroom.device.kiosk_id, dropped=41)
        tally.dropped_at = now() - timedelta(days=1)
        db.add(tally)
        kiosk = db.get(Kiosk, uuid.UUID(classroom.device.kiosk_id))
        assert kiosk is not None
        name = kiosk.name
    words = "41 messages without a valid signature were not kept."
    assert words in admin.get("/").text
    page = admin.get("/quarantine").text.split('id="full"')[1].split("</section>")[0]
    assert name in page
    assert ">41<" in page
    assert admin.get("/api/v1/quarantine").json()["dropped"] == 41
    own = {"kiosk": classroom.device.kiosk_id}
    assert admin.get("/api/v1/quarantine", params=own).json()["dropped"] == 41
    other = {"kiosk": str(uuid.uuid4())}
    assert admin.get("/api/v1/quarantine", params=other).json()["dropped"] == 0
    assert 'id="full"' not in admin.get("/quarantine?decided=true").text
    assert words not in sign_in(Role.TEACHER).get("/").text
    with database.transaction() as db:
        stored = db.get(QuarantineTally, classroom.device.kiosk_id)
        assert stored is not None
        stored.dropped_at = now() - timedelta(days=8)
        db.add(stored)
    assert words not in admin.get("/").text
    assert 'id="full"' in admin.get("/quarantine").text


def test_teachers_do_not_read_the_quarantine(sign_in: SignIn) -> None:
    teacher = sign_in(Role.TEACHER)
    assert teacher.get("/quarantine").status_code == 403
    assert teacher.get("/api/v1/quarantine").status_code == 403
    assert "/quarantine" not in teacher.get("/").text


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_every_time_a_kiosk_may_state_can_be_shown(
    admin: TestClient, database: Database, classroom: Classroom, year: int
) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC) if year < 9999 else datetime.max.replace(tzinfo=UTC)
    deliver(database, classroom, classroom.device.event(at, person_id=classroom.person))
    (row,) = rows(admin)
    for path in ("/", "/quarantine", f"/quarantine/{row['id']}", "/quarantine?decided=true"):
        assert admin.get(path).status_code == 200
        arabic = admin.get(path, headers={"Accept-Language": "ar"})
        assert arabic.status_code == 200


def kiosk_page(client: TestClient, classroom: Classroom) -> str:
    return client.get(f"/kiosks/{classroom.device.kiosk_id}").text


@pytest.mark.parametrize(
    ("source", "offset_ms", "words"),
    [
        ("server", 20 * 60_000, "Its clock is 20 minutes behind; its times are corrected."),
        ("rtc", -20 * 60_000.0, "Its clock is 20 minutes ahead; its times are corrected."),
        ("server", 56 * 365.25 * 86_400_000, "Its clock is 56 years behind"),
        ("rtc", None, "Battery-backed clock, never compared"),
        ("unsynced", None, "Its clock is not set"),
        ("ntp", 3.0, "Set over the network"),
    ],
)
def test_a_status_of_a_clock_that_is_off_is_taken_and_put_into_words(
    admin: TestClient,
    database: Database,
    classroom: Classroom,
    source: str,
    offset_ms: float | None,
    words: str,
) -> None:
    sent = Status(online=True, clock_source=source, clock_offset_ms=offset_ms).to_json()
    with database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(classroom.device.kiosk_id))
        take_status(db, kiosk, parse_message(Status, sent), now())
    page = kiosk_page(admin, classroom)
    assert words in page
    assert "Online" in page
