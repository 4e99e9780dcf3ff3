"""The school's terms: in which dates lessons may be planned."""

import uuid
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from server.audit.service import record
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.timetable.patterns.generation import delete_patterns, left_out, refresh_lessons
from server.timetable.service import lock_timetable
from server.timetable.tables import LessonPattern, Term


def terms(db: Session) -> Sequence[Term]:
    """Return every term, by its first day."""
    return db.exec(select(Term).order_by(col(Term.first_day), col(Term.id))).all()


def create_term(db: Session, *, name: str, first_day: date, last_day: date, actor: str) -> Term:
    """Add a term.

    Raises:
        InvalidError: it ends before it begins.
        ConflictError: there is one of that name.
    """
    term = _save(db, Term(name=name, first_day=first_day, last_day=last_day))
    record(db, actor=actor, action="term.create", subject=f"term:{term.id}")
    return term


def change_term(
    db: Session,
    term_id: uuid.UUID,
    *,
    name: str,
    days: tuple[date, date],
    zone: ZoneInfo,
    actor: str,
) -> Term:
    """Change a term. Lessons of weekly patterns follow its dates; single lessons stay.

    Args:
        db: the caller's.
        term_id: which.
        name: of the term.
        days: its first and its last day.
        zone: the school's.
        actor: who changes it.

    Raises:
        NotFoundError: there is no such term.
        InvalidError: as for a new one.
        ConflictError: likewise, or rooms of lessons that it brings are taken.
    """
    lock_timetable(db)
    term, at, patterns = _term_of(db, term_id), now(), _patterns(db, term_id)
    known = left_out(db, zone=zone, at=at, patterns=patterns)
    term.name, (term.first_day, term.last_day) = name, days
    _save(db, term)
    refresh_lessons(db, zone=zone, at=at, patterns=patterns, actor=actor, known=known)
    record(db, actor=actor, action="term.change", subject=f"term:{term_id}")
    return term


def delete_term(db: Session, term_id: uuid.UUID, *, zone: ZoneInfo, actor: str) -> None:
    """Delete a term with its weekly patterns and their lessons to come; single lessons stay.

    Raises:
        NotFoundError: there is no such term.
    """
    lock_timetable(db)
    term = _term_of(db, term_id)
    if patterns := _patterns(db, term_id):
        delete_patterns(db, patterns, zone=zone, at=now(), actor=actor)
    db.delete(term)
    record(db, actor=actor, action="term.delete", subject=f"term:{term_id}")


def count_patterns(db: Session, term_id: uuid.UUID) -> int:
    """Return how many weekly patterns a term has."""
    return len(_patterns(db, term_id))


def _patterns(db: Session, term_id: uuid.UUID) -> Sequence[uuid.UUID]:
    return db.exec(select(LessonPattern.id).where(LessonPattern.term_id == term_id)).all()


def _term_of(db: Session, term_id: uuid.UUID) -> Term:
    term = db.get(Term, term_id)
    if term is None:
        raise NotFoundError("There is no such term.", problem="no_term")
    return term


def _save(db: Session, term: Term) -> Term:
    if term.last_day < term.first_day:
        raise InvalidError("The last day of the term is before the first.", problem="order")
    name = term.name  # cannot be read any more once the statement has failed
    try:
        with db.begin_nested():
            db.add(term)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(
            f"There is a term called {name} already.", problem="name_taken"
        ) from exc
    return term
