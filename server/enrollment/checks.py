"""Compare a person's templates with everybody else's: what is asked, and what is kept of it.

An answer counts only where the person's templates are still those that were asked about.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, select

from server.audit.service import SYSTEM
from server.audit.tables import subject_of
from server.changes.service import note_people
from server.db.types import now
from server.db.vault import Vault
from server.enrollment.gallery import PURPOSE, log_change, open_readable
from server.enrollment.kinds import COMPARE
from server.enrollment.resemblance import bring_back, request_checks, set_aside
from server.enrollment.tables import ChangeKind, Resemblance, ResemblanceKind, Template
from server.errors import SealBrokenError
from server.jobs import service as jobs
from server.jobs.tables import Job, JobState
from server.ml.encoder import GalleryFindings, GalleryQuestion, Resembling
from server.people import service as people
from server.people.consent import ConsentState
from server.people.tables import Person

#: A check that is due later than this is not shown as running.
_SOON = timedelta(minutes=10)


@dataclass(frozen=True)
class PersonModel:
    """Whose templates of which model are compared."""

    person_id: uuid.UUID
    model_id: str


@dataclass(frozen=True)
class OpenCheck:
    """What is asked, and which templates it is about.

    Attributes:
        question: for the recognition service.
        templates: ids of the person's templates, in the order of the question's.
        is_partial: whether templates were left out whose key may come back.
    """

    question: GalleryQuestion
    templates: tuple[uuid.UUID, ...]
    is_partial: bool = False


def is_under_way(db: Session, person_id: uuid.UUID) -> bool:
    """Return whether a person is being compared, or will be in the next minutes."""
    soon = now() + _SOON
    return any(
        job.state != JobState.PARKED and job.not_before <= soon for job in _of(db, person_id)
    )


def is_failing(db: Session, person_id: uuid.UUID) -> bool:
    """Return whether the check of a person failed too often."""
    return any(job.attempts >= jobs.MAX_ATTEMPTS for job in _of(db, person_id))


def _of(db: Session, person_id: uuid.UUID) -> list[Job]:
    found = jobs.concerning(db, subject_of("person", person_id))
    return [job for job in found if job.kind == COMPARE]


def prepare(db: Session, vault: Vault, job: PersonModel, today: date) -> OpenCheck | None:
    """Open the templates of the person and of everybody else with a live consent.

    A template that cannot be read is left out.

    Returns:
        None where the person has none, or may not be compared.

    Raises:
        SealBrokenError: none of the person's templates can be read.
    """
    query = select(Template).where(Template.model_id == job.model_id).order_by(col(Template.id))
    by_person: dict[uuid.UUID, list[Template]] = {}
    for template in db.exec(query):
        if template.person_id == job.person_id or template.set_aside_reason is None:
            by_person.setdefault(template.person_id, []).append(template)
    states = people.states_of(db, by_person, today)
    by_key = {str(key): found for key, found in by_person.items()}
    mine = by_person.pop(job.person_id, [])
    if not mine or states[job.person_id] is not ConsentState.LIVE:
        return None
    own = open_readable(vault, mine)
    if not own:
        raise SealBrokenError(key_id=mine[0].key_id)
    others = {
        str(key): tuple(open_readable(vault, found).values())
        for key, found in by_person.items()
        if states[key] is ConsentState.LIVE
    }
    readable = {key: found for key, found in others.items() if found}
    question = GalleryQuestion(job.model_id, tuple(own.values()), readable)
    compared = (one for key in (*others, str(job.person_id)) for one in by_key[key])
    is_partial = any(not vault.has_key(one.key_id) for one in compared)
    return OpenCheck(question, tuple(own), is_partial)


def keep_findings(
    db: Session,
    job: PersonModel,
    asked: OpenCheck,
    found: GalleryFindings,
    *,
    is_held: Callable[[], bool],
    today: date,
) -> None:
    """Keep what was found, and let the templates go to kiosks.

    Args:
        db: the caller's transaction.
        job: whose templates.
        asked: what was asked.
        found: what the service answered.
        is_held: whether the templates are still those that were asked about; if not, nothing
            is kept, and it will be asked again.
        today: of the school.
    """
    near = {uuid.UUID(one.person_id): one for one in (*found.look_alikes, *found.duplicates)}
    _hold(db, {job.person_id, *near})
    if not is_held():
        return
    for index, template_id in enumerate(asked.templates):
        _judge(db, db.get_one(Template, template_id), is_unlike=index in found.set_aside)
    duplicates = {uuid.UUID(one.person_id) for one in found.duplicates}
    still = _still_there(db, near, job.model_id, today)
    kept = {key: one for key, one in near.items() if key in still}
    _keep_pairs(db, job, kept, duplicates)


def keep_look_alikes(
    db: Session, model_id: str, pairs: Mapping[tuple[uuid.UUID, uuid.UUID], float], today: date
) -> None:
    """Keep pairs that a measurement of the school found and no check has found yet.

    Args:
        db: the caller's transaction.
        model_id: of the templates.
        pairs: distance of two people, on the common scale.
        today: of the school.
    """
    involved = {person_id for pair in pairs for person_id in pair}
    _hold(db, involved)
    still = _still_there(db, involved, model_id, today)
    for (one, other), distance in pairs.items():
        first, second = sorted((one, other))
        is_known = db.get(Resemblance, (first, second, model_id)) is not None
        if not is_known and {first, second} <= still:
            note_people(db, first)
            person = PersonModel(first, model_id)
            db.add(_pair(person, second, ResemblanceKind.LOOK_ALIKE, distance))
    db.flush()


def waits_for_any(db: Session) -> bool:
    """Return whether any template waits for its first check."""
    unchecked = select(Template.id).where(col(Template.checked_at).is_(None)).limit(1)
    return db.exec(unchecked).first() is not None


def request_forgotten(db: Session, vault: Vault, today: date) -> int:
    """Ask for checks that templates wait for and nobody asked for; returns how many.

    A consent that was renewed after it ran out leaves such templates behind.
    """
    waiting = select(Template.person_id, Template.model_id, Template.id, Template.key_id)
    rows = db.exec(waiting.where(col(Template.checked_at).is_(None))).all()
    unreadable = {context for purpose, context in vault.unreadable() if purpose == PURPOSE}
    wanted = {
        (person_id, model_id)
        for person_id, model_id, template_id, key_id in rows
        if vault.has_key(key_id) and str(template_id) not in unreadable
    }
    asked = {(job.about["person"], job.about["model"]) for job in jobs.of_kind(db, COMPARE)}
    forgotten = {one for one in wanted if (str(one[0]), one[1]) not in asked}
    states = people.states_of(db, {person_id for person_id, _ in forgotten}, today)
    live = sorted(one for one in forgotten if states[one[0]] is ConsentState.LIVE)
    for person_id, model_id in live:
        people.get_person(db, person_id, lock=True)
        request_checks(db, person_id, [model_id])
    return len(live)


def release(db: Session, job: PersonModel) -> int:
    """Let templates go to kiosks that cannot be compared; returns how many waited for it."""
    _hold(db, {job.person_id})
    query = select(Template).where(
        Template.person_id == job.person_id,
        Template.model_id == job.model_id,
        col(Template.checked_at).is_(None),
    )
    waiting = db.exec(query).all()
    at = now()
    for template in waiting:
        template.checked_at = at
        log_change(db, template, ChangeKind.UPSERT, at)
    return len(waiting)


def _judge(db: Session, template: Template, *, is_unlike: bool) -> None:
    at = now()
    is_first = template.checked_at is None
    template.checked_at = template.checked_at or at
    is_outlier = is_unlike and not template.is_restored
    if is_outlier and template.set_aside_reason is None:
        set_aside(db, template, at)
    elif not is_outlier and template.set_aside_reason is not None:
        bring_back(db, template, at, actor=SYSTEM)
    elif is_first and not is_outlier:
        log_change(db, template, ChangeKind.UPSERT, at)


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
    job: PersonModel,
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
    note_people(db, job.person_id)  # kiosks hear of pairs of which they know both
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
    job: PersonModel, other_id: uuid.UUID, kind: ResemblanceKind, distance: float
) -> Resemblance:
    first, second = sorted((job.person_id, other_id))
    return Resemblance(
        first_id=first,
        second_id=second,
        model_id=job.model_id,
        kind=kind.value,
        distance=distance,
    )
