"""Check the whole chain of the audit trail, a part at a time."""

import logging
from functools import partial

from sqlmodel import Session

from server.audit.service import ChainPoint, against_last_check, verify_further
from server.db.engine import Database
from server.db.types import now
from server.jobs.schemas import ClaimedJob, Done, Result
from server.trail import service

_logger = logging.getLogger(__name__)
#: Entries between two signs of progress: about a third of a second.
_PART = 2000


class VerifyTrail:
    """The handler."""

    kind = service.VERIFY

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_ready(self) -> bool:
        """Return true: nothing but the database is needed."""
        return True

    def run(self, job: ClaimedJob) -> Result:
        """Read every entry; nothing is locked between two parts."""
        with self._database.transaction() as db:
            service.begin(db, actor=job.created_by)
        point = ChainPoint()
        while not point.is_end:
            with self._database.reading() as db:
                point = verify_further(db, point, _PART)
            if not point.is_end:
                with self._database.transaction() as db:
                    service.note(db, point)
        with self._database.reading() as db:
            point = against_last_check(db, point)
        if point.broken_at is not None:
            _logger.error("audit trail broken at entry %s", point.broken_at)
        outcome = "whole" if point.broken_at is None else "broken"
        return Done(partial(service.note, point=point, finished_at=now()), outcome)

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Nothing depends on a check."""
