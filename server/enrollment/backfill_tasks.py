"""Make templates for a new model from kept photos: find what is missing, and one job for each."""

import logging
import uuid
from datetime import date, timedelta
from functools import partial

from sqlmodel import Session

from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import backfill
from server.enrollment.kinds import ADD_MODEL
from server.enrollment.photo import PHOTO_MISSING, UNREADABLE, UNREADABLE_PAUSE, open_photo
from server.enrollment.tables import Enrolment, EnrolmentPhoto
from server.errors import SealBrokenError
from server.jobs.recognition import after_failure, is_ready
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.ml.encoder import EncoderUnavailableError, FaceEncoder, FaceRefused
from server.networks.service import networks_of

_logger = logging.getLogger(__name__)
#: Reason for a photo whose job an admin cancelled.
CANCELLED = "CANCELLED"
#: The service has another model again; perhaps tomorrow.
_MODEL_GONE = Later("MODEL_GONE", pause=timedelta(days=1))


class AddTemplates:
    """The handler, and the search for what is missing."""

    kind = ADD_MODEL

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: SchoolZone
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone

    def find(self) -> int:
        """Queue photos that lack a template of one of the school's networks; returns how many.

        What was queued for a network that the school does not want, or the service has no more,
        is taken back.
        """
        served = self._encoder.models()
        with self._database.reading() as db:
            models = [one for one in networks_of(db).wanted if one in served]
            found = backfill.missing(db, models)
            is_dated = bool(served) and backfill.has_others(db, models)
        if is_dated:
            with self._database.transaction() as db:
                backfill.forget_others(db, models)
        if found:
            with self._database.transaction() as db:
                backfill.queue(db, found)
            _logger.info("templates queued for a further model: %s", len(found))
        return len(found)

    def is_ready(self) -> bool:
        """Return whether the recognition service can be asked."""
        return is_ready(self._encoder)

    def run(self, job: ClaimedJob) -> Result:
        """Make one photo's template of one model."""
        enrolment_id, model_id = _what(job)
        with self._database.reading() as db:
            enrolment = db.get(Enrolment, enrolment_id)
            photo = db.get(EnrolmentPhoto, enrolment_id)
            may_use = enrolment is not None and backfill.may_use(db, enrolment, self._today())
        if not may_use:
            return Done(lambda db: backfill.drop(db, enrolment_id, model_id), "overtaken")
        if photo is None:
            return _refused(job, PHOTO_MISSING)
        return self._encode(job, photo)

    def _encode(self, job: ClaimedJob, photo: EnrolmentPhoto) -> Result:
        enrolment_id, model_id = _what(job)
        try:
            plain = open_photo(self._vault, photo)
            outcome = self._encoder.encode(
                plain, models=[model_id], correlation_id=job.correlation_id
            )
        except SealBrokenError:
            return Later(UNREADABLE, pause=UNREADABLE_PAUSE)
        except EncoderUnavailableError as exc:
            return after_failure(self._encoder, exc)
        if isinstance(outcome, FaceRefused):
            return _refused(job, outcome.code)
        made = {one.model_id: one for one in outcome.templates}.get(model_id)
        if made is None:
            return _MODEL_GONE
        add = partial(backfill.add_template, made=made, today=self._today())
        return Done(lambda db: add(db, self._vault, enrolment_id), "made")

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Note that the photo does not serve the model: a new one has to be taken."""
        del actor
        backfill.note_reason(db, *_what(job), CANCELLED)

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()


def _refused(job: ClaimedJob, code: str) -> Done:
    return Done(lambda db: backfill.note_reason(db, *_what(job), code), code)


def _what(job: ClaimedJob) -> tuple[uuid.UUID, str]:
    return uuid.UUID(job.about["enrolment"]), job.about["model"]
