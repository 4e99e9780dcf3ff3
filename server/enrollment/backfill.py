"""Templates for a model that the service has been given since a photo was taken, from kept photos.

The backlog is a table: what waits there survives restarts, and a photo that does not serve the new
model stays there with the reason, for the person page.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import Session, col, delete, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.vault import Sealed, Vault
from server.enrollment.gallery import log_change, store_template
from server.enrollment.photo import PHOTO_PURPOSE
from server.enrollment.resemblance import request_checks
from server.enrollment.tables import (
    ChangeKind,
    Enrolment,
    EnrolmentPhoto,
    EnrolmentStatus,
    MissingTemplate,
    Template,
)
from server.ml.encoder import EncodingOutcome, FaceRefused
from server.people import service as people
from server.people.consent import ConsentState

PHOTO_MISSING = "PHOTO_MISSING"
GIVEN_UP = "PROCESSING_FAILED"
#: Tries for a photo on which only this photo fails; then it is given up.
MAX_ATTEMPTS = 6
#: For this long nobody else takes up a photo that somebody has taken.
_TAKEN = timedelta(minutes=10)
_ACCEPTED = EnrolmentStatus.ACCEPTED.value
#: Photos queued in one transaction.
_PAGE = 500


@dataclass(frozen=True)
class BackfillJob:
    """A photo that a worker has claimed, to make one model's template of it."""

    enrolment_id: uuid.UUID
    person_id: uuid.UUID
    model_id: str
    photo: bytes
    attempts: int
    correlation_id: str


def missing(db: Session, models: Sequence[str]) -> list[tuple[uuid.UUID, str]]:
    """Accepted photos without a template of one of these models, that nobody has queued yet."""
    found: list[tuple[uuid.UUID, str]] = []
    for model_id in models:
        has = exists().where(
            col(Template.enrolment_id) == col(Enrolment.id), col(Template.model_id) == model_id
        )
        is_queued = exists().where(
            col(MissingTemplate.enrolment_id) == col(Enrolment.id),
            col(MissingTemplate.model_id) == model_id,
        )
        accepted = select(Enrolment.id).where(Enrolment.status == _ACCEPTED)
        query = accepted.where(~has, ~is_queued).limit(_PAGE)
        found += [(key, model_id) for key in db.exec(query)]
    return found


def queue(db: Session, found: Collection[tuple[uuid.UUID, str]]) -> None:
    """Write down what `missing` found."""
    for enrolment_id, model_id in found:
        db.add(MissingTemplate(enrolment_id=enrolment_id, model_id=model_id))


def has_others(db: Session, models: Sequence[str]) -> bool:
    """Whether anything is queued, or was refused, for a model that is none of these."""
    others = col(MissingTemplate.model_id).not_in(models)
    query = select(MissingTemplate.enrolment_id).where(others).limit(1)
    return db.exec(query).first() is not None


def forget_others(db: Session, models: Sequence[str]) -> None:
    """Take back what is queued, or was refused, for models that are none of these.

    If one returns, everything without a template of it is queued again.
    """
    db.exec(delete(MissingTemplate).where(col(MissingTemplate.model_id).not_in(models)))


def is_any_due(db: Session, at: datetime) -> bool:
    """Whether `claim` would find something."""
    query = select(MissingTemplate.enrolment_id).where(_due(at)).limit(1)
    return db.exec(query).first() is not None


def claim(db: Session, vault: Vault, *, at: datetime, today: date) -> BackfillJob | None:
    """Take the photo that has waited longest; None where it turns out that none serves."""
    query = select(MissingTemplate).where(_due(at)).order_by(col(MissingTemplate.not_before))
    row = db.exec(query.limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.not_before = at + _TAKEN
    row.attempts += 1
    enrolment = db.get_one(Enrolment, row.enrolment_id)
    if not _may_use(db, enrolment, today):
        db.delete(row)
        return None
    photo = db.get(EnrolmentPhoto, row.enrolment_id)
    if photo is None:
        row.reason = PHOTO_MISSING
        return None
    sealed = Sealed(photo.key_id, photo.data)
    return BackfillJob(
        row.enrolment_id,
        enrolment.person_id,
        row.model_id,
        vault.open(sealed, purpose=PHOTO_PURPOSE, context=str(enrolment.id)),
        row.attempts,
        enrolment.correlation_id,
    )


def finish(
    db: Session,
    vault: Vault,
    job: BackfillJob,
    outcome: EncodingOutcome,
    *,
    at: datetime,
    today: date,
) -> None:
    """Store the template, or why there is none; nothing where the photo has gone meanwhile."""
    people.get_person(db, job.person_id, lock=True)
    row = _held(db, job)
    enrolment = db.get(Enrolment, job.enrolment_id, with_for_update=True)
    if row is None or enrolment is None or not _may_use(db, enrolment, today):
        return
    if isinstance(outcome, FaceRefused):
        row.reason = outcome.code
        return
    made = {one.model_id: one for one in outcome.templates}.get(job.model_id)
    if made is None:  # the service has another model again; perhaps tomorrow
        row.not_before = at + timedelta(days=1)
        return
    template = store_template(db, vault, enrolment, made, at)
    log_change(db, template, ChangeKind.UPSERT, at)
    request_checks(db, job.person_id, [job.model_id])
    db.delete(row)
    details = {"enrolment": str(enrolment.id), "model": job.model_id}
    subject = subject_of("person", job.person_id)
    record(db, actor=SYSTEM, action="template.add", subject=subject, details=details)


def put_back(db: Session, job: BackfillJob, at: datetime, *, is_waiting: bool) -> None:
    """Try again: at once where the service was away, else after longer pauses, and not for ever."""
    row = _held(db, job)
    if row is None:
        return
    row.attempts -= int(is_waiting)
    row.not_before = at if is_waiting else at + timedelta(seconds=2**job.attempts)
    if row.attempts >= MAX_ATTEMPTS:
        row.reason = GIVEN_UP


def forget_photos(db: Session, enrolment_ids: Collection[uuid.UUID]) -> None:
    """Nothing is to be made of these photos any more."""
    chosen = col(MissingTemplate.enrolment_id).in_(enrolment_ids)
    db.exec(delete(MissingTemplate).where(chosen))


def is_under_way(db: Session, person_id: uuid.UUID) -> bool:
    """Whether templates of a new model are still to be made of a person's photos."""
    query = select(MissingTemplate.enrolment_id).join(
        Enrolment, col(Enrolment.id) == col(MissingTemplate.enrolment_id)
    )
    waiting = query.where(Enrolment.person_id == person_id, col(MissingTemplate.reason).is_(None))
    return db.exec(waiting.limit(1)).first() is not None


def in_need_of_a_photo(
    db: Session, person_ids: Collection[uuid.UUID] | None = None
) -> set[uuid.UUID]:
    """Who cannot be recognised with one of the models: no photo of theirs serves it.

    Of these people only, or of everybody.
    """
    has = exists().where(
        col(Template.person_id) == col(Enrolment.person_id),
        col(Template.model_id) == col(MissingTemplate.model_id),
    )
    query = (
        select(Enrolment.person_id)
        .join(MissingTemplate, col(Enrolment.id) == col(MissingTemplate.enrolment_id))
        .where(col(MissingTemplate.reason).is_not(None), ~has)
    )
    if person_ids is not None:
        query = query.where(col(Enrolment.person_id).in_(person_ids))
    return set(db.exec(query))


def _due(at: datetime) -> ColumnElement[bool]:
    return and_(col(MissingTemplate.reason).is_(None), col(MissingTemplate.not_before) <= at)


def _held(db: Session, job: BackfillJob) -> MissingTemplate | None:
    key = (job.enrolment_id, job.model_id)
    return db.get(MissingTemplate, key, with_for_update=True, populate_existing=True)


def _may_use(db: Session, enrolment: Enrolment, today: date) -> bool:
    state = people.state_of(db, enrolment.person_id, today)
    return enrolment.status == _ACCEPTED and state is ConsentState.LIVE
