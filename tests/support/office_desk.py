"""A school on a running server, as the office enters it: rooms, a course, people, lessons."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress, KioskState
from server.timetable.tables import RosterEntry
from tests.support.planning import BERLIN


class OfficeDesk:
    """Two rooms, two courses and two people, made over the API; lessons and kiosks on demand."""

    def __init__(self, office: TestClient, database: Database) -> None:
        self.office = office
        self.database = database
        self.room = self.post("/rooms", name="R12")["id"]
        self.other_room = self.post("/rooms", name="R14")["id"]
        self.course = self.post("/courses", code="BIO-9", title="Biology")["id"]
        self.other_course = self.post("/courses", code="ART-1", title="Art")["id"]
        self.ada = self._person("S1", "Ada", "Lovelace")
        self.ben = self._person("S2", "Ben", "Okafor")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.office.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def lesson(self, starts_in: timedelta, **changed: Any) -> str:
        """Plan a lesson of 45 minutes."""
        starts_at = now() + starts_in
        body = {
            "course_id": self.course,
            "room_id": self.room,
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=45)).isoformat(),
        }
        made: str = self.post("/lessons", **(body | changed))["id"]
        return made

    def lesson_form(self, **changed: str) -> dict[str, str]:
        """What the form of a lesson sends: tomorrow from 8 to 8:45 in the first room."""
        values = {"course_id": self.course, "room_id": self.room, "day": day_in(1)}
        return values | {"starts": "08:00", "ends": "08:45"} | changed

    def always_on_roster(self, person_id: str) -> str:
        """Put a person on the roster of the course since before anything happened."""
        with self.database.transaction() as db:
            entry = RosterEntry(course_id=uuid.UUID(self.course), person_id=uuid.UUID(person_id))
            db.add(entry)
            return str(entry.id)

    def entries(self) -> list[dict[str, Any]]:
        """Return the roster of the course as the API shows it."""
        found: list[dict[str, Any]] = self.office.get(
            f"/api/v1/courses/{self.course}/roster"
        ).json()
        return found

    def register(self, lesson_id: str) -> dict[str, Any]:
        """Return a lesson's register as the API shows it."""
        found: dict[str, Any] = self.office.get(f"/api/v1/lessons/{lesson_id}/register").json()
        return found

    def codes(self) -> dict[str, str]:
        """Return the ids of the default codes by category."""
        found = self.office.get("/api/v1/status-codes").json()
        return {one["category"]: one["id"] for one in found if one["is_default"]}

    def hang_kiosk(self, name: str = "R12 door", *, since: datetime | None = None) -> str:
        """Hang a claimed kiosk in the first room; since yesterday where nothing else is said."""
        from_at = since or now() - timedelta(days=1)
        with self.database.transaction() as db:
            kiosk = Kiosk(
                name=name,
                room_id=uuid.UUID(self.room),
                state=KioskState.CLAIMED,
                claimed_at=from_at,
            )
            db.add(kiosk)
            db.flush()
            db.add(KioskProgress(kiosk_id=kiosk.id))
            db.add(
                KioskPlacement(
                    kiosk_id=kiosk.id, room_id=kiosk.room_id, from_at=from_at, opened_by="system"
                )
            )
            return str(kiosk.id)

    def _person(self, number: str, given: str, family: str) -> str:
        made: str = self.post(
            "/people", student_number=number, given_name=given, family_name=family
        )["id"]
        return made


def day_in(days: int) -> str:
    """Return the date so many days from today, at the school."""
    return (today() + timedelta(days=days)).isoformat()


def today() -> date:
    """Return the date at the school."""
    return now().astimezone(BERLIN).date()
