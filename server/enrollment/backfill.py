"""Templates for a model that the service has been given since a photo was taken, from kept photos.

A row of `missing_templates` says what is missing; a job makes it. A photo that does not serve the
new model keeps its row with the reason, for the person page.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.prepared import Prepared, several, table_of
from server.db.types import now
from server.db.upsert import insert_into
from server.db.vault import Vault
from server.enrollment.gallery import store_template
from server.enrollment.kinds import ADD_MODEL
from server.enrollment.resemblance import request_checks
from server.enrollment.tables import (
    Enrolment,
    EnrolmentSource,
    EnrolmentStatus,
    MissingTemplate,
    Template,
)
from server.jobs import service as jobs
from server.ml.encoder import FaceTemplate
from server.networks.service import Networks, hold, networks_of
from server.people import service as people
from server.people.consent import ConsentState
from server.people.tables import Person

_ACCEPTED = EnrolmentStatus.ACCEPTED.value
_PHOTO = EnrolmentSource.PHOTO.value
#: Photos queued in one transaction.
_PAGE = 500


def missing(db: Session, models: Sequence[str]) -> list[tuple[uuid.UUID, str]]:
    """Accepted photos without a template of one of these models that are not queued yet."""
    found: list[tuple[uuid.UUID, str]] = []
    for model_id in models:
        has = exists().where(
            col(Template.enrolment_id) == col(Enrolment.id), col(Template.model_id) == model_id
        )
        is_queued = exists().where(
            col(MissingTemplate.enrolment_id) == col(Enrolment.id),
            col(MissingTemplate.model_id) == model_id,
        )
        accepted = select(Enrolment.id).where(
            Enrolment.status == _ACCEPTED, Enrolment.source == _PHOTO
        )
        query = accepted.where(~has, ~is_queued).limit(_PAGE)
        found += [(key, model_id) for key in db.exec(query)]
    return found


def queue(db: Session, found: Collection[tuple[uuid.UUID, str]]) -> None:
    """Ask for what `missing` found."""
    query = select(Enrolment.id, Enrolment.person_id)
    query = query.where(col(Enrolment.id).in_({key for key, _ in found}))
    owners = dict(db.exec(query).all())
    for enrolment_id, model_id in found:
        row = {"enrolment_id": enrolment_id, "model_id": model_id}
        db.execute(insert_into(db, MissingTemplate).values(row).on_conflict_do_nothing())
        subject = subject_of("person", owners[enrolment_id])
        jobs.enqueue(db, ADD_MODEL, _about(enrolment_id, model_id), subject=subject, actor=SYSTEM)


def has_others(db: Session, models: Sequence[str]) -> bool:
    """Whether anything is queued, or was refused, for a model that is none of these."""
    others = col(MissingTemplate.model_id).not_in(models)
    query = select(MissingTemplate.enrolment_id).where(others).limit(1)
    return db.exec(query).first() is not None


def forget_others(db: Session, models: Sequence[str]) -> None:
    """Take back what is queued, or was refused, for models that are none of these.

    If one returns, everything without a template of it is queued again.
    """
    others = col(MissingTemplate.model_id).not_in(models)
    _delete(db, db.exec(select(MissingTemplate).where(others)).all())


def add_template(
    db: Session, vault: Vault, enrolment_id: uuid.UUID, made: FaceTemplate, *, today: date
) -> None:
    """Store a template of a further model; nothing where the photo has gone meanwhile."""
    row, enrolment = _locked(db, enrolment_id, made.model_id)
    if row is None or enrolment is None or not may_use(db, enrolment, today):
        return
    if made.model_id not in hold(db).wanted:
        db.delete(row)
        return
    store_template(db, vault, enrolment, made, now())
    db.delete(row)
    details = {"enrolment": str(enrolment.id), "model": made.model_id}
    subject = subject_of("person", enrolment.person_id)
    record(db, actor=SYSTEM, action="template.add", subject=subject, details=details)
    request_checks(db, enrolment.person_id, [made.model_id])


def note_reason(db: Session, enrolment_id: uuid.UUID, model_id: str, reason: str) -> None:
    """Note why a photo does not serve a model."""
    row, _ = _locked(db, enrolment_id, model_id)
    if row is not None:
        row.reason = reason


def drop(db: Session, enrolment_id: uuid.UUID, model_id: str) -> None:
    """Nothing is missing any more: the photo may not be used."""
    row, _ = _locked(db, enrolment_id, model_id)
    if row is not None:
        db.delete(row)


def forget_photos(db: Session, enrolment_ids: Collection[uuid.UUID]) -> None:
    """Nothing is to be made of these photos any more."""
    chosen = col(MissingTemplate.enrolment_id).in_(enrolment_ids)
    _delete(db, db.exec(select(MissingTemplate).where(chosen)).all())


def forget_model(db: Session, model_id: str) -> None:
    """No template of a model is to be made any more."""
    chosen = MissingTemplate.model_id == model_id
    _delete(db, db.exec(select(MissingTemplate).where(chosen)).all())


def is_under_way(db: Session, person_id: uuid.UUID) -> bool:
    """Whether templates of a new model are still to be made of a person's photos."""
    query = select(MissingTemplate.enrolment_id).join(
        Enrolment, col(Enrolment.id) == col(MissingTemplate.enrolment_id)
    )
    waiting = query.where(Enrolment.person_id == person_id, col(MissingTemplate.reason).is_(None))
    return db.exec(waiting.limit(1)).first() is not None


def in_need_of_a_photo(db: Session, person_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these people cannot be recognised with one of the models; see `needs_a_photo`."""
    return set(_in_need(networks_of(db)).values(db, people=person_ids))


@lru_cache(maxsize=8)
def _in_need(networks: Networks) -> Prepared:
    """Build the statement for the school's networks, which seldom change."""
    person_id = table_of(Person).c.id
    needing = sqlalchemy.select(person_id).where(needs_a_photo(networks, person_id))
    return Prepared(needing.where(person_id.in_(several("people"))))


def needs_a_photo(networks: Networks, person_id: Any) -> ColumnElement[bool]:
    """Return the condition that no photo of the person in a column serves one of the models.

    While the next network's templates are made from scans, nobody needs a photo for it.
    """
    has = exists().where(
        col(Template.person_id) == col(Enrolment.person_id),
        col(Template.model_id) == col(MissingTemplate.model_id),
    )
    # Few photos are refused, so the database finds their people once, for all rows.
    refused = select(Enrolment.person_id).join(
        MissingTemplate, col(MissingTemplate.enrolment_id) == col(Enrolment.id)
    )
    refused = refused.where(col(MissingTemplate.reason).is_not(None), ~has)
    if networks.collects_scans:
        refused = refused.where(col(MissingTemplate.model_id) != networks.next)
    conditions = [person_id.in_(refused)]
    if networks.current is not None:
        conditions.append(_is_left_behind(networks.current, person_id))
    return or_(*conditions)


def _is_left_behind(current: str, person_id: Any) -> ColumnElement[bool]:
    """Whether a person has templates of other networks only, and none on its way for this one."""
    own = exists().where(col(Template.person_id) == person_id)
    coming = _missing_of(person_id).where(
        col(MissingTemplate.model_id) == current, col(MissingTemplate.reason).is_(None)
    )
    # Mostly there is no other network, which is seen once, for all rows.
    other = aliased(Template)
    is_other = or_(col(other.model_id) < current, col(other.model_id) > current)
    is_any = exists().where(is_other)
    return and_(is_any, own, ~own.where(col(Template.model_id) == current), ~coming.exists())


def _missing_of(person_id: Any) -> Any:
    """What is queued, or was refused, of a person's photos."""
    of_photo = col(Enrolment.id) == col(MissingTemplate.enrolment_id)
    query = select(MissingTemplate.enrolment_id).join(Enrolment, of_photo)
    return query.where(col(Enrolment.person_id) == person_id)


def may_use(db: Session, enrolment: Enrolment, today: date) -> bool:
    """Return whether templates may be made of a photo: it was accepted, its consent is live."""
    state = people.state_of(db, enrolment.person_id, today)
    return enrolment.status == _ACCEPTED and state is ConsentState.LIVE


def _locked(
    db: Session, enrolment_id: uuid.UUID, model_id: str
) -> tuple[MissingTemplate | None, Enrolment | None]:
    """The rows, under the person's lock, like everything that changes a person's templates."""
    found = db.get(Enrolment, enrolment_id)
    if found is None:
        return None, None
    people.get_person(db, found.person_id, lock=True)
    key = (enrolment_id, model_id)
    row = db.get(MissingTemplate, key, with_for_update=True, populate_existing=True)
    return row, db.get(Enrolment, enrolment_id, with_for_update=True, populate_existing=True)


def _delete(db: Session, rows: Sequence[MissingTemplate]) -> None:
    """Delete rows, then their jobs: in the order in which a worker locks them."""
    abouts = [_about(row.enrolment_id, row.model_id) for row in rows]
    for row in rows:
        db.delete(row)
    db.flush()
    jobs.forget(db, ADD_MODEL, abouts)


def _about(enrolment_id: uuid.UUID, model_id: str) -> dict[str, str]:
    return {"enrolment": str(enrolment_id), "model": model_id}
