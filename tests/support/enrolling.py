"""Enrol somebody through the API of a server under test, and look at what became of it."""

from itertools import count as count_from
from typing import Any

from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.jobs import service
from server.jobs.tables import Job

JPEG = b"\xff\xd8\xff\xe0" + b"a photo, as far as the server can tell" * 8
_numbers = count_from(1)
GIVEN = {"given_by": "A Parent", "role": "parent", "text_version": "2026-09"}


def another_jpeg() -> bytes:
    """Make a further photo: the same file twice is one photo."""
    return JPEG + str(next(_numbers)).encode()


def enrol(office: TestClient, person_id: str, photo: bytes | None = None) -> dict[str, Any]:
    """Hand a photo in, a new one unless told otherwise; what the API answers."""
    photo = another_jpeg() if photo is None else photo
    answer = office.post(f"/api/v1/people/{person_id}/enrolments", files={"photo": photo})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcome(office: TestClient, enrolment: dict[str, Any]) -> dict[str, Any]:
    """How far it has come."""
    found: dict[str, Any] = office.get(f"/api/v1/enrolments/{enrolment['id']}").json()
    return found


def jobs_of(database: Database, kind: str) -> list[Job]:
    """Return the jobs of a kind that are not finished."""
    with database.reading() as db:
        return service.of_kind(db, kind)


def end_waiting(database: Database) -> None:
    """Let every job be due now."""
    with database.transaction() as db:
        for job in db.exec(select(Job)):
            job.not_before = job.created_at


def count(database: Database, table: type[Any]) -> int:
    """How many rows a table has."""
    with database.reading() as db:
        return len(db.exec(select(table)).all())
