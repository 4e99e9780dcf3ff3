"""Find people by parts of their names or number, in the order of the school's language."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, false, or_
from sqlmodel import Session, col, func, select

from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.people.folding import search_words
from server.people.tables import Person

#: The order of every list of people.
BY_NAME = (col(Person.sort_key), col(Person.id))
ORDER = ListOrder(BY_NAME, (bytes, uuid.UUID))


def find_people(
    db: Session,
    *,
    words: str = "",
    which: Sequence[ColumnElement[bool]] = (),
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Person], int]:
    """Return people by name, and how many there are.

    Args:
        db: the caller's.
        words: only people whose names or number contain each of these; nobody where it has
            neither letter nor digit, everybody where it is empty.
        which: further conditions on the people.
        limit: at most so many.
        offset: how many to leave out.
    """
    wanted = _conditions(words)
    if words.strip() and not wanted:
        return [], 0
    wanted += which
    if not wanted:
        total = db.exec(select(func.count()).select_from(Person)).one()
        return list(db.exec(select(Person).order_by(*BY_NAME).limit(limit).offset(offset))), total
    # Materialized: one look at every person, which SQLite else takes in the order of the list.
    found = (
        select(Person.sort_key, Person.id).where(*wanted).cte("found").prefix_with("MATERIALIZED")
    )
    total_found = select(func.count()).select_from(found).scalar_subquery()
    page = select(found.c.id, total_found).order_by(found.c.sort_key, found.c.id)
    rows = db.exec(page.limit(limit).offset(offset)).all()
    people = select(Person).where(col(Person.id).in_([key for key, _total in rows]))
    if not rows and offset:
        return [], db.exec(select(func.count()).select_from(found)).one()
    return list(db.exec(people.order_by(*BY_NAME))), rows[0][1] if rows else 0


def people_by_name(db: Session, person_ids: Collection[uuid.UUID]) -> list[Person]:
    """Return those of these people who exist, by name."""
    query = select(Person).where(col(Person.id).in_(person_ids))
    return list(db.exec(query.order_by(*BY_NAME)))


def people_part(db: Session, words: str, wanted: PartWanted) -> Part[tuple[Person]]:
    """Return a part of the list of people found; see `find_people` for the words."""
    conditions = _conditions(words)
    query = select(Person).where(*conditions)
    if words.strip() and not conditions:
        query = query.where(false())
    return read_part(db, query, ORDER, wanted)


def _conditions(words: str) -> list[ColumnElement[bool]]:
    """Return that each word is a part of the search text, in one of its spellings."""
    return [
        or_(*(col(Person.search_text).contains(spelling) for spelling in sorted(spellings)))
        for spellings in search_words(words)
    ]
