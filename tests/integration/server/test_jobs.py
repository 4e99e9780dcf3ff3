"""The job queue on a real database: claim, keep, finish, put back, park, retry, cancel."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.enrollment.kinds import COMPARE, ENCODE
from server.enrollment.tables import EnrolmentPhoto, Template
from server.jobs import service
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.jobs.service import MAX_ATTEMPTS
from server.jobs.tables import Job
from server.jobs.tasks import JobWorkers, Lane
from server.web.principal import Role
from tests.fakes.encoder import FakeEncoder
from tests.support.enrolling import count, end_waiting, enrol, jobs_of, outcome
from tests.support.stepping import LEASE, SteppedWorkers, worker_of
from tests.support.waiting import wait_until

SignIn = Callable[[Role], TestClient]
KIND = "test"
OWN_FAULT = Later("BROKEN", is_own_fault=True)


def _done() -> Result:
    return Done(lambda _db: None)


@dataclass
class Handler:
    """Answers what a test tells it to, and notes what it was given."""

    kind: str = KIND
    answer: Callable[[ClaimedJob], Result] = lambda _job: _done()
    seen: list[str] = field(default_factory=list)

    def is_ready(self) -> bool:
        return True

    def run(self, job: ClaimedJob) -> Result:
        self.seen.append(job.about["n"])
        return self.answer(job)

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Nothing follows."""


def workers(database: Database, *lanes: Lane) -> JobWorkers:
    return JobWorkers(database, lanes, lease=LEASE, software=lambda: "1")


def ask(database: Database, *names: str) -> None:
    for name in names:
        with database.transaction() as db:
            service.enqueue(db, KIND, {"n": name}, subject="school", actor="system")


def only(database: Database) -> Job:
    [job] = jobs_of(database, KIND)
    return job


def test_jobs_are_done_once_in_the_order_they_came(database: Database) -> None:
    ask(database, "a", "b", "c")
    handler = Handler()
    pool = workers(database)
    while pool.run_one([handler]):
        pass
    assert handler.seen == ["a", "b", "c"]
    assert count(database, Job) == 0


def test_the_same_job_waits_once(database: Database) -> None:
    ask(database, "a", "a", "a")
    assert only(database).state == "waiting"


def test_job_asked_for_anew_while_it_runs_is_done_again(database: Database) -> None:
    ask(database, "a")

    def ask_again(_job: ClaimedJob) -> Result:
        if len(handler.seen) == 1:
            ask(database, "a")
        return _done()

    handler = Handler(answer=ask_again)
    pool = workers(database)
    assert pool.run_one([handler])
    assert only(database).state == "waiting"
    assert pool.run_one([handler])
    assert count(database, Job) == 0


def test_result_of_an_overtaken_worker_is_rolled_back(database: Database) -> None:
    ask(database, "a")

    def write(db: Session) -> None:
        service.enqueue(db, "other", {"n": "x"}, subject="school", actor="system")

    def lose_it(_job: ClaimedJob) -> Result:
        with database.transaction() as db:
            assert service.claim(db, KIND, by=worker_of("quick", LEASE), at=now() + LEASE)
        return Done(write)

    assert workers(database).run_one([Handler(answer=lose_it)])
    assert jobs_of(database, "other") == []
    assert only(database).lease_owner == "quick"


def test_live_lease_keeps_others_away_and_is_renewed(database: Database) -> None:
    ask(database, "a")
    pool = workers(database)

    def renew(_job: ClaimedJob) -> Result:
        pool.renew_leases()
        with database.transaction() as db:
            shortly = now() + LEASE - timedelta(seconds=1)
            assert service.claim(db, KIND, by=worker_of("b", LEASE), at=shortly) is None
        return _done()

    assert pool.run_one([Handler(answer=renew)])
    assert count(database, Job) == 0


def test_failures_of_its_own_back_off_and_then_park_the_job(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    before = REGISTRY.get_sample_value("rollcall_jobs_parked_total", {"kind": KIND}) or 0
    ask(database, "a")
    handler, pool, pauses = Handler(answer=lambda _job: OWN_FAULT), workers(database), []
    for _ in range(MAX_ATTEMPTS):
        at = now()
        assert pool.run_one([handler])
        pauses.append(round((only(database).not_before - at).total_seconds()))
        end_waiting(database)
    assert pauses[:-1] == [2, 4, 8, 16, 32]
    job = only(database)
    assert (job.state, job.attempts, job.last_reason) == ("parked", MAX_ATTEMPTS, "BROKEN")
    assert not pool.run_one([handler])
    assert "job parked after 6 failures" in caplog.text
    after = REGISTRY.get_sample_value("rollcall_jobs_parked_total", {"kind": KIND})
    assert after == before + 1


def test_longest_pause_is_an_hour(database: Database) -> None:
    ask(database, "a")
    at = now()
    for _ in range(20):
        with database.transaction() as db:
            job = service.claim(db, KIND, by=worker_of("x", LEASE), at=at + timedelta(days=1))
            assert job is not None
            assert service.put_back(db, job, reason="X", at=at, pause=None)
    assert only(database).not_before - at == timedelta(hours=1)


def test_failures_of_others_never_park_it(database: Database) -> None:
    ask(database, "a")
    pool = workers(database)
    for _ in range(5 * MAX_ATTEMPTS):
        assert pool.run_one([Handler(answer=lambda _job: Later("AWAY"))])
    assert (only(database).state, only(database).attempts) == ("waiting", 0)


def test_a_job_that_waits_for_others_lets_them_pass(database: Database) -> None:
    ask(database, "a", "b")

    def first_is_away(job: ClaimedJob) -> Result:
        return Later("AWAY") if job.about["n"] == "a" else _done()

    handler, pool = Handler(answer=first_is_away), workers(database)
    pool.run_one([handler])
    pool.run_one([handler])
    assert handler.seen == ["a", "b"]


def test_a_job_that_explodes_does_not_stop_the_others(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ask(database, "a", "bad", "c")

    def explode(job: ClaimedJob) -> Result:
        if job.about["n"] == "bad":
            raise RuntimeError("out of the blue")
        return _done()

    done = threading.Event()

    def answer(job: ClaimedJob) -> Result:
        if job.about["n"] == "c":
            done.set()
        return explode(job)

    pool = workers(database, Lane([Handler(answer=answer)], threads=1))
    pool.start()
    assert done.wait(10)
    wait_until(lambda: len(jobs_of(database, KIND)) == 1, what="the others")
    pool.stop()
    assert only(database).last_reason == "UNEXPECTED_ERROR"
    assert "job failed unexpectedly" in caplog.text


def test_result_that_cannot_be_stored_counts_as_a_failure(database: Database) -> None:
    ask(database, "a")

    def fail(_db: Session) -> None:
        raise ValueError("cannot be stored")

    assert workers(database).run_one([Handler(answer=lambda _job: Done(fail))])
    assert (only(database).state, only(database).attempts) == ("waiting", 1)


def test_first_handlers_jobs_come_first(database: Database) -> None:
    ask(database, "a")
    with database.transaction() as db:
        service.enqueue(db, "urgent", {"n": "u"}, subject="school", actor="system")
    seen: list[str] = []

    def note(job: ClaimedJob) -> Result:
        seen.append(job.kind)
        return _done()

    handlers = [Handler("urgent", note), Handler(KIND, note)]
    pool = workers(database)
    pool.run_one(handlers)
    pool.run_one(handlers)
    assert seen == ["urgent", KIND]


def test_upgrade_tries_parked_jobs_again(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrolment = _parked(office, person_id, worker, encoder, database)
    assert worker.upkeep.retry_after_upgrade() == 0
    encoder.fails_on_photos = False
    worker.version = "2"
    assert worker.upkeep.retry_after_upgrade() == 1
    assert worker.run_one()
    assert outcome(office, enrolment)["status"] == "accepted"


def test_admin_sees_a_parked_photo_and_tries_it_again(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrolment = _parked(office, person_id, worker, encoder, database)
    admin = sign_in(Role.ADMIN)
    page = admin.get("/jobs").text
    assert "Process a photo" in page
    assert "failed attempts: 6" in page
    assert "fails on this one" in page
    assert "1 job failed too often" in admin.get("/").text
    encoder.fails_on_photos = False
    [job] = jobs_of(database, ENCODE)
    assert office.post(f"/jobs/{job.id}/retry").status_code == 403
    assert admin.post(f"/jobs/{job.id}/retry").status_code == 303
    assert worker.run_one()
    assert outcome(office, enrolment)["status"] == "accepted"
    assert "job failed too often" not in admin.get("/").text
    assert _actions(database)[-2:] == ["enrolment.accept", "person.view_biometrics"]
    assert "job.retry" in _actions(database)


def test_admin_cancels_a_parked_photo_and_it_is_erased(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrolment = _parked(office, person_id, worker, encoder, database)
    admin = sign_in(Role.ADMIN)
    [job] = jobs_of(database, ENCODE)
    assert admin.post(f"/jobs/{job.id}/cancel").status_code == 303
    assert outcome(office, enrolment)["status"] == "withdrawn"
    assert (count(database, EnrolmentPhoto), count(database, Job)) == (0, 0)
    assert admin.post(f"/jobs/{job.id}/cancel").status_code == 404


def test_cancelled_check_lets_the_templates_go_to_kiosks(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    [job] = jobs_of(database, COMPARE)
    assert sign_in(Role.ADMIN).post(f"/jobs/{job.id}/cancel").status_code == 303
    with database.reading() as db:
        assert db.exec(select(Template)).one().checked_at is not None
    assert "template.release_unchecked" in _actions(database)


def test_running_job_is_neither_retried_nor_cancelled(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    database: Database,
) -> None:
    enrol(office, person_id)
    with database.transaction() as db:
        job = service.claim(db, ENCODE, by=worker_of("busy", LEASE), at=now())
        assert job is not None
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/jobs/{job.id}/retry").status_code == 409
    assert admin.post(f"/jobs/{job.id}/cancel").status_code == 409


def test_teachers_see_no_jobs_and_technicians_no_names(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
) -> None:
    enrol(office, person_id)
    assert sign_in(Role.TEACHER).get("/jobs").status_code == 403
    assert "Zaynab" in office.get("/jobs").text
    page = sign_in(Role.TECHNICIAN).get("/jobs").text
    assert "Process a photo" in page
    assert "Zaynab" not in page
    assert person_id not in page


def test_every_job_that_failed_too_often_is_tried_again_with_one_click(
    sign_in: SignIn, database: Database
) -> None:
    ask(database, "a", "b", "c")
    with database.transaction() as db:
        for job in db.exec(select(Job)):
            job.kind = ENCODE
            job.attempts = MAX_ATTEMPTS
            job.state = "parked" if job.about["n"] != "c" else "waiting"
            job.not_before = now() + timedelta(hours=1)
    admin = sign_in(Role.ADMIN)
    assert "Try all 3 again" in admin.get("/jobs").text
    assert admin.post("/jobs/retry").status_code == 303
    assert {(job.state, job.attempts) for job in jobs_of(database, ENCODE)} == {("waiting", 0)}
    assert workers(database).run_one([Handler(ENCODE)])


def test_result_that_the_database_refuses_is_tried_again_although_leases_are_renewed(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ask(database, "a")
    pool = workers(database)

    def refuse(_db: Session) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    assert pool.run_one([Handler(answer=lambda _job: Done(refuse))])
    pool.renew_leases()
    job = only(database)
    assert (job.state, job.attempts, job.last_reason) == ("waiting", 0, "NOT_STORED")
    assert "job result not stored" in caplog.text


def test_job_that_is_not_in_hand_any_more_is_not_renewed(database: Database) -> None:
    ask(database, "a")
    pool = workers(database)
    with database.transaction() as db:
        job = service.claim(db, KIND, by=worker_of(pool._owner), at=now())
        assert job is not None
    pool.renew_leases()
    later = now() + LEASE
    with database.transaction() as db:
        assert service.claim(db, KIND, by=worker_of("next"), at=later) is not None


def test_overtaken_worker_does_not_renew_the_lease_of_the_next_one(database: Database) -> None:
    ask(database, "a")
    at = now()
    with database.transaction() as db:
        lost = service.claim(db, KIND, by=worker_of("first"), at=at)
        assert lost is not None
    with database.transaction() as db:
        assert service.claim(db, KIND, by=worker_of("next"), at=at + LEASE) is not None
    before = only(database).lease_until
    with database.transaction() as db:
        service.renew(db, [lost], at + 10 * LEASE)
    assert only(database).lease_until == before


def test_job_that_kills_its_workers_is_parked(database: Database) -> None:
    ask(database, "a")
    at = now()
    for _ in range(MAX_ATTEMPTS):
        with database.transaction() as db:
            assert service.claim(db, KIND, by=worker_of("dies"), at=at) is not None
        at += LEASE
    with database.transaction() as db:
        assert service.claim(db, KIND, by=worker_of("last"), at=at) is None
    job = only(database)
    assert (job.state, job.last_reason) == ("parked", "WORKER_DIED")


def test_job_that_may_not_be_parked_is_tried_every_hour(database: Database) -> None:
    ask(database, "a")
    fault = Later("BROKEN", is_own_fault=True, may_park=False)
    pool = workers(database)
    for _ in range(2 * MAX_ATTEMPTS):
        assert pool.run_one([Handler(answer=lambda _job: fault)])
        end_waiting(database)
    job = only(database)
    assert (job.state, job.attempts) == ("waiting", 2 * MAX_ATTEMPTS)
    with database.reading() as db:
        assert service.counts(db).stuck == 1


def test_long_queue_is_paged(sign_in: SignIn, database: Database) -> None:
    with database.transaction() as db:
        for number in range(60):
            service.enqueue(db, ENCODE, {"n": str(number)}, subject="school", actor="system")
    admin = sign_in(Role.ADMIN)
    first, second = admin.get("/jobs").text, admin.get("/jobs?page=2").text
    assert (first.count("/retry"), second.count("/retry")) == (50, 10)


def _parked(
    office: TestClient,
    person_id: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> dict[str, Any]:
    encoder.fails_on_photos = True
    enrolment = enrol(office, person_id)
    for _ in range(MAX_ATTEMPTS):
        worker.run_one()
        end_waiting(database)
    return enrolment


def _actions(database: Database) -> list[str]:
    with database.reading() as db:
        return [row.action for row in db.exec(select(AuditEntry).order_by(AuditEntry.seq))]  # type: ignore[arg-type]
