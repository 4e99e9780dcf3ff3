"""Measure the school on request: one job for each model."""

import logging
from datetime import date
from functools import partial

from sqlmodel import Session

from server.accuracy import service
from server.accuracy.question import prepare
from server.accuracy.service import Answered
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.jobs.recognition import after_failure, is_ready
from server.jobs.schemas import ClaimedJob, Done, Result
from server.ml.encoder import EncoderUnavailableError, FaceEncoder

_logger = logging.getLogger(__name__)


class MeasureSchool:
    """The handler."""

    kind = service.MEASURE

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: SchoolZone
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone

    def is_ready(self) -> bool:
        """Return whether the recognition service can be asked."""
        return is_ready(self._encoder)

    def run(self, job: ClaimedJob) -> Result:
        """Measure one model on the people of this school."""
        model_id = job.about["model"]
        with self._database.reading() as db:
            asked = prepare(
                db,
                self._vault,
                model_id,
                job.id.bytes,
                self._today(),
                software=self._encoder.software(),
            )
        try:
            point = self._encoder.operating_point(asked.question, correlation_id=job.correlation_id)
        except EncoderUnavailableError as exc:
            return after_failure(self._encoder, exc)
        _logger.info("accuracy measured model=%s people=%s", model_id, len(asked.people))
        outcome = "measured" if point is not None else "impossible"
        found = Answered(asked, point, self._today())
        return Done(partial(service.keep, job=job, found=found), outcome)

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Nothing depends on a measurement."""

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()
