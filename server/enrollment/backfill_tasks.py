"""One step of making templates for a new model from kept photos, for the enrolment workers."""

import logging
from datetime import date
from zoneinfo import ZoneInfo

from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import backfill
from server.enrollment.backfill import BackfillJob
from server.logs import adopt_correlation_id
from server.ml.encoder import EncoderUnavailableError, FaceEncoder, FaceRefused

_logger = logging.getLogger(__name__)


class TemplateBackfill:
    """Works on photos one at a time; what it cannot finish waits in the database."""

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone

    def find(self) -> int:
        """Queue photos that lack a template of one of the service's models; returns how many.

        What was queued for a model that it has no more is taken back.
        """
        models = self._encoder.models()
        with self._database.reading() as db:
            found = backfill.missing(db, models)
            is_dated = bool(models) and backfill.has_others(db, models)
        if is_dated:
            with self._database.transaction() as db:
                backfill.forget_others(db, models)
        if found:
            with self._database.transaction() as db:
                backfill.queue(db, found)
            _logger.info("%s templates are to be made for a further model", len(found))
        return len(found)

    def run_one(self) -> bool:
        """Claim and work on one photo; returns whether there was one."""
        with self._database.reading() as db:
            if not backfill.is_any_due(db, now()):
                return False
        with self._database.transaction() as db:
            job = backfill.claim(db, self._vault, at=now(), today=self._today())
        if job is not None:
            adopt_correlation_id(job.correlation_id)
            self._process(job)
        return True

    def _process(self, job: BackfillJob) -> None:
        try:
            outcome = self._encoder.encode(job.photo, correlation_id=job.correlation_id)
        except EncoderUnavailableError:
            is_waiting = self._encoder.check() != "up"
            with self._database.transaction() as db:
                backfill.put_back(db, job, now(), is_waiting=is_waiting)
            return
        with self._database.transaction() as db:
            backfill.finish(db, self._vault, job, outcome, at=now(), today=self._today())
        verdict = outcome.code if isinstance(outcome, FaceRefused) else "made"
        _logger.info("template of %s for %s: %s", job.enrolment_id, job.model_id, verdict)

    def _today(self) -> date:
        return now().astimezone(self._zone).date()
