"""What lines of a register say by the decisions about its marks."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlmodel import Session, col, select

from server.attendance import service as registers
from server.attendance.codes.service import codes_of
from server.attendance.decisions.corrections import Word
from server.attendance.event_reads import rulings_of
from server.attendance.register import OPEN, AttendanceStatus, EventKey, Judgement
from server.attendance.service import Register
from server.attendance.tables import Correction
from server.db.types import now
from server.errors import ConflictError
from server.mark_reviews.tables import MarkReview, ReviewAnswer, ReviewedMark

#: Who a mark is of by what people decided; None: nobody of the school.
Owners = Mapping[EventKey, uuid.UUID | None]


def reviews_of(db: Session, lesson_id: uuid.UUID) -> Sequence[MarkReview]:
    """Return the decisions about the marks of a lesson, oldest first."""
    query = select(MarkReview).where(MarkReview.lesson_id == lesson_id)
    return db.exec(query.order_by(col(MarkReview.made_at), col(MarkReview.id))).all()


def owners_of(
    db: Session, lesson_id: uuid.UUID, *, without: uuid.UUID | None = None
) -> dict[EventKey, uuid.UUID | None]:
    """Return who marks of a lesson are of by the decisions about them, one of them left out."""
    query = select(ReviewedMark, MarkReview).join(MarkReview)
    wanted = query.where(
        MarkReview.lesson_id == lesson_id, MarkReview.answer != ReviewAnswer.THEIRS.value
    )
    return {
        (mark.kiosk_id, mark.event_id): one.other_id
        for mark, one in db.exec(wanted)
        if one.id != without
    }


def changes(
    db: Session, register: Register, owners: Owners, involved: Collection[uuid.UUID]
) -> dict[uuid.UUID, Judgement | None]:
    """Return the lines that say something else if marks are of these owners, by person.

    None: events alone say it. A line that a person corrected is left out; what a decision about
    marks made of it is no such word.
    """
    lesson_id = register.view.lesson.id
    as_if = registers.register_as_if(db, lesson_id, owners, at=now())
    after = {one.person.id: one.mark for one in as_if.lines}
    by_reviews = _lines_of_reviews(db, lesson_id)
    found: dict[uuid.UUID, Judgement | None] = {}
    for line in register.lines:
        person_id, mark = line.person.id, line.mark
        if person_id not in involved or (mark.is_corrected and person_id not in by_reviews):
            continue
        wanted = after[person_id]
        is_theirs = wanted.derived == mark.derived
        said = mark.status if mark.is_corrected else None
        if said != (None if is_theirs else _status(wanted)):
            found[person_id] = None if is_theirs else wanted
    return found


def refuse_undecided(register: Register, after: Judgement | None) -> None:
    """Refuse to call a student absent who may still be seen.

    Raises:
        ConflictError: the lesson runs, or a kiosk has not reported everything.
    """
    if after is None or after.derived not in OPEN:
        return
    is_early = after.derived == AttendanceStatus.EXPECTED
    is_waiting = bool(register.waiting_for or after.doubtful)
    if is_early or (after.derived == AttendanceStatus.PENDING and is_waiting):
        raise ConflictError(
            "Decide after the lesson has ended and its kiosks have reported.",
            problem="marks_early",
        )


def word_for(db: Session, after: Judgement | None, reason: str) -> Word:
    """Return the correction that makes a line say it."""
    if after is None:
        return Word(None)
    return Word(codes_of(db).default_of(_status(after)).id, reason)


def reason_of(db: Session, reviews: Iterable[MarkReview]) -> tuple[str, MarkReview | None]:
    """Return the reason of the first of these decisions that has one, and that decision.

    Decisions of earlier versions kept it with the corrections alone.
    """
    some = list(reviews)
    ids = {uuid.UUID(made) for one in some if not one.reason for made in one.corrections}
    query = select(Correction.id, Correction.reason).where(col(Correction.id).in_(ids))
    said = dict(db.exec(query).all()) if ids else {}
    for review in some:
        kept = [said.get(uuid.UUID(made), "") for made in review.corrections]
        if reason := next(filter(None, (review.reason, *kept)), ""):
            return reason, review
    return "", None


def _status(mark: Judgement) -> AttendanceStatus:
    return AttendanceStatus.ABSENT if mark.derived in OPEN else mark.derived


def _lines_of_reviews(db: Session, lesson_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the people whose line says what a decision about marks made of it."""
    made = {uuid.UUID(key) for one in reviews_of(db, lesson_id) for key in one.corrections}
    rulings = rulings_of(db, [lesson_id]).get(lesson_id, [])
    newest = {one.person_id: one for one in sorted(rulings)}
    return {person_id for person_id, one in newest.items() if one.ruling_id in made}
