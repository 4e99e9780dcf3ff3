"""Guardians of a student: read, add, change, remove, forget."""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import Session, col, delete, exists, or_, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.errors import ConflictError, NotFoundError
from server.guardians.schemas import GuardianCreate
from server.guardians.tables import Guardian
from server.people.folding import fold
from server.people.service import get_person, refuse_erased
from server.timetable.tables import Lesson, RosterEntry

#: Of one student: more are a mistake of a file.
MOST_GUARDIANS = 10
#: A student without a lesson for so long has left.
GUARDIANS_KEPT = timedelta(days=365)


def guardians_of(db: Session, person_id: uuid.UUID) -> list[Guardian]:
    """Return the guardians of a person in the order in which they were added."""
    query = select(Guardian).where(Guardian.person_id == person_id)
    return list(db.exec(query.order_by(col(Guardian.id))))


def guardian_names(db: Session, person_id: uuid.UUID) -> list[str]:
    """Return how the guardians of a person are called, for forms that ask who said something."""
    query = select(Guardian.name).where(Guardian.person_id == person_id)
    return list(db.exec(query.order_by(col(Guardian.id))))


def view_guardians(db: Session, person_id: uuid.UUID, *, actor: str) -> list[Guardian]:
    """Return the guardians with phone and e-mail; the audit trail names who read them.

    Raises:
        NotFoundError: no such person.
    """
    get_person(db, person_id)
    found = guardians_of(db, person_id)
    record(db, actor=actor, action="guardian.view", subject=subject_of("person", person_id))
    return found


def add_guardian(db: Session, person_id: uuid.UUID, new: GuardianCreate, *, actor: str) -> Guardian:
    """Add a guardian.

    Raises:
        NotFoundError: no such person.
        ConflictError: the person was erased, has a guardian of this name, or too many.
    """
    _lock_person(db, person_id)
    known = guardians_of(db, person_id)
    if len(known) >= MOST_GUARDIANS:
        raise ConflictError(
            f"A student has at most {MOST_GUARDIANS} guardians.",
            problem="guardians_full",
            most=MOST_GUARDIANS,
        )
    _refuse_known_name(known, new.name)
    row = Guardian(person_id=person_id, **new.model_dump(mode="json"))
    db.add(row)
    _note(db, row, "guardian.add", actor)
    return row


def change_guardian(
    db: Session,
    person_id: uuid.UUID,
    guardian_id: uuid.UUID,
    changes: Mapping[str, str],
    *,
    actor: str,
) -> Guardian:
    """Change some fields; the audit trail names the fields, not their values.

    Raises:
        NotFoundError: no such person, or no such guardian of theirs.
        ConflictError: the person was erased, or has another guardian of this name.
    """
    _lock_person(db, person_id)
    row = _guardian(db, person_id, guardian_id)
    changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changed:
        return row
    if "name" in changed:
        others = [one for one in guardians_of(db, person_id) if one.id != guardian_id]
        _refuse_known_name(others, changed["name"])
    for name, value in changed.items():
        setattr(row, name, value)
    db.add(row)
    _note(db, row, "guardian.change", actor, fields=sorted(changed))
    return row


def remove_guardian(
    db: Session, person_id: uuid.UUID, guardian_id: uuid.UUID, *, actor: str
) -> None:
    """Delete a guardian. Consents and absences keep the name that was written there.

    Raises:
        NotFoundError: no such person, or no such guardian of theirs.
    """
    get_person(db, person_id, lock=True)
    row = _guardian(db, person_id, guardian_id)
    db.delete(row)
    _note(db, row, "guardian.remove", actor)


def forget_guardians(db: Session, person_id: uuid.UUID) -> None:
    """Delete all guardians of a person whose data is erased."""
    db.exec(delete(Guardian).where(col(Guardian.person_id) == person_id))


def expire_guardians(db: Session, today: date, *, at_a_time: int = 500) -> int:
    """Delete guardians of students who had no lesson for `GUARDIANS_KEPT`; returns how many.

    An entry that is younger stays: its student may not have started yet.
    """
    oldest = today - GUARDIANS_KEPT
    since = datetime.combine(oldest, time(), tzinfo=UTC)
    had_lesson = exists().where(
        col(RosterEntry.person_id) == Guardian.person_id,
        or_(col(RosterEntry.until_date).is_(None), col(RosterEntry.until_date) >= oldest),
        col(Lesson.course_id) == RosterEntry.course_id,
        col(Lesson.starts_at) >= since,
    )
    query = select(Guardian.id).where(col(Guardian.created_at) < since, ~had_lesson)
    ids = list(db.exec(query.limit(at_a_time)))
    if ids:
        db.exec(delete(Guardian).where(col(Guardian.id).in_(ids)))
        details = {"guardians": len(ids)}
        record(db, actor=SYSTEM, action="guardian.expire", subject="people", details=details)
    return len(ids)


def _lock_person(db: Session, person_id: uuid.UUID) -> None:
    refuse_erased(get_person(db, person_id, lock=True))


def _guardian(db: Session, person_id: uuid.UUID, guardian_id: uuid.UUID) -> Guardian:
    row = db.get(Guardian, guardian_id)
    if row is None or row.person_id != person_id:
        raise NotFoundError("There is no such guardian.", problem="no_guardian")
    return row


def _refuse_known_name(known: list[Guardian], name: str) -> None:
    if any(fold(one.name) == fold(name) for one in known):
        raise ConflictError(
            "The student has a guardian of this name already.", problem="guardian_there"
        )


def _note(db: Session, row: Guardian, action: str, actor: str, **further: list[str]) -> None:
    db.flush()
    details = {"guardian": str(row.id), **further}
    subject = subject_of("person", row.person_id)
    record(db, actor=actor, action=action, subject=subject, details=details)
