"""The on-site list in the app: who is on it, who may see it, and what it costs."""

import uuid
from datetime import UTC, datetime, time, timedelta

import pytest

from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.db.types import new_id, now
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_page_statements import counted
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN


@pytest.fixture
def school_day(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Ten in the morning at the school, whatever the hour of the run."""
    moment = datetime.combine(today(), time(10), tzinfo=BERLIN).astimezone(UTC)
    for module in ("on_site.pages", "on_site.api", "attendance.decisions.corrections"):
        monkeypatch.setattr(f"server.{module}.now", lambda: moment)
    return moment


def see(database: Database, kiosk: str, person: str, at: datetime, **fields: object) -> uuid.UUID:
    """Store an event of a kiosk."""
    values: dict[str, object] = {
        "kind": "seen",
        "method": "face",
        "person_id": uuid.UUID(person),
        "received_at": at,
        "body": "{}",
    }
    event = StoredEvent(
        kiosk_id=uuid.UUID(kiosk),
        id=new_id(),
        seq=None,
        occurred_at=at,
        counted_at=at,
        clock_source="ntp",
        hash="",
        **(values | fields),  # type: ignore[arg-type]
    )
    with database.transaction() as db:
        db.add(event)
    return event.id


def places(desk: OfficeDesk) -> dict[str, str]:
    people = desk.office.get("/api/v1/on-site").json()["people"]
    return {one["display_name"]: one["place"] for one in people}


def test_the_list_follows_sightings_corrections_and_reports(
    desk: OfficeDesk, database: Database, school_day: datetime
) -> None:
    kiosk = desk.hang_kiosk()
    for person in (desk.ada, desk.ben):
        desk.always_on_roster(person)
    lesson = desk.lesson(school_day - timedelta(minutes=30) - now())
    assert set(places(desk).values()) == {"not_seen"}
    see(database, kiosk, desk.ada, school_day - timedelta(minutes=20))
    see(database, kiosk, desk.ada, school_day - timedelta(days=1), direction="out")
    assert places(desk) == {"Ada Lovelace": "on_site", "Ben Okafor": "not_seen"}
    see(database, kiosk, desk.ada, school_day - timedelta(minutes=9), direction="out")
    assert places(desk)["Ada Lovelace"] == "checked_out"
    see(database, kiosk, desk.ada, school_day - timedelta(minutes=5))
    assert places(desk)["Ada Lovelace"] == "on_site"
    reason = desk.office.get("/api/v1/absence-reasons").json()[0]["id"]
    days = {"first_day": day_in(0), "last_day": day_in(0)}
    desk.post("/absences", person_id=desk.ben, reason_id=reason, past_lines="change", **days)
    assert "Ben Okafor" not in places(desk)
    found = desk.office.get("/api/v1/on-site").json()
    assert found["reported_absent"] == 1
    assert [one["name"] for one in found["silent_kiosks"]] == ["R12 door"]
    body = {"person_id": desk.ben, "status": "late", "reason": "Came after all"}
    desk.post(f"/lessons/{lesson}/corrections", **body)
    assert places(desk)["Ben Okafor"] == "on_site"


def test_a_mark_before_the_lesson_begins_is_no_later_sighting(
    desk: OfficeDesk, database: Database, school_day: datetime
) -> None:
    kiosk = desk.hang_kiosk()
    for person in (desk.ada, desk.ben):
        desk.always_on_roster(person)
    lesson = desk.lesson(school_day + timedelta(minutes=5) - now())
    for person in (desk.ada, desk.ben):
        body = {"person_id": person, "status": "present", "reason": "Here early"}
        desk.post(f"/lessons/{lesson}/corrections", **body)
    see(database, kiosk, desk.ben, school_day + timedelta(minutes=1), direction="out")
    people = desk.office.get("/api/v1/on-site").json()["people"]
    seen = {one["display_name"]: (one["place"], one["last_seen_at"]) for one in people}
    assert datetime.fromisoformat(seen["Ada Lovelace"][1]) == school_day
    assert seen["Ben Okafor"][0] == "checked_out"


def test_what_was_taken_back_does_not_count(
    desk: OfficeDesk, database: Database, school_day: datetime
) -> None:
    kiosk = desk.hang_kiosk()
    wrong = see(database, kiosk, desk.ada, school_day - timedelta(minutes=2))
    assert places(desk) == {"Ada Lovelace": "on_site"}  # without any lesson
    see(database, kiosk, desk.ada, school_day, kind="not_me", refers_to=wrong, person_id=None)
    assert places(desk) == {}
    assert "Nobody was seen today" in desk.office.get("/on-site").text


def test_teachers_see_the_whole_school_and_nobody_sees_reasons(
    desk: OfficeDesk, database: Database, sign_in: SignIn, school_day: datetime
) -> None:
    see(database, desk.hang_kiosk(), desk.ada, school_day - timedelta(minutes=2))
    reason = desk.office.get("/api/v1/absence-reasons").json()[0]["id"]
    days = {"first_day": day_in(0), "last_day": day_in(0)}
    desk.post("/absences", person_id=desk.ada, reason_id=reason, note="Fever", **days)
    page = sign_in(Role.TEACHER).get("/on-site").text
    assert "Ada Lovelace" in page
    assert "Fever" not in page
    assert "Illness" not in page
    assert "silent since" not in page  # it has never been heard of
    assert "never connected" in page
    for role in (Role.TECHNICIAN, Role.DPO):
        assert sign_in(role).get("/on-site").status_code == 403


def test_the_page_costs_a_fixed_number_of_statements(
    desk: OfficeDesk, database: Database, school_day: datetime
) -> None:
    kiosk = desk.hang_kiosk()
    for person in (desk.ada, desk.ben):
        desk.always_on_roster(person)
    counts = []
    for number in range(2):
        desk.lesson(school_day - timedelta(hours=number + 1) - now())
        see(database, kiosk, (desk.ada, desk.ben)[number], school_day)
        assert desk.office.get("/on-site").status_code == 200
        with counted(database) as found:
            desk.office.get("/on-site")
        counts.append(len(found))
    assert counts[0] == counts[1]
    assert counts[0] <= 9
