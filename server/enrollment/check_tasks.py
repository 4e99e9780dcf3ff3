"""Compare enrolled people with each other: one job for each person and model."""

import logging
import uuid
from datetime import date, timedelta
from functools import partial

from sqlmodel import Session

from server.audit.service import SYSTEM, record
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import checks
from server.enrollment.checks import OpenCheck, PersonModel
from server.enrollment.kinds import COMPARE
from server.enrollment.photo import UNREADABLE, UNREADABLE_PAUSE
from server.errors import SealBrokenError
from server.jobs import service as jobs
from server.jobs.recognition import after_failure, is_ready
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.ml.encoder import EncoderUnavailableError, FaceEncoder, GalleryFindings

_logger = logging.getLogger(__name__)
#: Reason of a check that the service does not offer, and when it is asked again.
CANNOT_CHECK = "CANNOT_CHECK"
_ANOTHER_DAY = timedelta(days=1)


class ComparePeople:
    """The handler."""

    kind = COMPARE

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
        """Compare one person with themselves and with everybody else."""
        whose = _whose(job)
        try:
            with self._database.reading() as db:
                asked = checks.prepare(db, self._vault, whose, self._today())
        except SealBrokenError:
            return Later(UNREADABLE, pause=UNREADABLE_PAUSE)
        if asked is None:
            return Done(lambda _: None, "nothing_to_compare")
        try:
            found = self._encoder.check_gallery(asked.question, correlation_id=job.correlation_id)
        except EncoderUnavailableError as exc:
            # The proof says nothing about this endpoint: never park, or nobody gets to kiosks.
            return after_failure(self._encoder, exc, may_park=False)
        if found is None:
            release = partial(_release, job=job, actor=SYSTEM)
            return Later(CANNOT_CHECK, pause=_ANOTHER_DAY, write=release)
        keep = partial(self._keep, job=job, asked=asked, found=found)
        if asked.is_partial:
            return Later(UNREADABLE, pause=_ANOTHER_DAY, write=keep)
        return Done(keep)

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Let the templates go to kiosks without the check: an admin decided so."""
        _release(db, job=job, actor=actor)

    def _keep(
        self, db: Session, *, job: ClaimedJob, asked: OpenCheck, found: GalleryFindings
    ) -> None:
        checks.keep_findings(
            db,
            _whose(job),
            asked,
            found,
            is_held=partial(jobs.is_held, db, job),
            today=self._today(),
        )
        _logger.info(
            "gallery check done: %s set aside, %s possible duplicates, %s look-alikes",
            len(found.set_aside),
            len(found.duplicates),
            len(found.look_alikes),
        )

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()


def _whose(job: ClaimedJob) -> PersonModel:
    return PersonModel(uuid.UUID(job.about["person"]), job.about["model"])


def _release(db: Session, *, job: ClaimedJob, actor: str) -> None:
    count = checks.release(db, _whose(job))
    if count:
        details = {"model": job.about["model"], "templates": count}
        action = "template.release_unchecked"
        record(db, actor=actor, action=action, subject=job.subject, details=details)
