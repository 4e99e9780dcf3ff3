"""Jobs of an invented school: one that needs a person, some that wait."""

from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from scripts.invented_school import School
from server.db.engine import Database
from server.jobs import service
from server.jobs.tables import Job, JobState

_MODEL = "sface-2021dec"
_SYSTEM = "system"


def add_jobs(database: Database, school: School, *, waiting: int = 2, software: str = "") -> None:
    """Fill the queue. Nothing in it is due, so no worker touches it.

    Args:
        database: of the school.
        school: whose people.
        waiting: how many jobs wait besides those that failed.
        software: that the server runs; it tries jobs again that were parked under another one.
    """
    with database.transaction() as db:
        parked = _job(db, "encode", {"enrolment": "1"}, f"person:{school.people[5]}")
        parked.state, parked.attempts = JobState.PARKED, service.MAX_ATTEMPTS
        parked.last_reason, parked.parked_under = "FAILS_ON_THIS", software
        again = _job(db, "encode", {"enrolment": "2"}, f"person:{school.people[9]}")
        again.attempts, again.last_reason = 2, "FAILS_ON_THIS"
        unread = _job(db, "compare", {"model": _MODEL, "person": "3"}, f"person:{school.people[6]}")
        unread.last_reason = "UNREADABLE"
        for number in range(10, 10 + waiting):
            about = {"enrolment": str(number), "model": _MODEL}
            _job(db, "add_model", about, f"person:{school.people[number % len(school.people)]}")


def _job(db: Session, kind: str, about: dict[str, str], subject: str) -> Job:
    service.enqueue(db, kind, about, subject=subject, actor=_SYSTEM)
    job = service.find(db, kind, about)
    assert job is not None
    job.created_at = datetime.now(UTC) - timedelta(minutes=25)
    job.not_before = datetime.now(UTC) + timedelta(minutes=4)
    return job
