"""Marks from before the school used Rollcall: what stands on many lines, and adding words to them.

A line is only ever added to where nobody decided and nothing was seen. See `corrections` for the
registers of today.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy
from sqlalchemy import func
from sqlmodel import Session, col, select

from server.attendance.codes.service import use_code
from server.attendance.codes.tables import StatusCode
from server.attendance.decisions.corrections import said_again
from server.attendance.tables import Correction, LineRemark
from server.audit.service import digest_of, record
from server.db.prepared import table_of
from server.db.types import now
from server.people.bulk import ImportOrigin

#: A line: its lesson and its student.
LineKey = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True)
class PastWord:
    """What is added to a line.

    Attributes:
        code_id: the status; None: the one that stands is right.
        reason: of the correction, with where it comes from.
        remark: empty: none is added.
        minutes_late: None: none are added.
    """

    lesson_id: uuid.UUID
    person_id: uuid.UUID
    code_id: uuid.UUID | None
    reason: str
    remark: str
    minutes_late: int | None = None


@dataclass(frozen=True)
class Texts:
    """What people wrote about lines: the newest reason and the newest remark of each."""

    reasons: dict[LineKey, str]
    remarks: dict[LineKey, str]


def texts_of(db: Session, lessons: Collection[uuid.UUID], people: Collection[uuid.UUID]) -> Texts:
    """Return what was written about the lines of some people in some lessons."""
    return Texts(_newest(db, Correction, lessons, people), _newest(db, LineRemark, lessons, people))


def _newest(
    db: Session,
    of: type[Correction | LineRemark],
    lessons: Collection[uuid.UUID],
    people: Collection[uuid.UUID],
) -> dict[LineKey, str]:
    table = table_of(of)
    text = table.c.reason if of is Correction else table.c.text
    query = sqlalchemy.select(table.c.lesson_id, table.c.person_id, text).where(
        table.c.lesson_id.in_(lessons), table.c.person_id.in_(people)
    )
    rows = db.execute(query.order_by(table.c.made_at, table.c.id))
    return {(lesson_id, person_id): found for lesson_id, person_id, found in rows}


def add_past_words(
    db: Session,
    words: Sequence[PastWord],
    *,
    made_by: uuid.UUID,
    origin: ImportOrigin,
    lessons_added: int,
) -> None:
    """Add corrections and remarks to lines on which nothing stands yet, with one audit entry.

    Args:
        db: the caller's, who has locked these students and lessons, and looked at the lines.
        words: what is added; at least one.
        made_by: the account that imports.
        origin: for the audit trail.
        lessons_added: how many lessons were added for these lines, for the audit trail.

    Raises:
        InvalidError: a code is no longer in use.
    """
    chosen = {word.code_id for word in words if word.code_id is not None}
    codes = {code_id: use_code(db, code_id) for code_id in sorted(chosen)}
    standing = _standing(db, words)
    at = _next_moment(db, {word.lesson_id for word in words})
    for word in words:
        if word.code_id is not None:
            correction = _first_word(word, codes[word.code_id], made_by)
        elif word.minutes_late is not None:
            correction = said_again(standing[word.lesson_id, word.person_id], made_by)
        else:
            correction = None
        if correction is not None:
            correction.minutes_late, correction.made_at = word.minutes_late, at
            db.add(correction)
        if word.remark:
            names = {"lesson_id": word.lesson_id, "person_id": word.person_id}
            db.add(LineRemark(**names, text=word.remark, made_by=made_by, made_at=at))
    _record(db, words, origin, lessons_added)


def _standing(db: Session, words: Iterable[PastWord]) -> dict[LineKey, Correction]:
    """Return the newest corrections of the lines that get nothing but minutes."""
    keys = {
        (word.lesson_id, word.person_id)
        for word in words
        if word.code_id is None and word.minutes_late is not None
    }
    if not keys:
        return {}
    query = select(Correction).where(
        col(Correction.lesson_id).in_({lesson_id for lesson_id, _ in keys}),
        col(Correction.person_id).in_({person_id for _, person_id in keys}),
    )
    rows = db.exec(query.order_by(col(Correction.made_at), col(Correction.id)))
    return {(one.lesson_id, one.person_id): one for one in rows}


def _first_word(word: PastWord, code: StatusCode, made_by: uuid.UUID) -> Correction:
    return Correction(
        lesson_id=word.lesson_id,
        person_id=word.person_id,
        status=code.category,
        code_id=code.id,
        is_attended=code.is_attended,
        reason=word.reason,
        made_by=made_by,
    )


def _record(
    db: Session, words: Sequence[PastWord], origin: ImportOrigin, lessons_added: int
) -> None:
    students = sorted({word.person_id for word in words})
    details = origin.details | {
        "lines": sum(word.code_id is not None for word in words),
        "minutes_late": sum(word.minutes_late is not None for word in words),
        "remarks": sum(bool(word.remark) for word in words),
        "added": lessons_added,
        "people": len(students),
        "people_digest": digest_of(students),
    }
    record(
        db,
        actor=origin.actor,
        action="attendance.import",
        subject=origin.subject,
        details=details,
        people=students,
    )


def _next_moment(db: Session, lessons: Collection[uuid.UUID]) -> datetime:
    """Return now, or just after the newest correction: a clock that was set back undoes nothing."""
    of_these = col(Correction.lesson_id).in_(lessons)
    newest: datetime | None = db.exec(
        select(func.max(col(Correction.made_at))).where(of_these)
    ).one()
    at = now()
    return at if newest is None or newest < at else newest + timedelta(microseconds=1)
