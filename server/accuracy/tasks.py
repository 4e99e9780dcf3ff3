"""The thread that measures the school on request."""

import logging
import threading
from datetime import date
from zoneinfo import ZoneInfo

from server.accuracy import service
from server.accuracy.question import prepare
from server.accuracy.service import MeasurementJob
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.logs import correlation_id, new_correlation_id
from server.ml.encoder import EncoderUnavailableError, FaceEncoder
from server.ml.school import SchoolQuestion

_logger = logging.getLogger(__name__)

IDLE_S = 1.0
_STOP_TIMEOUT_S = 10.0


class AccuracyMeasuring:
    """Takes one measurement at a time; what it cannot finish waits in the database."""

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="accuracy", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it. A measurement in the middle is taken up again later."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def run_one(self) -> bool:
        """Take and work on one measurement; returns whether there was one."""
        with self._database.reading() as db:
            if not service.is_any_due(db, now()):
                return False
        with self._database.transaction() as db:
            job = service.claim(db, now())
        if job is None:
            return False
        with self._database.reading() as db:
            question = prepare(db, self._vault, job, self._today())
        self._ask(job, question)
        return True

    def _ask(self, job: MeasurementJob, question: SchoolQuestion) -> None:
        try:
            point = self._encoder.operating_point(question, correlation_id=correlation_id())
        except EncoderUnavailableError:
            is_waiting = self._encoder.check() != "up"
            with self._database.transaction() as db:
                service.put_back(db, job, now(), is_waiting=is_waiting)
            return
        with self._database.transaction() as db:
            service.finish(db, job, point, now())
        _logger.info("accuracy of %s measured on %s people", job.model_id, len(question.people))

    def _work(self) -> None:
        while not self._stopping.is_set():
            new_correlation_id()
            try:
                is_idle = self._is_closed_off() or not self.run_one()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("accuracy: a step failed, it will be repeated")
                is_idle = True
            if is_idle:
                self._stopping.wait(IDLE_S)

    def _is_closed_off(self) -> bool:
        return self._encoder.status() == "down" or self._encoder.is_closed_off()

    def _today(self) -> date:
        return now().astimezone(self._zone).date()
