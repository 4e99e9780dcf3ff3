"""Checks of the gallery as jobs: take one, ask about it, keep what was found.

Taking a job puts it off; a worker that dies is overtaken once that time is over. An answer counts
only where the person's templates are still those that were asked about.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from server.audit.service import SYSTEM
from server.db.vault import Vault
from server.enrollment.gallery import open_template
from server.enrollment.resemblance import bring_back, set_aside
from server.enrollment.tables import GalleryCheck, Resemblance, ResemblanceKind, Template
from server.ml.encoder import GalleryFindings, GalleryQuestion, Resembling
from server.people import service as people
from server.people.consent import ConsentState
from server.people.tables import Person

#: For this long nobody else takes up a check that somebody has taken.
_TAKEN = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class CheckJob:
    """A check that a worker has claimed: the person, the model and the revision."""

    person_id: uuid.UUID
    model_id: str
    revision: int
    attempts: int


@dataclass(frozen=True)
class OpenCheck:
    """What is asked, and which templates it is about.

    Attributes:
        question: for the recognition service.
        templates: ids of the person's templates, in the order of the question's.
    """

    question: GalleryQuestion
    templates: tuple[uuid.UUID, ...]


def is_any_due(db: Session, at: datetime) -> bool:
    """Whether `claim` would find something."""
    due = select(GalleryCheck.person_id).where(col(GalleryCheck.not_before) <= at)
    return db.exec(due.limit(1)).first() is not None


def is_under_way(db: Session, person_id: uuid.UUID, at: datetime) -> bool:
    """Return whether a person is being compared, or will be in the next minutes."""
    query = select(GalleryCheck.person_id).where(
        GalleryCheck.person_id == person_id, col(GalleryCheck.not_before) <= at + _TAKEN
    )
    return db.exec(query.limit(1)).first() is not None


def claim(db: Session, at: datetime) -> CheckJob | None:
    """Take the check that has waited longest."""
    due = select(GalleryCheck).where(col(GalleryCheck.not_before) <= at)
    query = due.order_by(col(GalleryCheck.not_before)).limit(1)
    row = db.exec(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.not_before = at + _TAKEN
    row.attempts += 1
    return CheckJob(row.person_id, row.model_id, row.revision, row.attempts)


def prepare(db: Session, vault: Vault, job: CheckJob, today: date) -> OpenCheck | None:
    """Open the templates of the person and of everybody else with a live consent.

    Returns:
        None where the person has none, or may not be compared.
    """
    query = select(Template).where(Template.model_id == job.model_id).order_by(col(Template.id))
    by_person: dict[uuid.UUID, list[Template]] = {}
    for template in db.exec(query):
        if template.person_id == job.person_id or template.set_aside_reason is None:
            by_person.setdefault(template.person_id, []).append(template)
    states = people.states_of(db, by_person, today)
    mine = by_person.pop(job.person_id, [])
    if not mine or states[job.person_id] is not ConsentState.LIVE:
        return None
    others = {
        str(key): tuple(open_template(vault, one) for one in found)
        for key, found in by_person.items()
        if states[key] is ConsentState.LIVE
    }
    own = tuple(open_template(vault, one) for one in mine)
    return OpenCheck(GalleryQuestion(job.model_id, own, others), tuple(one.id for one in mine))


def finish(
    db: Session,
    job: CheckJob,
    asked: OpenCheck,
    found: GalleryFindings,
    *,
    at: datetime,
    today: date,
) -> bool:
    """Keep what was found. False: the templates have changed meanwhile, it will be asked again."""
    near = {uuid.UUID(one.person_id): one for one in (*found.look_alikes, *found.duplicates)}
    _hold(db, {job.person_id, *near})
    row = _held(db, job)
    if row is None:
        return False
    for index, template_id in enumerate(asked.templates):
        template = db.get_one(Template, template_id)
        is_outlier = index in found.set_aside and not template.is_restored
        if is_outlier and template.set_aside_reason is None:
            set_aside(db, template, at)
        elif not is_outlier and template.set_aside_reason is not None:
            bring_back(db, template, at, actor=SYSTEM)
    duplicates = {uuid.UUID(one.person_id) for one in found.duplicates}
    still = _still_there(db, near, job.model_id, today)
    kept = {key: one for key, one in near.items() if key in still}
    _keep_pairs(db, job, kept, duplicates)
    db.delete(row)
    return True


def drop(db: Session, job: CheckJob) -> None:
    """Nothing is left to compare."""
    row = _held(db, job)
    if row is not None:
        db.delete(row)


def put_back(db: Session, job: CheckJob, at: datetime, *, is_waiting: bool) -> None:
    """Try again: at once where the service was away, else after longer and longer pauses."""
    row = _held(db, job)
    if row is None:
        return
    row.attempts -= int(is_waiting)
    pause = min(timedelta(seconds=2 ** min(job.attempts, 12)), _LONGEST_PAUSE)
    row.not_before = at if is_waiting else at + pause


def put_off(db: Session, job: CheckJob, at: datetime) -> None:
    """The service cannot check galleries, or not with this model: perhaps tomorrow."""
    row = _held(db, job)
    if row is not None:
        row.not_before = at + timedelta(days=1)


def _held(db: Session, job: CheckJob) -> GalleryCheck | None:
    key = (job.person_id, job.model_id)
    row = db.get(GalleryCheck, key, with_for_update=True, populate_existing=True)
    return row if row is not None and row.revision == job.revision else None


def _hold(db: Session, person_ids: Collection[uuid.UUID]) -> None:
    """Nobody's consent changes until the commit. In order, so that two checks cannot deadlock."""
    query = select(Person.id).where(col(Person.id).in_(person_ids)).order_by(col(Person.id))
    db.exec(query.with_for_update()).all()


def _still_there(
    db: Session, person_ids: Collection[uuid.UUID], model_id: str, today: date
) -> set[uuid.UUID]:
    query = select(Template.person_id).where(
        col(Template.person_id).in_(person_ids), Template.model_id == model_id
    )
    having = set(db.exec(query))
    states = people.states_of(db, having, today)
    return {key for key in having if states[key] is ConsentState.LIVE}


def _keep_pairs(
    db: Session,
    job: CheckJob,
    near: dict[uuid.UUID, Resembling],
    duplicates: Collection[uuid.UUID],
) -> None:
    query = select(Resemblance).where(
        (col(Resemblance.first_id) == job.person_id)
        | (col(Resemblance.second_id) == job.person_id),
        Resemblance.model_id == job.model_id,
    )
    known = {
        row.second_id if row.first_id == job.person_id else row.first_id: row
        for row in db.exec(query)
    }
    for other_id, one in near.items():
        is_duplicate = other_id in duplicates
        kind = ResemblanceKind.DUPLICATE if is_duplicate else ResemblanceKind.LOOK_ALIKE
        row = known.pop(other_id, None)
        if row is None:
            db.add(_pair(job, other_id, kind, one.distance))
        else:
            row.distance = one.distance
            row.kind = row.kind if row.dismissed_at is not None else kind.value
    for row in known.values():
        # That two people are two was somebody's word; it holds if they come near again.
        if row.dismissed_at is None:
            db.delete(row)


def _pair(
    job: CheckJob, other_id: uuid.UUID, kind: ResemblanceKind, distance: float
) -> Resemblance:
    first, second = sorted((job.person_id, other_id))
    return Resemblance(
        first_id=first,
        second_id=second,
        model_id=job.model_id,
        kind=kind.value,
        distance=distance,
    )
