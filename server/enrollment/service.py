"""Enrolment: take a photo in, and take everything biometric out again."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import sqlalchemy
from sqlalchemy import and_, exists, or_
from sqlmodel import Session, col, delete, func, select, update

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.prepared import Prepared, several, table_of
from server.db.types import new_id
from server.db.vault import Vault
from server.enrollment.backfill import forget_photos, in_need_of_a_photo
from server.enrollment.gallery import is_in_use, log_change
from server.enrollment.kinds import ENCODE
from server.enrollment.photo import PHOTO_PURPOSE, digests_of
from server.enrollment.resemblance import after_removal, forget_person
from server.enrollment.tables import (
    ChangeKind,
    Enrolment,
    EnrolmentPhoto,
    EnrolmentSource,
    EnrolmentStatus,
    Template,
)
from server.errors import ConsentRequiredError, NotFoundError
from server.jobs import service as jobs
from server.logs import correlation_id
from server.networks import scans
from server.networks.service import networks_of
from server.people import service as people
from server.people.consent import ConsentState
from server.people.schemas import ConsentCreate
from server.people.tables import Consent

#: What still has a photo or template that can be erased.
REMOVABLE = (EnrolmentStatus.PENDING.value, EnrolmentStatus.ACCEPTED.value)
_enrolments, _templates = table_of(Enrolment), table_of(Template)
_of_people = _enrolments.c.person_id.in_(several("people"))
_newest = (
    sqlalchemy.select(func.max(_enrolments.c.created_at).label("at"), _enrolments.c.person_id)
    .where(_of_people)
    .group_by(_enrolments.c.person_id)
    .subquery()
)
#: What became of the newest photo of some people.
_LAST = Prepared(
    sqlalchemy.select(_enrolments.c.person_id, _enrolments.c.status, _enrolments.c.reason).join(
        _newest,
        and_(
            _enrolments.c.person_id == _newest.c.person_id,
            _enrolments.c.created_at == _newest.c.at,
        ),
    )
)
_is_unchecked = exists().where(
    _templates.c.enrolment_id == _enrolments.c.id, _templates.c.checked_at.is_(None)
)
#: How many photos of theirs are on their way.
_PENDING = Prepared(
    sqlalchemy.select(_enrolments.c.person_id, func.count())
    .where(
        _of_people,
        or_(_enrolments.c.status == EnrolmentStatus.PENDING.value, _is_unchecked),
    )
    .group_by(_enrolments.c.person_id)
)


@dataclass(frozen=True)
class Coverage:
    """How well a person can be recognised.

    Attributes:
        templates: how many photos of theirs are in use.
        pending: photos on their way.
        needs_photo: whether a new model can use none of their photos.
        last: the newest enrolment's status and reason; None where there is none.
    """

    templates: int
    pending: int
    needs_photo: bool
    last: tuple[EnrolmentStatus, str | None] | None


def start_enrolment(
    db: Session,
    vault: Vault,
    *,
    person_id: uuid.UUID,
    photo: bytes,
    actor: str,
    today: date,
) -> Enrolment:
    """Take a checked photo in. Photo, row and job are one transaction: none exists alone.

    The same file again is the same photo: the enrolment that it already has is returned.

    Raises:
        NotFoundError: no such person.
        ConflictError: the person was erased.
        ConsentRequiredError: nothing may be computed or stored about this face.
    """
    people.refuse_erased(people.get_person(db, person_id, lock=True))
    state = people.state_of(db, person_id, today)
    if state is not ConsentState.LIVE:
        raise ConsentRequiredError(consent=state.value)
    digests = digests_of(vault, photo, person_id)
    same = _same_photo(db, person_id, digests.values())
    if same is not None:
        return same
    enrolment = Enrolment(
        id=new_id(),
        person_id=person_id,
        status=EnrolmentStatus.PENDING.value,
        photo_digest=digests[vault.active_key_id],
        correlation_id=correlation_id(),
        created_by=actor,
    )
    db.add(enrolment)
    db.flush()
    sealed = vault.seal(photo, purpose=PHOTO_PURPOSE, context=str(enrolment.id))
    db.add(EnrolmentPhoto(enrolment_id=enrolment.id, key_id=sealed.key_id, data=sealed.data))
    subject = subject_of("person", person_id)
    details = {"enrolment": str(enrolment.id)}
    record(db, actor=actor, action="enrolment.create", subject=subject, details=details)
    jobs.enqueue(db, ENCODE, details, subject=subject, actor=actor)
    return enrolment


def _same_photo(db: Session, person_id: uuid.UUID, digests: Collection[str]) -> Enrolment | None:
    query = select(Enrolment).where(
        Enrolment.person_id == person_id,
        col(Enrolment.photo_digest).in_(digests),
        col(Enrolment.status).in_(REMOVABLE),
    )
    return db.exec(query).first()


def status_of_photo(
    db: Session, vault: Vault, person_id: uuid.UUID, photo: bytes
) -> EnrolmentStatus | None:
    """Return what became of the same file of this person; None where it is new or was erased."""
    query = select(Enrolment.status).where(
        Enrolment.person_id == person_id,
        col(Enrolment.photo_digest).in_(digests_of(vault, photo, person_id).values()),
        Enrolment.status != EnrolmentStatus.WITHDRAWN,
    )
    found = {EnrolmentStatus(status) for status in db.exec(query)}
    return max(found, key=lambda one: one in REMOVABLE, default=None)


def people_with_photos(db: Session, person_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these people who have a photo, or templates of scans, or wait for them."""
    query = select(Enrolment.person_id).where(
        col(Enrolment.person_id).in_(person_ids), col(Enrolment.status).in_(REMOVABLE)
    )
    return set(db.exec(query.distinct()))


def get_enrolment(db: Session, enrolment_id: uuid.UUID) -> Enrolment:
    """One enrolment.

    Raises:
        NotFoundError: no such enrolment.
    """
    enrolment = db.get(Enrolment, enrolment_id)
    if enrolment is None:
        raise NotFoundError("There is no such enrolment.", problem="no_photo")
    return enrolment


def view_enrolment(db: Session, enrolment_id: uuid.UUID, *, actor: str) -> Enrolment:
    """Return one enrolment to its reader; the audit trail names them once it is finished.

    Until then it says nothing about the person, and it is asked for every second.

    Raises:
        NotFoundError: no such enrolment.
    """
    enrolment = get_enrolment(db, enrolment_id)
    if enrolment.status != EnrolmentStatus.PENDING:
        note_view(db, enrolment.person_id, actor=actor)
    return enrolment


def note_view(db: Session, person_id: uuid.UUID, *, actor: str) -> None:
    """Note in the audit trail who reads data of a person that comes from photos."""
    subject = subject_of("person", person_id)
    record(db, actor=actor, action="person.view_biometrics", subject=subject)


def enrolments_of(db: Session, person_id: uuid.UUID) -> list[Enrolment]:
    """A person's enrolments, newest first."""
    query = select(Enrolment).where(Enrolment.person_id == person_id)
    return list(db.exec(query.order_by(col(Enrolment.id).desc())))


def templates_of(db: Session, person_id: uuid.UUID) -> list[Template]:
    """A person's templates, oldest first; still sealed."""
    query = select(Template).where(Template.person_id == person_id).order_by(col(Template.id))
    return list(db.exec(query))


def photos_in_use(templates: Iterable[Template], network: str | None) -> set[uuid.UUID]:
    """Which photos' templates of the network in use go to kiosks; None: of any network."""
    return {
        one.enrolment_id
        for one in templates
        if one.set_aside_reason is None
        and one.checked_at is not None
        and network in {None, one.model_id}
    }


def photos_set_aside(templates: Iterable[Template]) -> set[uuid.UUID]:
    """Which photos are unlike the person's others, for one of the models at least."""
    return {one.enrolment_id for one in templates if one.set_aside_reason is not None}


def coverage_of(db: Session, person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Coverage]:
    """How well each of these people can be recognised, in a few queries."""
    templates = _count_photos_in_use(db, person_ids)
    last = {
        person_id: (EnrolmentStatus(status), reason)
        for person_id, status, reason in _LAST.rows(db, people=person_ids)
    }
    pending = _count_pending(db, person_ids)
    in_need = in_need_of_a_photo(db, person_ids)
    return {
        key: Coverage(templates.get(key, 0), pending.get(key, 0), key in in_need, last.get(key))
        for key in person_ids
    }


def record_consent(
    db: Session,
    person_id: uuid.UUID,
    new: ConsentCreate,
    *,
    actor: str,
    at: datetime,
    today: date,
) -> Consent:
    """Write a statement down; where it ends the consent, erase.

    Raises:
        NotFoundError: no such person.
        InvalidError: the consent would have expired already.
    """
    consent = people.add_consent(db, person_id, new, actor=actor, at=at, today=today)
    _erase_without_consent(db, person_id, actor=actor, at=at, today=today)
    return consent


def withdraw_consent(
    db: Session,
    person_id: uuid.UUID,
    consent_id: uuid.UUID,
    *,
    actor: str,
    at: datetime,
    today: date,
) -> Consent:
    """Take a statement back; where that ends the consent, erase.

    Raises:
        NotFoundError: no such person or statement.
    """
    consent = people.end_consent(db, person_id, consent_id, actor=actor, at=at)
    _erase_without_consent(db, person_id, actor=actor, at=at, today=today)
    return consent


def without_consent(db: Session, today: date) -> list[uuid.UUID]:
    """Return everyone with biometric data whose consent is no longer live."""
    having = set(db.exec(select(col(Template.person_id)).distinct()))
    having |= set(
        db.exec(
            select(col(Enrolment.person_id)).where(col(Enrolment.status).in_(REMOVABLE)).distinct()
        )
    )
    having |= scans.people_with_any(db)
    states = people.states_of(db, having, today)
    return sorted(key for key, state in states.items() if state is not ConsentState.LIVE)


def erase_expired(db: Session, person_id: uuid.UUID, *, at: datetime, today: date) -> None:
    """Erase a person's biometric data, unless their consent is live again."""
    people.get_person(db, person_id, lock=True)
    _erase_without_consent(db, person_id, actor=SYSTEM, at=at, today=today)


def erase_biometrics(db: Session, person_id: uuid.UUID, *, actor: str, at: datetime) -> None:
    """Delete a person's photos, templates, waiting scans and unfinished jobs; tell the kiosks.

    The caller holds the person's row.
    """
    rows = db.exec(
        select(Enrolment)
        .where(Enrolment.person_id == person_id, col(Enrolment.status).in_(REMOVABLE))
        .order_by(col(Enrolment.id))
        .with_for_update()
    ).all()
    templates = templates_of(db, person_id)
    waiting = scans.forget_people(db, [person_id])
    if rows or templates or waiting:
        photos = sum(row.source == EnrolmentSource.PHOTO for row in rows)
        details = {"templates": len(templates), "photos": photos, "scans": waiting}
        subject = subject_of("person", person_id)
        record(db, actor=actor, action="biometrics.erase", subject=subject, details=details)
        _erase(db, rows, templates, at)
    forget_person(db, person_id)


def erase_leftovers(db: Session, person_id: uuid.UUID) -> None:
    """Delete photos and jobs of a person's enrolments in any state. The caller holds the person."""
    scans.forget_people(db, [person_id])
    query = select(Enrolment.id).where(Enrolment.person_id == person_id)
    enrolment_ids = db.exec(query).all()
    _forget(db, enrolment_ids)


def remove_enrolment(
    db: Session,
    person_id: uuid.UUID,
    enrolment_id: uuid.UUID,
    *,
    actor: str,
    at: datetime,
) -> None:
    """Erase one photo and what was computed from it; the consent stays. Repeating does nothing.

    Raises:
        NotFoundError: no such person, or no such photo of theirs.
    """
    people.get_person(db, person_id, lock=True)
    row = db.get(Enrolment, enrolment_id, with_for_update=True)
    if row is None or row.person_id != person_id:
        raise NotFoundError("There is no such enrolment.", problem="no_photo")
    if row.status not in REMOVABLE:
        return
    of_photo = db.exec(select(Template).where(Template.enrolment_id == enrolment_id)).all()
    models = {template.model_id for template in of_photo}
    subject = subject_of("person", person_id)
    details = {"enrolment": str(enrolment_id)}
    record(db, actor=actor, action="enrolment.remove", subject=subject, details=details)
    _erase(db, [row], of_photo, at)
    after_removal(db, person_id, models)


def _erase(
    db: Session, rows: Sequence[Enrolment], templates: Sequence[Template], at: datetime
) -> None:
    for template in templates:
        log_change(db, template, ChangeKind.TOMBSTONE, at)
        db.delete(template)
    _forget(db, [row.id for row in rows])
    db.exec(
        update(Enrolment)
        .where(col(Enrolment.id).in_([row.id for row in rows]))
        .values(
            status=EnrolmentStatus.WITHDRAWN.value,
            finished_at=at,
        )
        .execution_options(synchronize_session="fetch")
    )


def _forget(db: Session, enrolment_ids: Sequence[uuid.UUID]) -> None:
    delete_photos(db, enrolment_ids)
    forget_photos(db, enrolment_ids)
    jobs.forget(db, ENCODE, [{"enrolment": str(key)} for key in enrolment_ids])


def delete_photos(db: Session, enrolment_ids: Iterable[uuid.UUID]) -> int:
    """Delete the photos of these enrolments; returns how many there were."""
    chosen = col(EnrolmentPhoto.enrolment_id).in_(list(enrolment_ids))
    return db.exec(delete(EnrolmentPhoto).where(chosen)).rowcount


def _erase_without_consent(
    db: Session, person_id: uuid.UUID, *, actor: str, at: datetime, today: date
) -> None:
    if people.state_of(db, person_id, today) is not ConsentState.LIVE:
        erase_biometrics(db, person_id, actor=actor, at=at)


def _count_pending(db: Session, person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Photos that wait for their templates, or whose templates wait for their check."""
    return dict(_PENDING.rows(db, people=person_ids))


def _count_photos_in_use(db: Session, person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Photos with a template of the network that decides at the doors."""
    return dict(_in_use(networks_of(db).current).rows(db, people=person_ids))


@lru_cache(maxsize=8)
def _in_use(network: str | None) -> Prepared:
    """Build the statement that counts photos in use of one network, or of any."""
    person_id, photo = _templates.c.person_id, _templates.c.enrolment_id
    query = sqlalchemy.select(person_id, func.count(photo.distinct())).group_by(person_id)
    return Prepared(query.where(person_id.in_(several("people")), is_in_use(network)))
