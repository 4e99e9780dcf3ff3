"""Enrol somebody through the API of a server under test, and look at what became of it."""

from typing import Any

from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database

JPEG = b"\xff\xd8\xff\xe0" + b"a photo, as far as the server can tell" * 8
GIVEN = {"given_by": "A Parent", "role": "parent", "text_version": "2026-09"}


def enrol(office: TestClient, person_id: str, photo: bytes = JPEG) -> dict[str, Any]:
    """Hand a photo in; what the API answers."""
    answer = office.post(f"/api/v1/people/{person_id}/enrolments", files={"photo": photo})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcome(office: TestClient, enrolment: dict[str, Any]) -> dict[str, Any]:
    """How far it has come."""
    found: dict[str, Any] = office.get(f"/api/v1/enrolments/{enrolment['id']}").json()
    return found


def count(database: Database, table: type[Any]) -> int:
    """How many rows a table has."""
    with database.reading() as db:
        return len(db.exec(select(table)).all())
