"""Cancelling a job and withdrawing a consent at the same moment, on PostgreSQL."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from server.db.engine import Database
from server.enrollment import service as enrollment
from server.enrollment.kinds import ENCODE
from server.enrollment.tables import EnrolmentPhoto
from server.jobs import service
from server.jobs.tables import Job
from server.web.principal import Role
from tests.support.enrolling import count, enrol, jobs_of
from tests.support.waiting import wait_until

SignIn = Callable[[Role], TestClient]


def somebody_waits(database: Database) -> bool:
    """Whether a transaction waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with database.engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one())


def test_both_succeed_whoever_is_first(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    enrol(office, person_id)
    [job] = jobs_of(database, ENCODE)
    admin = sign_in(Role.ADMIN)
    withdrawing, answers = threading.Event(), dict[str, int]()
    real = enrollment.erase_biometrics

    def pause_with_the_person_locked(*args: Any, **options: Any) -> None:
        withdrawing.set()
        wait_until(lambda: somebody_waits(database), what="the other transaction")
        real(*args, **options)

    monkeypatch.setattr(enrollment, "erase_biometrics", pause_with_the_person_locked)

    def withdraw() -> None:
        path = f"/api/v1/people/{person_id}/consents/{consent['id']}/withdraw"
        answers["withdraw"] = office.post(path).status_code

    def cancel() -> None:
        assert withdrawing.wait(30)
        answers["cancel"] = admin.post(f"/jobs/{job.id}/cancel").status_code

    threads = [threading.Thread(target=target) for target in (withdraw, cancel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"withdraw": 200, "cancel": 303}
    assert (count(database, EnrolmentPhoto), count(database, Job)) == (0, 0)


def test_cancel_locks_nothing_before_its_follow_up(
    office: TestClient, person_id: str, consent: dict[str, Any], database: Database
) -> None:
    enrol(office, person_id)
    [job] = jobs_of(database, ENCODE)
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")

    def another_transaction_gets_the_job(_job: object) -> None:
        with database.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            service.find_idle(other, job.id, lock=True)

    with database.transaction() as db:
        service.cancel(db, job.id, follow_up=another_transaction_gets_the_job, actor="admin")
    assert count(database, Job) == 0
