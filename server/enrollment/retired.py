"""Templates of a model that nobody uses any more: count them, and erase them."""

import uuid
from dataclasses import dataclass

from sqlalchemy import and_, exists
from sqlmodel import Session, col, delete, select, update

from server.audit.service import record
from server.db.types import now
from server.enrollment import backfill
from server.enrollment.gallery import log_changes
from server.enrollment.kinds import COMPARE
from server.enrollment.tables import (
    ChangeKind,
    Enrolment,
    EnrolmentSource,
    EnrolmentStatus,
    Resemblance,
    Template,
)
from server.jobs import service as jobs
from server.people.tables import Person


@dataclass(frozen=True)
class ModelCover:
    """How many people one model has templates of, set aside or not.

    Attributes:
        model_id: the model.
        people: with at least one.
        only_here: of them, without a template of any other model.
    """

    model_id: str
    people: int
    only_here: int


def cover_by_model(db: Session) -> list[ModelCover]:
    """Every model that has templates."""
    known: dict[str, set[uuid.UUID]] = {}
    query = select(Template.model_id, Template.person_id).distinct()
    for model_id, person_id in db.exec(query):
        known.setdefault(model_id, set()).add(person_id)
    return [
        ModelCover(model_id, len(people), len(people - _others(known, model_id)))
        for model_id, people in sorted(known.items())
    ]


def hold_people(db: Session, model_id: str) -> None:
    """Lock everybody who has a model's templates: before the school's network is locked."""
    known = select(Template.person_id).where(Template.model_id == model_id)
    # Everybody else who changes somebody's templates holds that person first, too.
    holding = select(Person.id).where(col(Person.id).in_(known)).order_by(col(Person.id))
    db.exec(holding.with_for_update()).all()


def erase_model(db: Session, model_id: str, *, actor: str) -> int:
    """Delete a model's templates and what was found by comparing them; returns how many.

    The caller holds the people and the network, so nobody makes another one meanwhile. Kiosks drop
    them at their next contact, as they drop those of a withdrawn consent. Pairs of scans that
    became templates go with their last template.
    """
    of_model = select(Template.person_id, Template.id).where(Template.model_id == model_id)
    erased = db.exec(of_model.order_by(col(Template.id))).all()
    log_changes(db, erased, ChangeKind.TOMBSTONE, now())
    for table in (Template, Resemblance):
        db.exec(delete(table).where(col(table.model_id) == model_id))
    _end_scans(db)
    backfill.forget_model(db, model_id)
    abouts = [job.about for job in jobs.of_kind(db, COMPARE) if job.about["model"] == model_id]
    jobs.forget(db, COMPARE, abouts)
    if erased:
        details = {"model": model_id, "templates": len(erased)}
        record(db, actor=actor, action="model.erase", subject="model", details=details)
    return len(erased)


def _end_scans(db: Session) -> None:
    """End the enrolments that came from scans and have no template any more."""
    has_any = exists().where(col(Template.enrolment_id) == col(Enrolment.id))
    is_empty = and_(
        col(Enrolment.source) == EnrolmentSource.SCAN.value,
        col(Enrolment.status) == EnrolmentStatus.ACCEPTED.value,
        ~has_any,
    )
    ended = {"status": EnrolmentStatus.WITHDRAWN.value, "finished_at": now()}
    fetch = {"synchronize_session": "fetch"}
    db.exec(update(Enrolment).where(is_empty).values(**ended).execution_options(**fetch))


def _others(known: dict[str, set[uuid.UUID]], model_id: str) -> set[uuid.UUID]:
    return set().union(*(people for other, people in known.items() if other != model_id))
