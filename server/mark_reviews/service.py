"""Decide who was in front of the kiosk: corrections for the registers that change, and undo."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, delete, select

from server.attendance import service as registers
from server.attendance.codes.service import codes_of, use_code
from server.attendance.decisions import corrections
from server.attendance.decisions.corrections import Word
from server.attendance.event_reads import rulings_of
from server.attendance.register import OPEN, AttendanceStatus, EventKey, Ruling
from server.attendance.service import Register
from server.audit.service import record
from server.audit.tables import subject_of
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.mark_reviews.marks import FaceMark, find_marks, lessons_of
from server.mark_reviews.tables import MarkReview, ReviewAnswer, ReviewedMark
from server.people import service as people
from server.people.tables import Person
from server.timetable.service import LessonView

#: Who a mark is of by what people decided; None: nobody of the school.
Owners = Mapping[EventKey, uuid.UUID | None]


@dataclass(frozen=True)
class ReviewOrder:
    """What a person decides about some marks.

    Attributes:
        marks: the names of the events.
        other_id: who it was, where it was another person.
        reason: of the corrections that follow.
    """

    marks: frozenset[EventKey]
    answer: ReviewAnswer
    other_id: uuid.UUID | None
    reason: str


@dataclass
class _Group:
    """The marks of one person in one lesson; in none where `lesson` is None."""

    person_id: uuid.UUID
    lesson: LessonView | None
    marks: list[FaceMark] = field(default_factory=list)


def find_lessons(db: Session, keys: frozenset[EventKey]) -> list[LessonView | None]:
    """Return the lesson that each of these marks counts for, None where it counts for none.

    Raises:
        NotFoundError: there is no such mark by face.
    """
    marks = _marks(db, keys)
    lessons = lessons_of(db, marks)
    return [lessons.get(one.key) for one in marks]


def decide(db: Session, order: ReviewOrder, *, made_by: uuid.UUID) -> list[MarkReview]:
    """Decide about marks; lines of registers that say something else then are corrected.

    A line that a person has corrected stays as it is. A student who was not there by anything else
    becomes absent. Repeating a decision changes nothing.

    Raises:
        NotFoundError: there is no such mark by face, or no such other person.
        InvalidError: no mark was chosen, the other person is missing or is the one named, or there
            is no reason.
        ConflictError: another decision was made about one of these marks, or the other person was
            erased.
    """
    _refuse(db, order)
    groups = _groups(db, _marks(db, order.marks))
    everybody = {one.person_id for one in groups} | ({order.other_id} - {None})
    if order.other_id in {one.person_id for one in groups}:
        raise InvalidError("Choose another person.", problem="same_person")
    locked = _locked(db, groups, everybody)
    if (before := _decided(db, order)) is not None:
        return before
    words = _words(db, groups, order, locked)
    return [_store(db, one, order, words, made_by) for one in groups]


def undo(db: Session, review_id: uuid.UUID, *, made_by: uuid.UUID) -> MarkReview:
    """Take a decision back with the corrections that it made; what people said since stays.

    Raises:
        NotFoundError: there is no such decision; it may be undone already.
    """
    review = get_review(db, review_id)
    involved = [one for one in (review.person_id, review.other_id) if one is not None]
    if review.lesson_id is not None:
        _lock_lesson(db, review.lesson_id, involved)
    review = _held(db, review_id)
    if review.lesson_id is not None:
        newest = {one.person_id: one for one in sorted(_rulings(db, review.lesson_id))}
        mine = {uuid.UUID(one) for one in review.corrections}
        for person_id in sorted(key for key, one in newest.items() if one.ruling_id in mine):
            corrections.correct(
                db, review.lesson_id, person_id=person_id, word=Word(None), made_by=made_by
            )
    record(
        db,
        actor=f"account:{made_by}",
        action="mark.undo",
        subject=subject_of("person", review.person_id),
    )
    db.exec(delete(ReviewedMark).where(col(ReviewedMark.review_id) == review.id))
    db.delete(review)
    return review


def get_review(db: Session, review_id: uuid.UUID) -> MarkReview:
    """Return one decision.

    Raises:
        NotFoundError: there is no such decision; it may be undone already.
    """
    review = db.get(MarkReview, review_id)
    if review is None:
        raise NotFoundError("There is no such decision.", problem="no_review")
    return review


def _held(db: Session, review_id: uuid.UUID) -> MarkReview:
    """Lock a decision; it may have been undone while another lock was waited for."""
    review = db.get(MarkReview, review_id, with_for_update=True, populate_existing=True)
    if review is None:
        raise NotFoundError("There is no such decision.", problem="no_review")
    return review


def _refuse(db: Session, order: ReviewOrder) -> None:
    if not order.marks:
        raise InvalidError("Choose at least one mark.", problem="no_marks")
    if (order.answer is ReviewAnswer.OTHER) != (order.other_id is not None):
        raise InvalidError("Say who it was.", problem="no_other")
    is_short = len(order.reason.strip()) < corrections.SHORTEST_REASON
    if order.answer is not ReviewAnswer.THEIRS and is_short:
        raise InvalidError("Give a reason.", problem="reason")
    if order.other_id is not None:
        people.refuse_erased(people.get_person(db, order.other_id))


def _marks(db: Session, keys: frozenset[EventKey]) -> list[FaceMark]:
    found = find_marks(db, keys)
    if len(found) < len(keys):
        raise NotFoundError("There is no such mark.", problem="no_mark")
    return found


def _groups(db: Session, marks: Sequence[FaceMark]) -> list[_Group]:
    """Put marks of one person and lesson together, in the order in which lessons are locked."""
    lessons = lessons_of(db, marks)
    found: dict[tuple[uuid.UUID, uuid.UUID | None], _Group] = {}
    for mark in marks:
        view = lessons.get(mark.key)
        key = mark.person_id, view.lesson.id if view else None
        found.setdefault(key, _Group(mark.person_id, view)).marks.append(mark)
    return sorted(found.values(), key=lambda one: one.lesson.lesson.id.hex if one.lesson else "")


def _locked(
    db: Session, groups: Iterable[_Group], involved: Iterable[uuid.UUID | None]
) -> dict[uuid.UUID, Register]:
    """Lock people, then lessons; return the registers of those that are not cancelled."""
    ids = [one for one in involved if one is not None]
    which = select(Person.id).where(col(Person.id).in_(ids)).order_by(col(Person.id))
    db.exec(which.with_for_update(read=True, key_share=True)).all()
    found = {}
    for lesson_id in dict.fromkeys(one.lesson.lesson.id for one in groups if one.lesson):
        register = _lock_lesson(db, lesson_id, ids)
        if register is not None:
            found[lesson_id] = register
    return found


def _lock_lesson(
    db: Session, lesson_id: uuid.UUID, involved: Sequence[uuid.UUID]
) -> Register | None:
    try:
        return corrections.locked_register(db, lesson_id, involved)
    except ConflictError:
        return None  # it is cancelled, so nothing counts


def _decided(db: Session, order: ReviewOrder) -> list[MarkReview] | None:
    """Return the same decision where it was made before; None where none was made.

    Raises:
        ConflictError: another one was made.
    """
    events = {event for _kiosk, event in order.marks}
    query = select(ReviewedMark, MarkReview).join(MarkReview)
    rows = db.exec(query.where(col(ReviewedMark.event_id).in_(events))).all()
    known = {(mark.kiosk_id, mark.event_id): review for mark, review in rows}
    known = {key: review for key, review in known.items() if key in order.marks}
    if not known:
        return None
    is_same = all(
        (one.answer, one.other_id) == (order.answer, order.other_id) for one in known.values()
    )
    if len(known) < len(order.marks) or not is_same:
        raise ConflictError("A decision was made about one of these.", problem="decided_already")
    return list({one.id: one for one in known.values()}.values())


def _words(
    db: Session,
    groups: Iterable[_Group],
    order: ReviewOrder,
    locked: Mapping[uuid.UUID, Register],
) -> dict[tuple[uuid.UUID, uuid.UUID], Word]:
    """Return what is corrected, by lesson and person; the codes are in use from now on."""
    codes = codes_of(db)
    found = {}
    for group in groups:
        if group.lesson is None or group.lesson.lesson.id not in locked:
            continue
        lesson_id = group.lesson.lesson.id
        owners = _owners(db, lesson_id)
        if order.answer is not ReviewAnswer.THEIRS:
            owners |= {mark.key: order.other_id for mark in group.marks}
        for person_id, status in _changes(db, locked[lesson_id], owners, group, order).items():
            found[lesson_id, person_id] = Word(codes.default_of(status).id, order.reason)
    # Before the first correction locks the audit trail.
    for code_id in sorted({word.code_id for word in found.values() if word.code_id}):
        use_code(db, code_id)
    return found


def _changes(
    db: Session, register: Register, owners: Owners, group: _Group, order: ReviewOrder
) -> dict[uuid.UUID, AttendanceStatus]:
    """Return the lines that say something else if the marks are of these owners."""
    if order.answer is ReviewAnswer.THEIRS:
        return {}
    lesson_id = register.view.lesson.id
    as_if = registers.register_as_if(db, lesson_id, owners, at=now())
    after = {one.person.id: one.mark.derived for one in as_if.lines}
    found = {}
    for line in register.lines:
        if line.person.id not in (group.person_id, order.other_id) or line.mark.is_corrected:
            continue
        status = after[line.person.id]
        if status == line.mark.derived:
            continue
        found[line.person.id] = AttendanceStatus.ABSENT if status in OPEN else status
    return found


def _owners(db: Session, lesson_id: uuid.UUID) -> dict[EventKey, uuid.UUID | None]:
    """Return who marks of a lesson are of by earlier decisions."""
    query = select(ReviewedMark, MarkReview).join(MarkReview)
    wanted = query.where(
        MarkReview.lesson_id == lesson_id, MarkReview.answer != ReviewAnswer.THEIRS.value
    )
    return {(mark.kiosk_id, mark.event_id): one.other_id for mark, one in db.exec(wanted)}


def _store(
    db: Session,
    group: _Group,
    order: ReviewOrder,
    words: Mapping[tuple[uuid.UUID, uuid.UUID], Word],
    made_by: uuid.UUID,
) -> MarkReview:
    lesson_id = group.lesson.lesson.id if group.lesson else None
    review = MarkReview(
        person_id=group.person_id,
        lesson_id=lesson_id,
        answer=order.answer.value,
        other_id=order.other_id,
        made_by=made_by,
        made_at=now(),
    )
    db.add(review)
    db.flush()
    db.add_all(
        ReviewedMark(kiosk_id=one.kiosk_id, event_id=one.event_id, review_id=review.id)
        for one in group.marks
    )
    made = [
        corrections.correct(db, lesson, person_id=person_id, word=word, made_by=made_by)
        for (lesson, person_id), word in words.items()
        if lesson == lesson_id
    ]
    review.corrections = [str(one.id) for one in made]
    details: dict[str, object] = {"answer": order.answer.value, "marks": len(group.marks)}
    details |= {"other": str(order.other_id)} if order.other_id else {}
    record(
        db,
        actor=f"account:{made_by}",
        action="mark.review",
        subject=subject_of("person", group.person_id),
        details=details,
    )
    return review


def _rulings(db: Session, lesson_id: uuid.UUID) -> Sequence[Ruling]:
    return rulings_of(db, [lesson_id]).get(lesson_id, [])
