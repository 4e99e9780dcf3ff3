"""Erase a person: everything personal goes, and registers keep their lines."""

import uuid
from datetime import date, datetime, timedelta

import sqlalchemy
from sqlmodel import Session, col, or_, select, update

from protocol.v1.checkin import HolderKind
from server.absences.service import erase_texts
from server.attendance.tables import Correction, CorrectionMention, LineRemark, PastChange
from server.audit.service import record
from server.audit.tables import subject_of
from server.credentials.service import HolderRef, forget_holder
from server.db.types import UTCDateTime
from server.enrollment import service as enrollment
from server.errors import InvalidError
from server.guardians.service import forget_guardians
from server.idempotency.service import forget_answers
from server.imports.service import forget_jobs, forget_names
from server.imports.sourced import forget_sourced
from server.line_files.service import erase_files
from server.people import service as people
from server.people.named import is_named
from server.people.tables import Person
from server.prints.service import forget_every_print
from server.timetable import roster
from server.timetable.groups.service import forget_member
from server.timetable.tables import RosterEntry

ERASED_REASON = "erased"
#: Decisions about marks, whose package is built on this one and so is not imported.
_REVIEWS = sqlalchemy.table(
    "mark_reviews",
    sqlalchemy.column("person_id", sqlalchemy.Uuid()),
    sqlalchemy.column("other_id", sqlalchemy.Uuid()),
    sqlalchemy.column("reason", sqlalchemy.String()),
    sqlalchemy.column("made_by", sqlalchemy.Uuid()),
    sqlalchemy.column("made_at", UTCDateTime()),
)


def erase_person(
    db: Session,
    person_id: uuid.UUID,
    *,
    reason: str,
    actor: str,
    at: datetime,
    today: date,
) -> Person:
    """Erase a person's name, number, consents, guardians, photos, templates, PIN and cards.

    The row of the person stays, with its roster entries, events and corrections, so registers of
    the past keep the line, its status and their counts. Lessons that have not started no longer
    list the person, except later ones of a course that has met today. Files with register lines
    and absences go too. Absences keep their days and the reason from the list.

    Free text about this one person may hold the name. It is replaced by "erased" in corrections,
    remarks, decisions about marks with the corrections that they made on lines of other people, and
    changes of the past to a roster: the only case in which these rows are updated.

    Answers that are kept for idempotency keys are deleted, as they may name the person; so are
    files of people and rosters that were uploaded for an import, with their reports. Registers that
    were printed for a report are deleted too.

    Args:
        db: the caller's.
        person_id: who is erased.
        reason: kept in the audit trail, which can never be changed, so it must not name the person.
        actor: who erases.
        at: now, UTC.
        today: the school's date.

    Raises:
        NotFoundError: no such person.
        ConflictError: the person was erased before.
        InvalidError: the reason holds a name or the number of the person.
    """
    forgotten = forget_names(db)
    person = people.get_person(db, person_id, lock=True)
    people.refuse_erased(person)
    _refuse_names(person, reason)
    # Before the audit trail is locked: changes of the timetable take these locks in this order.
    _leave_rosters(db, person_id, today=today, at=at)
    forget_member(db, person_id)
    erase_files(db, person_id)
    forget_holder(db, HolderRef(HolderKind.PERSON, person_id))
    enrollment.erase_biometrics(db, person_id, actor=actor, at=at)
    enrollment.erase_leftovers(db, person_id)
    erase_texts(db, person_id)
    forget_sourced(db, person_id)
    forget_guardians(db, person_id)
    people.erase_identity(db, person, at=at)
    lines = _erase_reasons(db, person_id)
    forget_answers(db)
    subject = subject_of("person", person_id)
    details = {"reason": reason, "reasons_erased": lines, "imports_deleted": len(forgotten)}
    record(db, actor=actor, action="person.erase", subject=subject, details=details)
    forget_jobs(db, forgotten)
    forget_every_print(db)  # after the trail and the jobs, as deleting a report does
    return person


def _refuse_names(person: Person, reason: str) -> None:
    if is_named(person, reason):
        raise InvalidError(
            "The reason must not contain the name or the student number.", problem="named"
        )


def _leave_rosters(db: Session, person_id: uuid.UUID, *, today: date, at: datetime) -> None:
    """End every roster entry that goes on; today counts only where a lesson of today started."""
    query = select(RosterEntry).where(
        col(RosterEntry.person_id) == person_id,
        or_(col(RosterEntry.until_date).is_(None), col(RosterEntry.until_date) >= today),
    )
    for entry in db.exec(query.order_by(col(RosterEntry.id))).all():
        closed = roster.close_entry(db, entry, today=today, at=at)
        if closed is None:
            continue
        started = roster.started_lessons(db, closed.course_id, at)
        if not any(lesson.day >= today and roster.applies(closed, lesson) for lesson in started):
            closed.until_date = today - timedelta(days=1)
            db.add(closed)
    db.flush()


def _erase_reasons(db: Session, person_id: uuid.UUID) -> int:
    """Replace free text about one person; return how many rows there were."""
    about = col(Correction.person_id) == person_id
    corrected = db.exec(update(Correction).where(about).values(reason=ERASED_REASON)).rowcount
    written = col(LineRemark.person_id) == person_id, col(LineRemark.text) != ""
    corrected += db.exec(update(LineRemark).where(*written).values(text=ERASED_REASON)).rowcount
    corrected += _erase_mentions(db, person_id) + _erase_reviews(db, person_id)
    query = select(PastChange).where(PastChange.kind == "roster")
    changes = [row for row in db.exec(query) if row.document["person_id"] == str(person_id)]
    for row in changes:
        row.reason = ERASED_REASON
        db.add(row)
    return corrected + len(changes)


def _erase_mentions(db: Session, person_id: uuid.UUID) -> int:
    """Replace reasons on lines of other people that may name a person."""
    mentioned = select(CorrectionMention.correction_id).where(
        CorrectionMention.person_id == person_id
    )
    lines = db.exec(
        select(Correction).where(col(Correction.id).in_(mentioned), col(Correction.reason) != "")
    ).all()
    erased = 0
    for one in lines:  # undoing an action over several lines says the same again, as a new row
        same = (
            col(Correction.lesson_id) == one.lesson_id,
            col(Correction.person_id) == one.person_id,
            col(Correction.reason) == one.reason,
        )
        erased += db.exec(update(Correction).where(*same).values(reason=ERASED_REASON)).rowcount
    return erased


def _erase_reviews(db: Session, person_id: uuid.UUID) -> int:
    """Replace reasons of decisions about marks of a person, and of those made with them."""
    theirs = or_(_REVIEWS.c.person_id == person_id, _REVIEWS.c.other_id == person_id)
    made = _REVIEWS.alias()
    together = sqlalchemy.exists().where(
        or_(made.c.person_id == person_id, made.c.other_id == person_id),
        made.c.made_by == _REVIEWS.c.made_by,
        made.c.made_at == _REVIEWS.c.made_at,
    )
    known = or_(theirs, together), _REVIEWS.c.reason != ""
    change = sqlalchemy.update(_REVIEWS).where(*known).values(reason=ERASED_REASON)
    return db.connection().execute(change).rowcount
