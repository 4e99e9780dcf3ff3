"""Periodic work, on APScheduler; it keeps its rhythm when the wall clock is stepped."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from kiosk.domain.clock import Clock

logger = logging.getLogger(__name__)

_JUMP_S = 5.0


def guarded(name: str, work: Callable[[], object]) -> Callable[[], None]:
    """The job whose failure ends this run alone, and is logged."""

    def run() -> None:
        try:
            work()
        except Exception:
            logger.exception("The job %s failed and will be tried again", name)

    return run


class Scheduler:
    """Runs named jobs at intervals on its own threads. A job never runs twice at once.

    APScheduler plans by the wall clock, and a kiosk without a battery-backed clock may start in
    1970 or be stepped back: `watch_clock` notices a step and plans anew.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lead_s = self._wall_minus_monotonic_s()
        self._stopping = threading.Event()
        # Two, of which one waits: a run that is asked for while another one goes on would be
        # skipped, and what was asked for would wait for the next interval.
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 2, "misfire_grace_time": None},
        )

    def every(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        """Run ``work`` at once and then at this interval."""
        self._scheduler.add_job(
            self._in_turn(name, work),
            "interval",
            seconds=seconds,
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def soon(self, name: str) -> None:
        """Run a job now, or once more after the run at hand; keep to its interval from here."""
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def watch_clock(self) -> bool:
        """Plan anew if the wall clock was stepped since the last call; call it often."""
        lead_s = self._wall_minus_monotonic_s()
        stepped_s, self._lead_s = lead_s - self._lead_s, lead_s
        if abs(stepped_s) < _JUMP_S:
            return False
        logger.info("The wall clock was stepped by %.0f s", stepped_s)
        soon = datetime.now(UTC) + timedelta(seconds=1)
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=soon)
        return True

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """End without waiting for a job that runs; one that waits for it does not begin."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _wall_minus_monotonic_s(self) -> float:
        return self._clock.reading().at.timestamp() - self._clock.monotonic_s()

    def _in_turn(self, name: str, work: Callable[[], object]) -> Callable[[], None]:
        turn = threading.Lock()
        guarded_work = guarded(name, work)

        def run() -> None:
            with turn:
                if not self._stopping.is_set():
                    guarded_work()

        return run
