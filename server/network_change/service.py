"""Choose the school's first network, start a change, cancel it, switch. Everything is audited."""

from collections.abc import Collection
from datetime import date

from sqlmodel import Session, select

from server.audit.service import record
from server.db.types import now
from server.enrollment import retired
from server.enrollment.tables import Template
from server.errors import ConflictError, InvalidError
from server.jobs import service as jobs
from server.network_change.progress import by_name, left_behind, progress_of
from server.network_change.schemas import ChangeForm
from server.networks import scans
from server.networks.service import SUBJECT, locked, row_of
from server.networks.tables import SchoolNetwork
from server.people.tables import Person


def may_choose(db: Session) -> bool:
    """Whether the school has no template yet, so that a choice costs nobody anything."""
    return db.exec(select(Template.id).limit(1)).first() is None


def choose(db: Session, model_id: str, *, served: Collection[str], actor: str) -> None:
    """Choose the network before the first enrolment.

    Raises:
        ConflictError: there are templates; the network can only be changed.
        InvalidError: the recognition service does not have it.
    """
    row = locked(db)
    if not may_choose(db):
        raise ConflictError(problem="network_fixed")
    _refuse_unserved(model_id, served)
    row.current, row.chosen_by, row.chosen_at = model_id, actor, now()
    _end_change(row)
    db.add(row)
    scans.forget_all(db)
    record(db, actor=actor, action="network.choose", subject=SUBJECT, details={"model": model_id})
    _forget_jobs(db)


def start(db: Session, wish: ChangeForm, *, served: Collection[str], actor: str) -> None:
    """Start a change: from now on templates of the next network are made, too.

    Raises:
        ConflictError: there is nothing to change, or a change is under way.
        InvalidError: the recognition service does not have the network.
    """
    row = locked(db)
    if row.current in {None, wish.next} or row.next is not None or may_choose(db):
        raise ConflictError(problem="no_change_now")
    _refuse_unserved(wish.next, served)
    row.next, row.started_by, row.started_at = wish.next, actor, now()
    _apply(db, row, wish, "network.start_change", actor)


def adjust(db: Session, wish: ChangeForm, *, actor: str) -> None:
    """Change how the change under way runs.

    Raises:
        ConflictError: no change to this network is under way.
    """
    row = locked(db)
    if row.next is None or row.next != wish.next:
        raise ConflictError(problem="no_change_now")
    if not wish.collects_scans:
        scans.forget_all(db)
    _apply(db, row, wish, "network.adjust_change", actor)
    if not wish.collects_scans:
        _forget_jobs(db)


def cancel(db: Session, model_id: str, *, actor: str) -> None:
    """Give the change up; erase the next network's templates and what waits. Kiosks drop them.

    Raises:
        ConflictError: no change to this network is under way.
    """
    # In the order in which everybody locks: people, then the network.
    retired.hold_people(db, model_id)
    row = locked(db)
    if row.next is None or row.next != model_id:
        raise ConflictError(problem="no_change_now")
    _end_change(row)
    db.add(row)
    db.flush()
    scans.forget_all(db)
    details = {"from": row.current, "to": model_id}
    record(db, actor=actor, action="network.cancel_change", subject=SUBJECT, details=details)
    retired.erase_model(db, model_id, actor=actor)
    _forget_jobs(db)


def switch(db: Session, model_id: str, *, actor: str, today: date) -> None:
    """Let the next network decide at every door. The former one's templates stay for now.

    Raises:
        ConflictError: no change to this network is under way, or too few people are covered.
    """
    row = locked(db)
    if row.next is None or row.next != model_id:
        raise ConflictError(problem="no_change_now")
    progress = progress_of(db, row, today)
    if not progress.may_switch:
        raise ConflictError(problem="too_few_covered")
    details = {
        "from": row.current,
        "to": row.next,
        "people": len(progress.people),
        "covered": progress.covered,
    }
    row.current, row.chosen_by, row.chosen_at = row.next, actor, now()
    _end_change(row)
    db.add(row)
    scans.forget_all(db)
    record(db, actor=actor, action="network.switch", subject=SUBJECT, details=details)
    _forget_jobs(db)


def export_missing(db: Session, *, actor: str, today: date) -> list[Person]:
    """Return everybody who is not ready for the next network, by name; it is an export.

    Without a change under way: who was left behind by the last.
    """
    row = row_of(db)
    if row.next is not None:
        missing = progress_of(db, row, today).missing
    else:
        missing = left_behind(db, row.current, today)
    details = {"people": len(missing)}
    record(db, actor=actor, action="people.export_missing", subject="people", details=details)
    return by_name(db, missing)


def _apply(db: Session, row: SchoolNetwork, wish: ChangeForm, action: str, actor: str) -> None:
    row.collects_scans = wish.collects_scans
    row.coverage_wanted = wish.wanted_percent / 100
    db.add(row)
    details = {
        "from": row.current,
        "to": row.next,
        "collects_scans": wish.collects_scans,
        "wanted_percent": wish.wanted_percent,
    }
    record(db, actor=actor, action=action, subject=SUBJECT, details=details)


def _end_change(row: SchoolNetwork) -> None:
    row.next = row.started_by = row.started_at = None
    row.collects_scans = False


def _forget_jobs(db: Session) -> None:
    """Last, like every lock of jobs; scans are erased before the audit trail is locked."""
    jobs.forget(db, scans.CONFIRM, [job.about for job in jobs.of_kind(db, scans.CONFIRM)])


def _refuse_unserved(model_id: str, served: Collection[str]) -> None:
    if model_id not in served:
        raise InvalidError(
            "The recognition service does not have this network.", problem="network_not_served"
        )
