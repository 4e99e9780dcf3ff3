"""Move photos and templates that were enrolled under the wrong person to the right one."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from server.audit.service import record
from server.audit.tables import subject_of
from server.db.types import new_id
from server.db.vault import Vault
from server.enrollment import service
from server.enrollment.gallery import log_changes, open_template, seal_template
from server.enrollment.kinds import ADD_MODEL, ENCODE
from server.enrollment.moved import OFFLINE
from server.enrollment.photo import digests_of, open_photo
from server.enrollment.resemblance import after_removal, request_checks
from server.enrollment.tables import (
    ChangeKind,
    Enrolment,
    EnrolmentMove,
    EnrolmentPhoto,
    EnrolmentStatus,
    MissingTemplate,
    Template,
)
from server.errors import (
    ConflictError,
    ConsentRequiredError,
    InvalidError,
    NotFoundError,
    SealBrokenError,
)
from server.jobs import service as jobs
from server.networks import scans
from server.people import service as people
from server.people.consent import ConsentState
from server.people.tables import Person


@dataclass(frozen=True)
class MoveOrder:
    """What is moved from a person to another.

    Attributes:
        from_id: under which person it was enrolled.
        to_id: whose face it shows.
        enrolment_ids: the photos and pairs of scans.
    """

    from_id: uuid.UUID
    to_id: uuid.UUID
    enrolment_ids: frozenset[uuid.UUID]


@dataclass(frozen=True)
class MovePlan:
    """What a move would do.

    Attributes:
        chosen: what would be moved, oldest first.
        left: how many photos the first person would keep.
        templates: how many templates would change their person.
        waiting: how many of the chosen photos are still being processed.
        consent: of the person who would get them; only a live one lets the move happen.
    """

    from_person: Person
    to_person: Person
    chosen: tuple[Enrolment, ...]
    left: int
    templates: int
    waiting: int
    consent: ConsentState

    @property
    def is_possible(self) -> bool:
        """Whether the consent allows it and something was chosen."""
        return self.consent is ConsentState.LIVE and bool(self.chosen)


def movable(db: Session, person_id: uuid.UUID) -> list[Enrolment]:
    """Return the enrolments of a person that have a photo or templates, oldest first."""
    return [one for one in service.enrolments_of(db, person_id) if _is_there(one)][::-1]


def plan_move(db: Session, order: MoveOrder, *, today: date) -> MovePlan:
    """Say what a move would do; what was moved or deleted meanwhile is left out.

    Raises:
        NotFoundError: no such person.
        InvalidError: both are one person.
        ConflictError: the right person was erased.
    """
    found = people.people_by_id(db, [order.from_id, order.to_id])
    _refuse_people(found, order)
    rows = movable(db, order.from_id)
    chosen = tuple(one for one in rows if one.id in order.enrolment_ids)
    templates = service.templates_of(db, order.from_id)
    return MovePlan(
        from_person=found[order.from_id],
        to_person=found[order.to_id],
        chosen=chosen,
        left=len(rows) - len(chosen),
        templates=sum(one.enrolment_id in order.enrolment_ids for one in templates),
        waiting=sum(one.status == EnrolmentStatus.PENDING for one in chosen),
        consent=people.state_of(db, order.to_id, today),
    )


def move_enrolments(
    db: Session, vault: Vault, order: MoveOrder, *, actor: str, at: datetime, today: date
) -> EnrolmentMove:
    """Move photos and templates to the right person, in the caller's transaction.

    Templates get new ids, so that every kiosk drops the old ones and takes the new ones like any
    others: after they were compared with everybody else's. Work on photos that are still being
    processed starts over for the right person. A photo that the right person has already is
    deleted. Scans of the wrong person that wait for a second day are deleted, as they may show
    either. Repeating the same move returns the first one.

    Raises:
        NotFoundError: no such person.
        InvalidError: both are one person, or nothing was chosen.
        ConsentRequiredError: the right person has no live consent.
        ConflictError: the right person was erased, a photo was moved or deleted meanwhile, or one
            of them cannot be read.
    """
    _hold(db, order)
    rows = _locked(db, order)
    if (done := _done_before(db, order, rows)) is not None:
        return done
    _refuse(db, order, rows, today)
    move = _note(db, order, _used_since(db, rows), actor=actor, at=at)
    scans.forget_people(db, [order.from_id])
    doubles = _rebind_photos(db, vault, order, rows)
    for row in doubles:
        service.remove_enrolment(db, order.from_id, row.id, actor=actor, at=at)
    moved = [row for row in rows if row not in doubles]
    templates = _templates(db, moved)
    details = {
        "other": str(order.to_id),
        "enrolments": sorted(str(row.id) for row in moved),
        "templates": len(templates),
    }
    subject = subject_of("person", order.from_id)
    record(db, actor=actor, action="enrolment.move", subject=subject, details=details)
    _rebind_templates(db, vault, order, templates, at)
    for row in moved:
        row.person_id = order.to_id
    db.flush()
    _start_over(db, order, moved, actor)
    models = {one.model_id for one in templates}
    after_removal(db, order.from_id, models)
    request_checks(db, order.to_id, models)
    return move


def repeated_move(db: Session, from_id: uuid.UUID, to_id: uuid.UUID) -> EnrolmentMove | None:
    """Return the newest move between two people: all was moved, and its answer was lost."""
    query = select(EnrolmentMove).where(
        EnrolmentMove.from_id == from_id, EnrolmentMove.to_id == to_id
    )
    newest = query.order_by(col(EnrolmentMove.made_at).desc(), col(EnrolmentMove.id).desc())
    return db.exec(newest.limit(1)).first()


def get_move(db: Session, move_id: uuid.UUID) -> EnrolmentMove:
    """Return one move.

    Raises:
        NotFoundError: there is no such move.
    """
    move = db.get(EnrolmentMove, move_id)
    if move is None:
        raise NotFoundError("There is no such move.", problem="no_move")
    return move


def _is_there(row: Enrolment) -> bool:
    return row.status in service.REMOVABLE


def _refuse_people(found: dict[uuid.UUID, Person], order: MoveOrder) -> None:
    if order.from_id == order.to_id:
        raise InvalidError("Choose another person.", problem="same_person")
    if len(found) < 2:
        raise NotFoundError("There is no such person.", problem="no_person")
    people.refuse_erased(found[order.to_id])


def _hold(db: Session, order: MoveOrder) -> None:
    """Lock both people, in the order of their ids like all who lock several."""
    ids = [order.from_id, order.to_id]
    query = select(Person).where(col(Person.id).in_(ids)).order_by(col(Person.id))
    held = db.exec(query.with_for_update().execution_options(populate_existing=True)).all()
    _refuse_people({one.id: one for one in held}, order)


def _locked(db: Session, order: MoveOrder) -> Sequence[Enrolment]:
    chosen = col(Enrolment.id).in_(order.enrolment_ids)
    query = select(Enrolment).where(chosen).order_by(col(Enrolment.id)).with_for_update()
    return db.exec(query.execution_options(populate_existing=True)).all()


def _done_before(db: Session, order: MoveOrder, rows: Sequence[Enrolment]) -> EnrolmentMove | None:
    """Return the move that did just this already: its button was pressed twice."""
    if any(row.person_id == order.from_id and _is_there(row) for row in rows):
        return None
    query = select(EnrolmentMove).where(
        EnrolmentMove.from_id == order.from_id, EnrolmentMove.to_id == order.to_id
    )
    asked = sorted(str(one) for one in order.enrolment_ids)
    return next((one for one in db.exec(query) if asked and one.enrolments == asked), None)


def _refuse(db: Session, order: MoveOrder, rows: Sequence[Enrolment], today: date) -> None:
    if not order.enrolment_ids:
        raise InvalidError("Choose at least one photo.", problem="no_photo_chosen")
    theirs = [row for row in rows if row.person_id == order.from_id and _is_there(row)]
    if len(theirs) < len(order.enrolment_ids):
        raise ConflictError(
            "A photo was moved or deleted meanwhile. Open the page again.", problem="photo_gone"
        )
    state = people.state_of(db, order.to_id, today)
    if state is not ConsentState.LIVE:
        raise ConsentRequiredError(consent=state.value, problem="move_consent")


def _rebind_photos(
    db: Session, vault: Vault, order: MoveOrder, rows: Iterable[Enrolment]
) -> list[Enrolment]:
    """Make the fingerprints of photos again for the right person; return those they have."""
    known = select(Enrolment.photo_digest).where(
        Enrolment.person_id == order.to_id, col(Enrolment.status).in_(service.REMOVABLE)
    )
    digests = set(db.exec(known)) - {None}
    doubles = []
    for row in rows:
        photo = db.get(EnrolmentPhoto, row.id)
        if photo is None:  # it was deleted once its templates were made
            row.photo_digest = None
            continue
        made = digests_of(vault, _opened(vault, photo), order.to_id)
        if digests.isdisjoint(made.values()):
            row.photo_digest = made[vault.active_key_id]
        else:
            doubles.append(row)
    return doubles


def _opened(vault: Vault, photo: EnrolmentPhoto) -> bytes:
    try:
        return open_photo(vault, photo)
    except SealBrokenError as exc:
        raise _unreadable() from exc


def _unreadable() -> ConflictError:
    return ConflictError(
        "A photo cannot be read, so nothing was moved. Its encryption key may be missing.",
        problem="move_unreadable",
    )


def _templates(db: Session, rows: Iterable[Enrolment]) -> list[Template]:
    ids = [row.id for row in rows]
    query = select(Template).where(col(Template.enrolment_id).in_(ids))
    return list(db.exec(query.order_by(col(Template.id))))


def _used_since(db: Session, rows: Sequence[Enrolment]) -> datetime | None:
    """Return when a kiosk may have had the first of the templates; None where none ever had."""
    moves = select(EnrolmentMove).where(
        col(EnrolmentMove.to_id).in_({row.person_id for row in rows})
    )
    came = {key: one.made_at for one in db.exec(moves) for key in one.enrolments}
    checked: dict[uuid.UUID, list[datetime | None]] = {row.id: [] for row in rows}
    for one in _templates(db, rows):
        checked[one.enrolment_id].append(one.checked_at)
    found = [_first_use(row, checked[row.id], came.get(str(row.id))) for row in rows]
    return min((one for one in found if one is not None), default=None)


def _first_use(
    row: Enrolment, checked: Sequence[datetime | None], came_at: datetime | None
) -> datetime | None:
    """Return when kiosks may have had a template of one enrolment first.

    Templates of a network that was replaced are gone. They had been made with the photo; but a
    photo that was moved to the person later was another one's until then.
    """
    at_kiosks = [one for one in checked if one is not None]
    is_unused = row.status != EnrolmentStatus.ACCEPTED or (checked and not at_kiosks)
    if is_unused:
        return None
    made_at = row.finished_at if came_at is None else came_at
    return min([*at_kiosks, *([made_at] if made_at else [])], default=None)


def _note(
    db: Session, order: MoveOrder, used_since: datetime | None, *, actor: str, at: datetime
) -> EnrolmentMove:
    move = EnrolmentMove(
        from_id=order.from_id,
        to_id=order.to_id,
        enrolments=sorted(str(one) for one in order.enrolment_ids),
        used_since=used_since,
        asked_until=at + OFFLINE,
        made_by=actor,
        made_at=at,
    )
    db.add(move)
    db.flush()
    return move


def _rebind_templates(
    db: Session, vault: Vault, order: MoveOrder, templates: Sequence[Template], at: datetime
) -> None:
    """Replace templates by sealed copies of the right person; the copies wait for their check."""
    copies = [_copy(vault, one, order.to_id) for one in templates]
    gone = [(one.person_id, one.id) for one in templates]
    if gone:
        log_changes(db, gone, ChangeKind.TOMBSTONE, at)
    for one in templates:
        db.delete(one)
    db.flush()
    db.add_all(copies)
    db.flush()


def _copy(vault: Vault, template: Template, person_id: uuid.UUID) -> Template:
    try:
        values = open_template(vault, template)
    except SealBrokenError as exc:
        raise _unreadable() from exc
    template_id = new_id()
    sealed = seal_template(vault, template_id, values)
    return Template(
        id=template_id,
        person_id=person_id,
        enrolment_id=template.enrolment_id,
        model_id=template.model_id,
        dimension=template.dimension,
        key_id=sealed.key_id,
        data=sealed.data,
        created_at=template.created_at,
    )


def _start_over(db: Session, order: MoveOrder, moved: Sequence[Enrolment], actor: str) -> None:
    """Replace the jobs about these photos: a worker on one of them changes nothing any more."""
    ids = [row.id for row in moved]
    missing = select(MissingTemplate).where(
        col(MissingTemplate.enrolment_id).in_(ids), col(MissingTemplate.reason).is_(None)
    )
    further = [
        {"enrolment": str(one.enrolment_id), "model": one.model_id} for one in db.exec(missing)
    ]
    waiting = [{"enrolment": str(row.id)} for row in moved if row.status == EnrolmentStatus.PENDING]
    subject = subject_of("person", order.to_id)
    for kind, abouts in ((ENCODE, waiting), (ADD_MODEL, further)):
        jobs.forget(db, kind, abouts)
        for about in abouts:
            jobs.enqueue(db, kind, about, subject=subject, actor=actor)
    jobs.forget_subject(db, subject_of("person", order.from_id), [scans.CONFIRM])
