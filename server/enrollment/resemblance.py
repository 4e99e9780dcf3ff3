"""People who resemble each other, and photos unlike a person's others: store, show and undo."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, delete, func, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.changes.service import note_people
from server.db.types import now
from server.enrollment.gallery import log_change
from server.enrollment.kinds import COMPARE
from server.enrollment.tables import (
    ChangeKind,
    Resemblance,
    ResemblanceKind,
    Template,
)
from server.errors import NotFoundError
from server.jobs import service as jobs
from server.networks.scans import CONFIRM
from server.people import service as people
from server.people.tables import Person

OUTLIER = "outlier"
MOST_PAIRS = 50


@dataclass(frozen=True)
class Likeness:
    """A person who resembles another one.

    Attributes:
        other: the person.
        is_duplicate: whether they may be one person enrolled twice, and nobody said otherwise.
        was_dismissed: whether a user said that they are two people.
    """

    other: Person
    is_duplicate: bool
    was_dismissed: bool


def about(person_id: uuid.UUID) -> ColumnElement[bool]:
    """Which pairs have this person in them."""
    return or_(col(Resemblance.first_id) == person_id, col(Resemblance.second_id) == person_id)


def request_checks(db: Session, person_id: uuid.UUID, models: Collection[str]) -> None:
    """Have a person's templates of these models compared again. The caller holds the person."""
    for model_id in sorted(set(models)):
        subject = subject_of("person", person_id)
        jobs.enqueue(db, COMPARE, _pair_of(person_id, model_id), subject=subject, actor=SYSTEM)
    db.flush()


def _pair_of(person_id: uuid.UUID, model_id: str) -> dict[str, str]:
    return {"model": model_id, "person": str(person_id)}


def forget_person(db: Session, person_id: uuid.UUID) -> None:
    """Delete everything that was found by comparing a person, and what was to be compared."""
    db.exec(delete(Resemblance).where(about(person_id)))
    note_people(db, person_id)
    jobs.forget_subject(db, subject_of("person", person_id), [COMPARE, CONFIRM])


def after_removal(db: Session, person_id: uuid.UUID, models: Collection[str]) -> None:
    """Follow up on templates that were taken away. The caller holds the person."""
    query = select(Template.model_id).where(Template.person_id == person_id)
    left = set(db.exec(query))
    gone = set(models) - left
    db.exec(delete(Resemblance).where(about(person_id), col(Resemblance.model_id).in_(gone)))
    note_people(db, person_id)
    jobs.forget(db, COMPARE, [_pair_of(person_id, model_id) for model_id in gone])
    request_checks(db, person_id, set(models) & left)


def likenesses_of(db: Session, person_id: uuid.UUID) -> list[Likeness]:
    """Return the people a person resembles, each once for all models, possible duplicates first."""
    rows = db.exec(
        select(Resemblance).where(about(person_id)).order_by(col(Resemblance.distance))
    ).all()
    found: dict[uuid.UUID, list[Resemblance]] = {}
    for row in rows:
        other = row.second_id if row.first_id == person_id else row.first_id
        found.setdefault(other, []).append(row)
    query = select(Person).where(col(Person.id).in_(found))
    likenesses = [_likeness(other, found[other.id]) for other in db.exec(query)]
    return sorted(likenesses, key=lambda one: (not one.is_duplicate, one.other.sort_key))


def dismiss(db: Session, person_id: uuid.UUID, other_id: uuid.UUID, *, actor: str) -> None:
    """Say that two people are two: they stay look-alikes. Repeating it changes nothing.

    Raises:
        NotFoundError: these two were not found to resemble each other.
    """
    first, second = sorted((person_id, other_id))
    query = select(Resemblance).where(
        Resemblance.first_id == first, Resemblance.second_id == second
    )
    rows = db.exec(query.with_for_update()).all()
    if not rows:
        raise NotFoundError(
            "These two were not found to resemble each other.", problem="no_likeness"
        )
    at = now()
    for row in rows:
        if row.dismissed_at is None:
            row.kind = ResemblanceKind.LOOK_ALIKE.value
            row.dismissed_at, row.dismissed_by = at, actor
    details = {"other": str(other_id)}
    subject = subject_of("person", person_id)
    record(db, actor=actor, action="resemblance.dismiss", subject=subject, details=details)


def set_aside(db: Session, template: Template, at: datetime) -> None:
    """Let a template go to no kiosk any more."""
    template.set_aside_reason = OUTLIER
    log_change(db, template, ChangeKind.TOMBSTONE, at)
    _record(db, template, "template.set_aside", SYSTEM)


def bring_back(db: Session, template: Template, at: datetime, *, actor: str) -> None:
    """Let a template that was set aside go to kiosks again."""
    template.set_aside_reason = None
    log_change(db, template, ChangeKind.UPSERT, at)
    _record(db, template, "template.restore", actor)


def restore(
    db: Session, person_id: uuid.UUID, enrolment_id: uuid.UUID, *, actor: str, at: datetime
) -> None:
    """Use a photo that was set aside after all, for good. Repeating it changes nothing.

    Raises:
        NotFoundError: no such person, or no template of such a photo of theirs.
    """
    people.get_person(db, person_id, lock=True)
    query = select(Template).where(
        Template.enrolment_id == enrolment_id, Template.person_id == person_id
    )
    templates = db.exec(query).all()
    if not templates:
        raise NotFoundError("There is no such photo.", problem="no_photo")
    for template in templates:
        if template.set_aside_reason is not None:
            template.is_restored = True
            bring_back(db, template, at, actor=actor)
    request_checks(db, person_id, {template.model_id for template in templates})


def pairs_among(
    db: Session, person_ids: Collection[uuid.UUID] | None
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Everybody of these who resembles another of these, in a fixed order; None is everybody."""
    first_id, second_id = col(Resemblance.first_id), col(Resemblance.second_id)
    query = select(first_id, second_id).distinct().order_by(first_id, second_id)
    if person_ids is None:
        return list(db.exec(query).all())
    among = set(person_ids)
    pairs = db.exec(query.where(first_id.in_(among))).all()
    return [(first, second) for first, second in pairs if second in among]


def nearest_pairs(db: Session, model_id: str, distance: float) -> list[tuple[Person, Person]]:
    """Return the `MOST_PAIRS` nearest pairs of people within a distance, the nearest first."""
    query = select(Resemblance.first_id, Resemblance.second_id).where(
        Resemblance.model_id == model_id, col(Resemblance.distance) < distance
    )
    rows = db.exec(query.order_by(col(Resemblance.distance)).limit(MOST_PAIRS)).all()
    found = people.people_by_id(db, {person_id for pair in rows for person_id in pair})
    return [(found[first], found[second]) for first, second in rows]


def enrolled_twice(db: Session, model_id: str) -> set[uuid.UUID]:
    """Return one of each two people who may be one person, until a user says they are two."""
    query = select(Resemblance.second_id).where(
        Resemblance.model_id == model_id,
        Resemblance.kind == ResemblanceKind.DUPLICATE.value,
        col(Resemblance.dismissed_at).is_(None),
    )
    return set(db.exec(query))


def counters() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """How many pairs there are, and when the newest was found; part of a larger query."""
    return (
        select(func.count(col(Resemblance.found_at))).scalar_subquery(),
        select(func.max(col(Resemblance.found_at))).scalar_subquery(),
    )


def fingerprint(number: int, newest: datetime | None) -> str:
    """A short text that changes whenever a pair comes or goes; takes the `counters`."""
    return f"{number}-{newest.timestamp():.6f}" if newest else "0"


def _likeness(other: Person, rows: Sequence[Resemblance]) -> Likeness:
    was_dismissed = any(row.dismissed_at is not None for row in rows)
    is_near = any(row.kind == ResemblanceKind.DUPLICATE for row in rows)
    return Likeness(other, is_near and not was_dismissed, was_dismissed)


def _record(db: Session, template: Template, action: str, actor: str) -> None:
    subject = subject_of("person", template.person_id)
    details = {"enrolment": str(template.enrolment_id), "model": template.model_id}
    record(db, actor=actor, action=action, subject=subject, details=details)
