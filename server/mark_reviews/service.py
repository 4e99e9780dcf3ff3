"""Decide who was in front of the kiosk: corrections for the registers that change, and undo."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import tuple_
from sqlmodel import Session, col, delete, select

from server.attendance.codes.service import use_code
from server.attendance.decisions import corrections
from server.attendance.decisions.corrections import Word
from server.attendance.erasure import ERASED_REASON
from server.attendance.register import EventKey
from server.attendance.service import Register
from server.attendance.tables import Correction, CorrectionMention, StoredEvent
from server.audit.service import record
from server.audit.tables import subject_of
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.mark_reviews.lines import (
    changes,
    owners_of,
    reason_of,
    refuse_undecided,
    reviews_of,
    word_for,
)
from server.mark_reviews.marks import FaceMark, find_marks, lessons_of
from server.mark_reviews.tables import MarkReview, ReviewAnswer, ReviewedMark
from server.networks import scans
from server.people import service as people
from server.people.tables import Person
from server.timetable.service import LessonView


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


@dataclass(frozen=True)
class _Locked:
    """What a decision has locked.

    Attributes:
        registers: of the lessons that may change.
        erased: the named people whose data was erased.
    """

    registers: Mapping[uuid.UUID, Register]
    erased: set[uuid.UUID]


@dataclass(frozen=True)
class _Outcome:
    """What follows from a decision.

    Attributes:
        words: what is corrected, by lesson and person.
        reason: as it is kept.
        named: everyone that the decision is about, whose names the reason may hold.
        at: when it is made.
    """

    words: dict[tuple[uuid.UUID, uuid.UUID], Word]
    reason: str
    named: set[uuid.UUID]
    at: datetime


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

    A line that a person has corrected stays as it is, and so does one of a student whose data was
    erased. Where one of the people was, the reason is not kept: it may name them. A student who was
    not there by anything else becomes absent. Repeating a decision changes nothing.

    Raises:
        NotFoundError: there is no such mark by face, or no such other person.
        InvalidError: no mark was chosen, the other person is missing or is the one named, or there
            is no reason.
        ConflictError: another decision was made about one of these marks, the other person was
            erased, a lesson is cancelled, or it is too early to say that a student was absent.
    """
    _refuse(db, order)
    groups = _groups(db, _marks(db, order.marks))
    if order.other_id in {one.person_id for one in groups}:
        raise InvalidError("Choose another person.", problem="same_person")
    held = _locked(db, groups, order)
    _lock_events(db, order.marks)
    if (before := _decided(db, order)) is not None:
        return before
    if held.erased:  # no new text is written about them
        order = replace(order, reason=ERASED_REASON if order.reason.strip() else "")
    words = _words(db, groups, order, held)
    if order.answer is not ReviewAnswer.THEIRS:
        _forget_scans(db, order.marks)
    named = {one.person_id for one in groups} | ({order.other_id} if order.other_id else set())
    outcome = _Outcome(words, order.reason.strip(), named, now())
    return [_store(db, one, order, outcome, made_by) for one in groups]


def undo(db: Session, review_id: uuid.UUID, *, made_by: uuid.UUID) -> MarkReview:
    """Take a decision back: lines say what the decisions that remain make of them.

    What people said since stays.

    Raises:
        NotFoundError: there is no such decision; it may be undone already.
        ConflictError: the lesson is cancelled.
    """
    review = get_review(db, review_id)
    involved = [one for one in (review.person_id, review.other_id) if one is not None]
    register = None
    if review.lesson_id is not None and review.answer != ReviewAnswer.THEIRS:
        register = corrections.locked_register(db, review.lesson_id, involved, may_be_erased=True)
    review = _held(db, review_id)
    if register is not None:
        _put_back(db, register, review, made_by)
    record(
        db,
        actor=f"account:{made_by}",
        action="mark.undo",
        subject=subject_of("person", review.person_id),
        details=_details(db, review),
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


def _locked(db: Session, groups: Sequence[_Group], order: ReviewOrder) -> _Locked:
    """Lock people, then the lessons that may change.

    Raises:
        ConflictError: a lesson is cancelled, or the other person was erased.
    """
    ids = {one.person_id for one in groups} | ({order.other_id} - {None})
    which = select(Person).where(col(Person.id).in_(ids)).order_by(col(Person.id))
    which = which.with_for_update(read=True, key_share=True)
    erased = set()
    for one in db.exec(which.execution_options(populate_existing=True)):
        if one.id == order.other_id:
            people.refuse_erased(one)
        if one.erased_at is not None:
            erased.add(one.id)
    lessons = {one.lesson.lesson.id: None for one in groups if one.lesson}
    if order.answer is ReviewAnswer.THEIRS:
        lessons = {}  # nothing changes
    return _Locked({one: corrections.locked_register(db, one) for one in lessons}, erased)


def _lock_events(db: Session, keys: Collection[EventKey]) -> None:
    """Let nobody else decide about these marks until this transaction ends."""
    named = tuple_(col(StoredEvent.kiosk_id), col(StoredEvent.id))
    query = select(StoredEvent.id).where(named.in_(sorted(keys)))
    in_order = query.order_by(col(StoredEvent.kiosk_id), col(StoredEvent.id))
    db.exec(in_order.with_for_update(key_share=True)).all()


def _forget_scans(db: Session, keys: Collection[EventKey]) -> None:
    """Delete what waits to become a template of the person that these marks named wrongly."""
    events: dict[uuid.UUID, set[uuid.UUID]] = {}
    for kiosk_id, event_id in keys:
        events.setdefault(kiosk_id, set()).add(event_id)
    for kiosk_id, theirs in events.items():
        scans.forget_events(db, kiosk_id, theirs)


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
    db: Session, groups: Iterable[_Group], order: ReviewOrder, held: _Locked
) -> dict[tuple[uuid.UUID, uuid.UUID], Word]:
    """Return what is corrected, by lesson and person; the codes are in use from now on."""
    of_lesson: dict[uuid.UUID, list[_Group]] = {}
    for group in groups:
        if group.lesson is not None and group.lesson.lesson.id in held.registers:
            of_lesson.setdefault(group.lesson.lesson.id, []).append(group)
    found = {}
    for lesson_id, theirs in of_lesson.items():
        owners = owners_of(db, lesson_id)
        owners |= {mark.key: order.other_id for one in theirs for mark in one.marks}
        involved = {one.person_id for one in theirs}
        involved |= {order.other_id} if order.other_id else set()
        register = held.registers[lesson_id]
        for person_id, after in changes(db, register, owners, involved - held.erased).items():
            refuse_undecided(register, after)
            found[lesson_id, person_id] = word_for(db, after, order.reason)
    # Before the first correction locks the audit trail.
    for code_id in sorted({word.code_id for word in found.values() if word.code_id}):
        use_code(db, code_id)
    return found


def _store(
    db: Session,
    group: _Group,
    order: ReviewOrder,
    outcome: _Outcome,
    made_by: uuid.UUID,
) -> MarkReview:
    """Write a decision, and the corrections of its lines that no other decision has taken."""
    lesson_id = group.lesson.lesson.id if group.lesson else None
    review = MarkReview(
        person_id=group.person_id,
        lesson_id=lesson_id,
        answer=order.answer.value,
        other_id=order.other_id,
        reason=outcome.reason,
        made_by=made_by,
        made_at=outcome.at,
    )
    db.add(review)
    db.flush()
    db.add_all(
        ReviewedMark(kiosk_id=one.kiosk_id, event_id=one.event_id, review_id=review.id)
        for one in group.marks
    )
    words = outcome.words
    theirs = [key for key in words if key[0] == lesson_id and key[1] in _people(review)]
    made = [
        corrections.correct(
            db, lesson, person_id=person_id, word=words.pop((lesson, person_id)), made_by=made_by
        )
        for lesson, person_id in theirs
    ]
    for one in made:
        _mention(db, one, outcome.named)
    review.corrections = [str(one.id) for one in made]
    record(
        db,
        actor=f"account:{made_by}",
        action="mark.review",
        subject=subject_of("person", group.person_id),
        details=_details(db, review) | {"marks": len(group.marks)},
    )
    return review


def _put_back(db: Session, register: Register, review: MarkReview, made_by: uuid.UUID) -> None:
    """Let lines say what the other decisions about the lesson make of them."""
    lesson_id = register.view.lesson.id
    others = [one for one in reviews_of(db, lesson_id) if one.id != review.id]
    involved = _people(review)
    erased = set(
        db.exec(
            select(Person.id).where(
                col(Person.id).in_(involved), col(Person.erased_at).is_not(None)
            )
        )
    )
    words = {}
    for person_id, after in changes(
        db, register, owners_of(db, lesson_id, without=review.id), involved
    ).items():
        # Nothing new is written about a person whose data was erased.
        is_known = person_id not in erased
        rest = [one for one in others if person_id in _people(one)] if is_known else []
        reason, source = reason_of(db, [*rest[::-1], review])
        words[person_id] = word_for(db, after if rest else None, reason), rest, source
    for code_id in sorted({word.code_id for word, *_ in words.values() if word.code_id}):
        use_code(db, code_id)
    for person_id, (word, rest, source) in sorted(words.items(), key=lambda one: one[0]):
        made = corrections.correct(db, lesson_id, person_id=person_id, word=word, made_by=made_by)
        if word.code_id is not None:  # undoing that one withdraws it
            rest[-1].corrections = [*rest[-1].corrections, str(made.id)]
            _mention(db, made, _named(db, source))


def _mention(db: Session, made: Correction, people: Collection[uuid.UUID]) -> None:
    """Note who else the reason of a correction may name; this outlasts the decision."""
    db.flush()
    db.add_all(
        CorrectionMention(correction_id=made.id, person_id=one)
        for one in sorted(people)
        if one != made.person_id and made.reason
    )


def _named(db: Session, review: MarkReview | None) -> set[uuid.UUID]:
    """Return everyone that was decided about with the same reason, in the same request."""
    if review is None:
        return set()
    query = select(MarkReview).where(
        MarkReview.made_by == review.made_by, MarkReview.made_at == review.made_at
    )
    return set().union(*map(_people, db.exec(query)))


def _people(review: MarkReview) -> set[uuid.UUID]:
    return {review.person_id} | ({review.other_id} if review.other_id else set())


def _details(db: Session, review: MarkReview) -> dict[str, object]:
    """Return what the trail says of a decision: the events that it is about, and no free text."""
    events = select(ReviewedMark.event_id).where(ReviewedMark.review_id == review.id)
    named = sorted(str(one) for one in db.exec(events))
    details: dict[str, object] = {"review": str(review.id), "answer": review.answer}
    details |= {"events": named}
    details |= {"lesson": str(review.lesson_id)} if review.lesson_id else {}
    return details | ({"other": str(review.other_id)} if review.other_id else {})
