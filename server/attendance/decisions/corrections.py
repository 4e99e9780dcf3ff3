"""Correct lines of a register: one, several with one reason, or everyone who is left."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from server.attendance import service
from server.attendance.codes.service import codes_of, use_code
from server.attendance.codes.tables import StatusCode
from server.attendance.decisions.undo import (
    is_confirmed_since,
    is_fresh,
    restored,
    void_batches,
)
from server.attendance.event_reads import rulings_of
from server.attendance.register import CORRECTABLE, AttendanceStatus
from server.attendance.service import Register, RegisterLine
from server.attendance.tables import Correction, CorrectionBatch
from server.audit.service import record
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.service import refuse_erased
from server.people.tables import Person
from server.timetable.tables import Lesson, RosterEntry

SHORTEST_REASON = 3


class StaleLineError(ConflictError):
    """The line says something else by now than what the person saw."""

    code = "stale_line"
    default_message = "The register has changed meanwhile. Look at it and choose again."


@dataclass(frozen=True)
class Word:
    """What a person says about lines.

    Attributes:
        code_id: the code; None: what was said before no longer counts, so that events alone do.
        reason: may be empty where the code needs none.
    """

    code_id: uuid.UUID | None
    reason: str = ""


def word_of(db: Session, status: str, reason: str = "") -> Word:
    """Return the same for a status: its default code.

    Raises:
        InvalidError: people cannot set this status.
    """
    if status not in CORRECTABLE:
        raise InvalidError("This status cannot be set by a person.", problem="status")
    return Word(codes_of(db).default_of(status).id, reason)


def correct(
    db: Session,
    lesson_id: uuid.UUID,
    *,
    person_id: uuid.UUID,
    word: Word,
    made_by: uuid.UUID,
    seen: str | None = None,
) -> Correction:
    """Add a person's word about a line; what was there before stays.

    Args:
        db: the caller's.
        lesson_id: whose register.
        person_id: which line.
        word: what is said.
        made_by: the account.
        seen: what the line said when the person chose, see `CodeList.state_of`; None where that
            does not matter.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: the person is not due, the code is not in use, or a reason is missing.
        ConflictError: the lesson is cancelled; or check-in has not begun, and it is no excuse.
        StaleLineError: the line says something else by now.
    """
    # Withdrawing writes no text, so it can be done about a student whose data was erased.
    register = locked_register(db, lesson_id, [person_id], may_be_erased=word == Word(None))
    line = next((one for one in register.lines if one.person.id == person_id), None)
    if line is None:
        raise InvalidError("This person is not on the roster of the lesson.", problem="not_due")
    if seen is not None:
        _refuse_stale(db, {person_id: seen}, [line])
    code = _usable(db, register, word)
    correction = _row(register, person_id, word, code, made_by)
    correction.minutes_late = _kept_minutes(line, code)
    correction.made_at = _next_moment(db, lesson_id)
    db.add(correction)
    record(
        db,
        actor=f"account:{made_by}",
        action="attendance.correct",
        subject=f"lesson:{lesson_id}",
        details={"person": str(person_id), "status": correction.status},
    )
    return correction


def correct_many(
    db: Session,
    lesson_id: uuid.UUID,
    *,
    seen: Mapping[uuid.UUID, str | None],
    word: Word,
    made_by: uuid.UUID,
) -> CorrectionBatch:
    """Set one code with one reason on several lines: on all or, if one has changed, on none.

    Args:
        db: the caller's.
        lesson_id: whose register.
        seen: the lines, by person: what each said when the person chose; None: it does not matter.
        word: what is said.
        made_by: the account.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: no line was chosen, a person is not due, the code is not in use, or a reason
            is missing.
        ConflictError: the lesson is cancelled; or check-in has not begun, and it is no excuse.
        StaleLineError: a line says something else by now.
    """
    register = locked_register(db, lesson_id, seen)
    lines = [one for one in register.lines if one.person.id in seen]
    if not seen:
        raise InvalidError("Choose at least one student.", problem="no_lines")
    if len(lines) < len(seen):
        raise InvalidError("This person is not on the roster of the lesson.", problem="not_due")
    _refuse_stale(db, seen, lines)
    return _batch(db, register, lines, word, made_by)


def correct_everyone_left(
    db: Session, lesson_id: uuid.UUID, *, word: Word, made_by: uuid.UUID
) -> CorrectionBatch:
    """Set one code on every line that nobody decided about and nothing was seen of.

    Lines of students whose data was erased stay as they are.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: nobody is left, the code is not in use, or it needs a reason.
        ConflictError: the lesson is cancelled, or check-in has not begun.
    """
    register = locked_register(db, lesson_id, _listed(db, lesson_id), may_be_erased=True)
    _refuse_early(register)
    left = everyone_left(register)
    erased = _erased(db, [one.person.id for one in left])
    lines = [one for one in left if one.person.id not in erased]
    if not lines:
        raise InvalidError("Every student has a status already.", problem="nobody_left")
    return _batch(db, register, lines, word, made_by)


def undo(
    db: Session, lesson_id: uuid.UUID, batch_id: uuid.UUID, *, made_by: uuid.UUID
) -> CorrectionBatch:
    """Put back what lines said before an action over several of them.

    Lines that were changed since stay as they are.

    Raises:
        NotFoundError: there is no such lesson or action.
        ConflictError: the action was undone before, is an undo, or is too old; or the register
            was confirmed since, or the lesson is cancelled.
    """
    of_batch = select(Correction.person_id).where(Correction.batch_id == batch_id)
    register = locked_register(db, lesson_id, db.exec(of_batch).all(), may_be_erased=True)
    batches = {
        one.id: one
        for one in db.exec(select(CorrectionBatch).where(CorrectionBatch.lesson_id == lesson_id))
    }
    batch = batches.get(batch_id)
    if batch is None:
        raise NotFoundError("There is no such action.", problem="no_batch")
    void = void_batches({one.id: one.undoes_id for one in batches.values()})
    _refuse_undo(batch, void, register)
    rows = {
        one.id: one for one in db.exec(select(Correction).where(Correction.lesson_id == lesson_id))
    }
    back = restored(
        rulings_of(db, [lesson_id]).get(lesson_id, []),
        {one.id for one in rows.values() if one.batch_id == batch_id},
        {one.id for one in rows.values() if one.batch_id in void},
    )
    new = CorrectionBatch(
        lesson_id=lesson_id, undoes_id=batch_id, lines=len(back), made_by=made_by, made_at=now()
    )
    corrections = [
        said_again(rows[before.ruling_id], made_by)
        if before
        else _row(register, person_id, Word(None), None, made_by)
        for person_id, before in back.items()
    ]
    _store(db, new, corrections, "attendance.undo")
    return new


def everyone_left(register: Register) -> list[RegisterLine]:
    """Return the lines that nobody decided about and nothing was seen of.

    Those of students with a scan of uncertain time are left out: a person looks at each.
    """
    return [one for one in register.lines if one.mark.is_open and not one.mark.doubtful]


def locked_register(
    db: Session,
    lesson_id: uuid.UUID,
    people: Collection[uuid.UUID] = (),
    *,
    may_be_erased: bool = False,
) -> Register:
    """Return a register that nobody else decides about until this transaction ends.

    Args:
        db: the caller's.
        lesson_id: whose register.
        people: students that rows are written about. They are locked first, by their ids:
            all who lock people do it in this order, and before lessons.
        may_be_erased: no new text is written about them.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: it is cancelled, or the data of one of these students was erased.
    """
    if people:
        which = select(Person).where(col(Person.id).in_(people)).order_by(col(Person.id))
        for one in db.exec(which.with_for_update(read=True, key_share=True)):
            if not may_be_erased:
                refuse_erased(one)
    db.get(Lesson, lesson_id, with_for_update=True)
    register = service.register_of(db, lesson_id, at=now())
    if register.view.is_cancelled:
        raise ConflictError("This lesson is cancelled.", problem="cancelled")
    return register


def _erased(db: Session, people: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these people whose data was erased: nothing new is written about them."""
    erased = select(Person.id).where(col(Person.id).in_(people), col(Person.erased_at).is_not(None))
    return set(db.exec(erased))


def _listed(db: Session, lesson_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Return everybody who was ever on the roster of a lesson's course."""
    course = select(Lesson.course_id).where(Lesson.id == lesson_id).scalar_subquery()
    return db.exec(select(RosterEntry.person_id).where(RosterEntry.course_id == course)).all()


def _batch(
    db: Session,
    register: Register,
    lines: Collection[RegisterLine],
    word: Word,
    made_by: uuid.UUID,
) -> CorrectionBatch:
    code = _usable(db, register, word)
    batch = CorrectionBatch(
        lesson_id=register.view.lesson.id,
        code_id=word.code_id,
        lines=len(lines),
        made_by=made_by,
        made_at=now(),
    )
    corrections = []
    for one in lines:
        correction = _row(register, one.person.id, word, code, made_by)
        correction.minutes_late = _kept_minutes(one, code)
        corrections.append(correction)
    _store(db, batch, corrections, "attendance.correct_many")
    return batch


def _store(
    db: Session, batch: CorrectionBatch, corrections: Iterable[Correction], action: str
) -> None:
    """Write an action with its corrections, and one entry that names everybody it is about."""
    db.add(batch)
    db.flush()
    people = []
    at = _next_moment(db, batch.lesson_id)
    for one in sorted(corrections, key=lambda one: one.person_id):
        one.batch_id, one.made_at = batch.id, at
        db.add(one)
        people.append(str(one.person_id))
    record(
        db,
        actor=f"account:{batch.made_by}",
        action=action,
        subject=f"lesson:{batch.lesson_id}",
        details={"batch": str(batch.id), "students": people},
    )


def has_begun(register: Register, at: datetime) -> bool:
    """Whether check-in has begun. Before that, people can only be excused."""
    return at >= register.window.opens_at


def _usable(db: Session, register: Register, word: Word) -> StatusCode | None:
    """Return the code of a word.

    Raises:
        InvalidError: it is not in use, or a reason is missing.
        ConflictError: check-in has not begun, and it is no excuse.
    """
    if word.code_id is None:
        return None
    code = use_code(db, word.code_id)
    if code.category != AttendanceStatus.EXCUSED:
        _refuse_early(register)
    if code.needs_reason and len(word.reason.strip()) < SHORTEST_REASON:
        raise InvalidError("This code needs a reason.", problem="reason")
    return code


def _refuse_early(register: Register) -> None:
    if not has_begun(register, now()):
        raise ConflictError("Check-in for this lesson has not begun.", problem="not_begun")


def _row(
    register: Register,
    person_id: uuid.UUID,
    word: Word,
    code: StatusCode | None,
    made_by: uuid.UUID,
) -> Correction:
    return Correction(
        lesson_id=register.view.lesson.id,
        person_id=person_id,
        status=code.category if code else None,
        code_id=code.id if code else None,
        is_attended=code.is_attended if code else False,
        reason=word.reason,
        made_by=made_by,
    )


def _kept_minutes(line: RegisterLine, code: StatusCode | None) -> int | None:
    """Return the minutes that a late line keeps where another code for being late is set."""
    is_late = code is not None and code.category == AttendanceStatus.LATE
    return line.mark.said_late_min if is_late else None


def _refuse_undo(batch: CorrectionBatch, void: Collection[uuid.UUID], register: Register) -> None:
    """Refuse to undo an action where a page would not offer it.

    Raises:
        ConflictError: it was undone, is an undo or too old, or the register was confirmed since.
    """
    if batch.id in void:
        raise ConflictError("This was undone already.", problem="undone")
    confirmation = register.confirmation
    if is_confirmed_since(batch.made_at, confirmation.made_at if confirmation else None):
        raise ConflictError("The register was confirmed since then.", problem="undo_confirmed")
    if not is_fresh(batch.made_at, now()):
        raise ConflictError("This change can no longer be undone.", problem="undo_late")


def said_again(before: Correction, made_by: uuid.UUID) -> Correction:
    """Return a new row that says the same as an earlier one."""
    return Correction(
        lesson_id=before.lesson_id,
        person_id=before.person_id,
        status=before.status,
        code_id=before.code_id,
        is_attended=before.is_attended,
        reason=before.reason,
        minutes_late=before.minutes_late,
        made_by=made_by,
    )


def _refuse_stale(
    db: Session, seen: Mapping[uuid.UUID, str | None], lines: Iterable[RegisterLine]
) -> None:
    codes = codes_of(db)
    for one in lines:
        was = seen[one.person.id]
        if was is not None and was != codes.state_of(one.mark):
            raise StaleLineError(problem="stale")


def _next_moment(db: Session, lesson_id: uuid.UUID) -> datetime:
    """Return now, or just after the newest correction: a clock that was set back undoes nothing."""
    newest: datetime | None = db.exec(
        select(func.max(col(Correction.made_at))).where(Correction.lesson_id == lesson_id)
    ).one()
    at = now()
    return at if newest is None or newest < at else newest + timedelta(microseconds=1)
