"""One step of comparing enrolled people with each other, for the enrolment workers."""

import logging
from datetime import date
from zoneinfo import ZoneInfo

from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import checks
from server.enrollment.checks import CheckJob, OpenCheck
from server.logs import correlation_id
from server.ml.encoder import EncoderUnavailableError, FaceEncoder

_logger = logging.getLogger(__name__)


class GalleryChecks:
    """Works on checks one at a time; what it cannot finish waits in the database."""

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone

    def run_one(self) -> bool:
        """Claim and work on one check; returns whether there was one."""
        with self._database.reading() as db:
            if not checks.is_any_due(db, now()):
                return False
        with self._database.transaction() as db:
            job = checks.claim(db, now())
        if job is None:
            return False
        with self._database.reading() as db:
            asked = checks.prepare(db, self._vault, job, self._today())
        if asked is None:
            with self._database.transaction() as db:
                checks.drop(db, job)
            return True
        self._ask(job, asked)
        return True

    def _ask(self, job: CheckJob, asked: OpenCheck) -> None:
        try:
            found = self._encoder.check_gallery(asked.question, correlation_id=correlation_id())
        except EncoderUnavailableError:
            is_waiting = self._encoder.check() != "up"
            with self._database.transaction() as db:
                checks.put_back(db, job, now(), is_waiting=is_waiting)
            return
        with self._database.transaction() as db:
            if found is None:
                checks.put_off(db, job, now())
                return
            checks.finish(db, job, asked, found, at=now(), today=self._today())
        _logger.info(
            "gallery check: %s set aside, %s possible duplicates, %s look-alikes",
            len(found.set_aside),
            len(found.duplicates),
            len(found.look_alikes),
        )

    def _today(self) -> date:
        return now().astimezone(self._zone).date()
