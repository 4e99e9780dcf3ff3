"""The school's terms: in which dates lessons may be planned."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from server.audit.service import record
from server.errors import ConflictError, InvalidError, NotFoundError
from server.timetable.tables import Term


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
    db: Session, term_id: uuid.UUID, *, name: str, first_day: date, last_day: date, actor: str
) -> Term:
    """Change a term. Lessons that are planned stay as they are.

    Raises:
        NotFoundError: there is no such term.
        InvalidError, ConflictError: as for a new one.
    """
    term = _term_of(db, term_id)
    term.name, term.first_day, term.last_day = name, first_day, last_day
    _save(db, term)
    record(db, actor=actor, action="term.change", subject=f"term:{term_id}")
    return term


def delete_term(db: Session, term_id: uuid.UUID, *, actor: str) -> None:
    """Delete a term. Lessons that are planned stay as they are.

    Raises:
        NotFoundError: there is no such term.
    """
    db.delete(_term_of(db, term_id))
    record(db, actor=actor, action="term.delete", subject=f"term:{term_id}")


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
