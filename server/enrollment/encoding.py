"""Turn photos into templates: one job for each photo."""

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial

from prometheus_client import Counter
from sqlmodel import Session

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment.gallery import store_template
from server.enrollment.kinds import ENCODE
from server.enrollment.photo import PHOTO_MISSING, UNREADABLE, UNREADABLE_PAUSE, open_photo
from server.enrollment.resemblance import request_checks
from server.enrollment.retention import is_kept
from server.enrollment.service import delete_photos, remove_enrolment
from server.enrollment.tables import Enrolment, EnrolmentPhoto, EnrolmentStatus
from server.errors import SealBrokenError
from server.jobs.recognition import after_failure, is_ready
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.ml.encoder import EncoderUnavailableError, FaceEncoded, FaceEncoder, FaceRefused
from server.networks.service import Networks, fix_first, networks_of
from server.people import service as people
from server.people.consent import ConsentState

_logger = logging.getLogger(__name__)
#: The service does not make templates of the network in use, or an admin changed it meanwhile.
MODEL_GONE = Later("MODEL_GONE", pause=timedelta(minutes=1))
_FINISHED = Counter("rollcall_enrolments", "Photos finished, by outcome.", ["outcome"])


class EncodePhotos:
    """The handler. Photo and row share transactions, so one never exists without the other."""

    kind = ENCODE

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
        """Have one photo encoded; its consent is checked before and after."""
        with self._database.reading() as db:
            row = db.get(Enrolment, uuid.UUID(job.about["enrolment"]))
            if row is None or row.status != EnrolmentStatus.PENDING:
                return Done(lambda _: None, "overtaken")
            if people.state_of(db, row.person_id, self._today()) is not ConsentState.LIVE:
                return self._ended(row.id, _drop, "consent_ended")
            photo = db.get(EnrolmentPhoto, row.id)
            networks = networks_of(db)
        if photo is None:
            missing = FaceRefused(PHOTO_MISSING)
            return self._ended(row.id, partial(_reject, refused=missing), PHOTO_MISSING)
        try:
            plain = open_photo(self._vault, photo)
        except SealBrokenError:
            return Later(UNREADABLE, pause=UNREADABLE_PAUSE)
        return self._encode(row, plain, networks, job.correlation_id)

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Erase the photo: an admin gives it up."""
        row = db.get(Enrolment, uuid.UUID(job.about["enrolment"]))
        if row is not None and row.status == EnrolmentStatus.PENDING:
            remove_enrolment(db, row.person_id, row.id, actor=actor, at=now())

    def _encode(
        self, row: Enrolment, photo: bytes, networks: Networks, correlation_id: str
    ) -> Result:
        served = self._encoder.models()
        if served and networks.current not in {None, *served}:
            return MODEL_GONE
        models = [one for one in networks.wanted if one in served or not served]
        try:
            outcome = self._encoder.encode(
                photo, models=models or None, correlation_id=correlation_id
            )
        except EncoderUnavailableError as exc:
            return after_failure(self._encoder, exc)
        if isinstance(outcome, FaceRefused):
            return self._ended(row.id, partial(_reject, refused=outcome), outcome.code)
        return self._ended(row.id, partial(self._accept, face=outcome), "accepted")

    def _ended(
        self,
        enrolment_id: uuid.UUID,
        finish: Callable[[Session, Enrolment], Later | None],
        outcome: str,
    ) -> Done:
        def write(db: Session) -> Later | None:
            found = db.get(Enrolment, enrolment_id)
            if found is None:
                return None
            people.get_person(db, found.person_id, lock=True)
            row = db.get(Enrolment, enrolment_id, with_for_update=True, populate_existing=True)
            if row is None or row.status != EnrolmentStatus.PENDING:
                return None
            instead = finish(db, row)
            if instead is None:
                _FINISHED.labels(outcome).inc()
            return instead

        return Done(write, outcome)

    def _accept(self, db: Session, row: Enrolment, *, face: FaceEncoded) -> Later | None:
        """Store the templates. Kiosks get them after the check for duplicates."""
        if people.state_of(db, row.person_id, self._today()) is not ConsentState.LIVE:
            _drop(db, row)
            return None
        if not face.templates:
            return MODEL_GONE
        networks = fix_first(db, face.templates[0].model_id)
        made = {one.model_id: one for one in face.templates if one.model_id in networks.wanted}
        if networks.current not in made:
            return MODEL_GONE
        at, models = now(), list(made)
        for template in made.values():
            store_template(db, self._vault, row, template, at)
        row.face_area_ratio = face.face_area_ratio
        row.advice = list(face.advice)
        _finish(row, EnrolmentStatus.ACCEPTED, None)
        if not is_kept(db):
            delete_photos(db, [row.id])
        _record(db, row, "enrolment.accept", {"models": models})
        request_checks(db, row.person_id, models)
        return None

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()


def _reject(db: Session, row: Enrolment, *, refused: FaceRefused) -> None:
    """Note why, and delete the photo: the verdict is about the picture."""
    delete_photos(db, [row.id])
    row.advice = list(refused.further)
    _finish(row, EnrolmentStatus.REJECTED, refused.code)
    _record(db, row, "enrolment.reject", {"reason": refused.code})


def _drop(db: Session, row: Enrolment) -> None:
    """Erase a photo that lost its consent before it became anything."""
    delete_photos(db, [row.id])
    _finish(row, EnrolmentStatus.WITHDRAWN, None)
    _record(db, row, "enrolment.drop", {"reason": "consent_ended"})


def _finish(row: Enrolment, status: EnrolmentStatus, reason: str | None) -> None:
    row.status = status.value
    row.reason = reason
    row.finished_at = now()


def _record(db: Session, row: Enrolment, action: str, details: Mapping[str, object]) -> None:
    subject = subject_of("person", row.person_id)
    details = {"enrolment": str(row.id), **details}
    record(db, actor=SYSTEM, action=action, subject=subject, details=details)
