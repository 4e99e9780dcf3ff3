"""The queue's rules under any history: no job is shared, and no result of a lost claim counts."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import Session, SQLModel, delete, select

from server.db.engine import Database
from server.errors import ConflictError, NotFoundError
from server.jobs import service
from server.jobs.schemas import ClaimedJob
from server.jobs.tables import Job, JobState
from tests.support.examples import examples
from tests.support.stepping import worker_of

pytestmark = pytest.mark.integration
T = TypeVar("T")
KIND, LEASE = "k", timedelta(seconds=30)
START = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c"])
WORKERS = st.sampled_from(["w1", "w2", "w3"])


@pytest.fixture(scope="module", autouse=True)
def database() -> Iterator[Database]:
    """One file for all histories; each empties the table."""
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(dir=folder) as name:
        made = Database(f"sqlite:///{name}/jobs.sqlite3")
        SQLModel.metadata.create_all(made.engine)
        QueueMachine.database = made
        yield made
        made.close()


class QueueMachine(RuleBasedStateMachine):
    """Workers, a clock and an admin do what they may, in any order.

    Attributes:
        claims: the newest claim of each worker, whether it still holds or not.
        holders: who holds which job by the model, until when, and by which claim.
        asked: jobs that were asked for and neither finished nor cancelled.
    """

    database: Database

    @initialize()
    def empty(self) -> None:
        self.at = START
        self.claims: dict[str, ClaimedJob] = {}
        self.holders: dict[str, tuple[str, datetime, int]] = {}
        self.asked: set[str] = set()
        self.do(lambda db: db.exec(delete(Job)))

    def do(self, step: Callable[[Session], T]) -> T:
        with self.database.transaction() as db:
            return step(db)

    @rule(name=NAMES)
    def ask(self, name: str) -> None:
        self.do(lambda db: service.enqueue(db, KIND, {"n": name}, subject="s", actor="a"))
        self.do(lambda db: _due(db, name, self.at))
        self.asked.add(name)
        self.holders.pop(name, None)

    @rule(seconds=st.integers(1, 4000))
    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    @rule(worker=WORKERS)
    def claim(self, worker: str) -> None:
        job = self.do(lambda db: service.claim(db, KIND, by=worker_of(worker, LEASE), at=self.at))
        if job is None:
            self.note_parked()
            return
        name = job.about["n"]
        assert name in self.asked
        if name in self.holders:
            assert self.holders[name][1] <= self.at, "the lease of another worker still ran"
        self.holders[name] = (worker, self.at + LEASE, job.revision)
        self.claims[worker] = job

    def note_parked(self) -> None:
        """A claim that gives nothing may have parked a job whose workers keep dying."""
        for name, (_worker, until, _revision) in list(self.holders.items()):
            row = self.do(partial(service.find, kind=KIND, about={"n": name}))
            if row is not None and row.state == JobState.PARKED:
                assert until <= self.at
                assert row.attempts >= service.MAX_ATTEMPTS
                del self.holders[name]

    @rule(worker=WORKERS)
    def renew(self, worker: str) -> None:
        until = self.at + LEASE
        job = self.claims.get(worker)
        if job is None:
            return
        self.do(lambda db: service.renew(db, [job], until))
        name = job.about["n"]
        if self.holders.get(name, ("", START, -1))[::2] == (worker, job.revision):
            self.holders[name] = (worker, until, job.revision)

    @rule(worker=WORKERS, how=st.sampled_from(["finish", "put_back", "count", "park"]))
    def end(self, worker: str, how: str) -> None:
        job = self.claims.pop(worker, None)
        if job is None:
            return
        name = job.about["n"]
        is_held = self.holders.get(name, ("", START, -1))[::2] == (worker, job.revision)
        counts = self.do(lambda db: _end(db, job, how, self.at))
        assert counts == is_held
        if counts:
            del self.holders[name]
            if how == "finish":
                self.asked.discard(name)

    @rule(name=NAMES, how=st.sampled_from(["retry", "cancel"]))
    def decide(self, name: str, how: str) -> None:
        row = self.do(lambda db: service.find(db, KIND, {"n": name}))
        if row is None:
            assert name not in self.asked
            return
        try:
            self.do(lambda db: _decide(db, row, how))
        except (ConflictError, NotFoundError):
            assert row.state == JobState.RUNNING
            return
        if how == "cancel":
            self.asked.discard(name)
        else:
            self.do(lambda db: _due(db, name, self.at))

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        rows = self.do(lambda db: db.exec(select(Job)).all())
        assert {row.about["n"] for row in rows} == self.asked
        for row in rows:
            assert (row.lease_owner is not None) == (row.state == JobState.RUNNING)
            assert row.attempts >= 0
            is_held = row.about["n"] in self.holders
            assert is_held == (row.state == JobState.RUNNING)


def _due(db: Session, name: str, at: datetime) -> None:
    """Requests use the real clock; the histories have their own."""
    row = service.find(db, KIND, {"n": name})
    assert row is not None
    row.not_before = at


def _end(db: Session, job: ClaimedJob, how: str, at: datetime) -> bool:
    if how == "finish":
        return service.finish(db, job)
    if how == "park":
        return service.park(db, job, reason="R", under="1")
    pause = None if how == "count" else timedelta(0)
    return service.put_back(db, job, reason="R", at=at, pause=pause)


def _decide(db: Session, row: Job, how: str) -> None:
    if how == "retry":
        service.retry(db, row.id, actor="admin")
    else:
        service.cancel(db, row.id, follow_up=lambda _job: None, actor="admin")


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(examples(60), stateful_step_count=30, deadline=None)
