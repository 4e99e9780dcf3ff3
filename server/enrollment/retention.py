"""Photos that have done their work: gone at once, or within the hour, where the policy says so."""

import uuid

from sqlalchemy import exists
from sqlmodel import Session, col, select

from server.audit.service import SYSTEM, record
from server.enrollment.service import delete_photos
from server.enrollment.tables import (
    Enrolment,
    EnrolmentPhoto,
    EnrolmentStatus,
    MissingTemplate,
)
from server.policies.service import current_policy

_AT_A_TIME = 1000


def is_kept(db: Session) -> bool:
    """Whether accepted photos stay."""
    return current_policy(db).enrolment.keep_photos


def drop_photos(db: Session) -> int:
    """Delete photos that have become templates, where the policy keeps none; returns how many.

    A photo that a further model still waits for stays until that is done.
    """
    if is_kept(db):
        return 0
    count = delete_photos(db, _finished(db))
    if count:
        details = {"photos": count}
        record(db, actor=SYSTEM, action="photos.drop", subject="photos", details=details)
    return count


def _finished(db: Session) -> list[uuid.UUID]:
    is_awaited = exists().where(
        col(MissingTemplate.enrolment_id) == col(Enrolment.id),
        col(MissingTemplate.reason).is_(None),
    )
    query = (
        select(EnrolmentPhoto.enrolment_id)
        .join(Enrolment, col(Enrolment.id) == col(EnrolmentPhoto.enrolment_id))
        .where(Enrolment.status == EnrolmentStatus.ACCEPTED.value, ~is_awaited)
    )
    return list(db.exec(query.limit(_AT_A_TIME)))
