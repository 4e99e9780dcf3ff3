import logging
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from kiosk.sync.scheduler import Scheduler
from tests.fakes.kiosk_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def scheduler(clock: ManualClock) -> Iterator[Scheduler]:
    scheduler = Scheduler(clock)
    scheduler.start()
    yield scheduler
    scheduler.stop()


class Job:
    """Counts its runs."""

    def __init__(self) -> None:
        self.runs = threading.Semaphore(0)

    def __call__(self) -> None:
        self.runs.release()

    def ran(self) -> bool:
        return self.runs.acquire(timeout=5)


def test_job_runs_at_once_and_again_when_asked(scheduler: Scheduler) -> None:
    job = Job()
    scheduler.every("job", 3600, job)
    first = job.ran()
    scheduler.soon("job")

    assert first
    assert job.ran()


class SlowJob:
    """Runs until it is told to end; notes whether it ever ran twice at once."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.most, self._running = 0, 0

    def __call__(self) -> None:
        self._running += 1
        self.most = max(self.most, self._running)
        self.begun.release()
        self.may_end.acquire(timeout=5)
        self._running -= 1


def test_job_that_is_asked_for_while_it_runs_runs_once_more(scheduler: Scheduler) -> None:
    job, later = SlowJob(), Job()
    scheduler.every("job", 3600, job)
    assert job.begun.acquire(timeout=5)
    scheduler.soon("job")
    scheduler.every("later", 3600, later)
    assert later.ran(), "the scheduler has come past the job that was asked for"
    job.may_end.release()

    assert job.begun.acquire(timeout=5)
    job.may_end.release()
    assert job.most == 1


def test_run_that_waits_does_not_begin_after_the_end(scheduler: Scheduler) -> None:
    job = SlowJob()
    run = scheduler._in_turn("job", job)
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert job.begun.acquire(timeout=5)
    scheduler.stop()
    job.may_end.release()
    for thread in threads:
        thread.join(5)

    assert not job.begun.acquire(blocking=False)
    assert not any(thread.is_alive() for thread in threads)


def test_job_that_fails_is_logged_and_runs_again(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job()

    def fails() -> None:
        job()
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR):
        scheduler.every("job", 0.05, fails)
        ran = [job.ran() for _ in range(3)]

    assert all(ran)
    assert "The job job failed" in caplog.text


def test_stepped_wall_clock_brings_every_job_forward(
    scheduler: Scheduler, clock: ManualClock
) -> None:
    job = Job()
    scheduler.every("job", 3600, job)
    job.ran()
    unmoved = scheduler.watch_clock()
    clock.at += timedelta(days=365)
    moved = scheduler.watch_clock()

    assert (unmoved, moved) == (False, True)
    assert job.ran()


def test_time_that_merely_passes_is_no_step(scheduler: Scheduler, clock: ManualClock) -> None:
    clock.advance(1_000_000)

    assert not scheduler.watch_clock()
