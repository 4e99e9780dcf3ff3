"""Enrolments as jobs: claim one with a lease, keep the lease, finish it, or put it back.

A worker that dies leaves a lease that runs out; another then takes the row up from the start. Every
way to finish checks that the lease is still one's own, so a late worker cannot undo a withdrawal.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select, update

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.types import now
from server.db.vault import Sealed, Vault
from server.enrollment.gallery import log_change, store_template
from server.enrollment.photo import PHOTO_PURPOSE
from server.enrollment.resemblance import request_checks
from server.enrollment.retention import is_kept
from server.enrollment.service import delete_photos
from server.enrollment.tables import (
    ChangeKind,
    Enrolment,
    EnrolmentPhoto,
    EnrolmentStatus,
)
from server.errors import SealBrokenError
from server.ml.encoder import FaceEncoded, FaceRefused
from server.people import service as people
from server.people.consent import ConsentState

_logger = logging.getLogger(__name__)

_SEALED_PAUSE = timedelta(minutes=5)
_PENDING = EnrolmentStatus.PENDING.value
_PROCESSING = EnrolmentStatus.PROCESSING.value


@dataclass(frozen=True)
class Job:
    """A claimed enrolment: what a worker needs while it holds no transaction."""

    enrolment_id: uuid.UUID
    person_id: uuid.UUID
    photo: bytes
    attempts: int
    correlation_id: str


def is_any_due(db: Session, at: datetime) -> bool:
    """Whether `claim` would find something."""
    return db.exec(select(Enrolment.id).where(_due(at)).limit(1)).first() is not None


def claim(
    db: Session, vault: Vault, *, owner: str, at: datetime, lease: timedelta, today: date
) -> Job | None:
    """Take the longest waiting enrolment. Never gives one to two workers.

    On PostgreSQL rows that others are claiming are skipped; on SQLite a writing transaction is
    alone. A photo whose consent ran out while it waited is erased instead: nothing is computed.
    """
    query = select(Enrolment).where(_due(at)).order_by(col(Enrolment.not_before)).limit(1)
    row = db.exec(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    if people.state_of(db, row.person_id, today) is not ConsentState.LIVE:
        _drop(db, row, at)
        return None
    photo = db.get(EnrolmentPhoto, row.id)
    if photo is None:
        # Cannot happen while photo and row share transactions; never loop on it.
        _finish(row, EnrolmentStatus.REJECTED, "PHOTO_MISSING", at)
        return None
    try:
        sealed = Sealed(photo.key_id, photo.data)
        plain = vault.open(sealed, purpose=PHOTO_PURPOSE, context=str(row.id))
    except SealBrokenError:
        # Perhaps a key is missing for a while: keep the photo, let others pass, say so.
        _logger.exception("enrolment %s: its photo does not open", row.id)
        row.not_before = at + _SEALED_PAUSE
        return None
    row.status = _PROCESSING
    row.lease_owner = owner
    row.lease_until = at + lease
    row.attempts += 1
    return Job(row.id, row.person_id, plain, row.attempts, row.correlation_id)


def renew(db: Session, *, owner: str, until: datetime) -> None:
    """Keep every lease of a worker pool that is still alive."""
    mine = and_(col(Enrolment.lease_owner) == owner, col(Enrolment.status) == _PROCESSING)
    db.exec(update(Enrolment).where(mine).values(lease_until=until))


def holds_any(db: Session, owner: str) -> bool:
    """Whether a worker pool has claimed something and not finished it."""
    mine = and_(col(Enrolment.lease_owner) == owner, col(Enrolment.status) == _PROCESSING)
    return db.exec(select(Enrolment.id).where(mine).limit(1)).first() is not None


def accept(
    db: Session,
    vault: Vault,
    job: Job,
    face: FaceEncoded,
    *,
    owner: str,
    today: date,
) -> bool:
    """Store the templates and log the changes. False: it was withdrawn or taken over meanwhile."""
    at = now()
    people.get_person(db, job.person_id, lock=True)
    row = _held(db, job, owner)
    if row is None:
        return False
    if people.state_of(db, job.person_id, today) is not ConsentState.LIVE:
        _drop(db, row, at)
        return False
    for made in face.templates:
        template = store_template(db, vault, row, made, at)
        log_change(db, template, ChangeKind.UPSERT, at)
    request_checks(db, job.person_id, {one.model_id for one in face.templates})
    row.face_area_ratio = face.face_area_ratio
    row.advice = list(face.advice)
    _finish(row, EnrolmentStatus.ACCEPTED, None, at)
    if not is_kept(db):
        delete_photos(db, [row.id])
    _record(db, row, "enrolment.accept", {"models": [one.model_id for one in face.templates]})
    return True


def reject(db: Session, job: Job, refused: FaceRefused, *, owner: str, at: datetime) -> bool:
    """Note why, and delete the photo. False: it was withdrawn or taken over meanwhile."""
    row = _held(db, job, owner)
    if row is None:
        return False
    delete_photos(db, [row.id])
    row.advice = list(refused.further)
    _finish(row, EnrolmentStatus.REJECTED, refused.code, at)
    _record(db, row, "enrolment.reject", {"reason": refused.code})
    return True


def put_back(
    db: Session, job: Job, *, owner: str, not_before: datetime, is_waiting_for_service: bool
) -> None:
    """Return an enrolment that could not be worked on to those that wait."""
    row = _held(db, job, owner)
    if row is None:
        return
    row.status = _PENDING
    row.is_waiting_for_service = is_waiting_for_service
    row.not_before = not_before
    row.lease_owner = None
    row.lease_until = None
    if is_waiting_for_service:
        row.attempts -= 1


def mark_waiting(db: Session) -> None:
    """Let everything pending say that it waits for the recognition service."""
    pending = and_(
        col(Enrolment.status) == _PENDING, col(Enrolment.is_waiting_for_service).is_(False)
    )
    db.exec(update(Enrolment).where(pending).values(is_waiting_for_service=True))


def _due(at: datetime) -> ColumnElement[bool]:
    return or_(
        and_(col(Enrolment.status) == _PENDING, col(Enrolment.not_before) <= at),
        and_(col(Enrolment.status) == _PROCESSING, col(Enrolment.lease_until) <= at),
    )


def _held(db: Session, job: Job, owner: str) -> Enrolment | None:
    row = db.get(Enrolment, job.enrolment_id, with_for_update=True)
    if row is None or row.status != _PROCESSING or row.lease_owner != owner:
        return None
    return row


def _finish(row: Enrolment, status: EnrolmentStatus, reason: str | None, at: datetime) -> None:
    row.status = status.value
    row.reason = reason
    row.is_waiting_for_service = False
    row.lease_owner = None
    row.lease_until = None
    row.finished_at = at


def _drop(db: Session, row: Enrolment, at: datetime) -> None:
    """Erase a photo that lost its consent before it became anything."""
    delete_photos(db, [row.id])
    _finish(row, EnrolmentStatus.WITHDRAWN, None, at)
    _record(db, row, "enrolment.drop", {"reason": "consent_ended"})


def _record(db: Session, row: Enrolment, action: str, details: Mapping[str, object]) -> None:
    subject = subject_of("person", row.person_id)
    details = {"enrolment": str(row.id), **details}
    record(db, actor=SYSTEM, action=action, subject=subject, details=details)
