"""Search texts and sort keys of people: made with the names, made again when the rules change."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session, SQLModel, col

from server.db.listing import ListOrder, every_row
from server.people import ordering
from server.people.folding import search_text
from server.people.tables import NameKeys, Person

_logger = logging.getLogger(__name__)
_AT_A_TIME = 1000
#: Root of CLDR, the order of a school that chose none.
_NO_LOCALE = "und"


class Named(NamedTuple):
    """What the keys of a person are made of."""

    id: uuid.UUID
    given_name: str
    family_name: str
    display_name: str
    student_number: str


# Columns, not rows of the table: everybody's are read, and objects cost more.
_NAMES = sqlalchemy.select(*(col(getattr(Person, name)) for name in Named._fields))
_BY_ID = ListOrder((col(Person.id),), (uuid.UUID,))
_CHANGE = (
    sqlalchemy.update(SQLModel.metadata.tables["people"])
    .where(col(Person.id) == bindparam("of"))
    .values(search_text=bindparam("search_text"), sort_key=bindparam("sort_key"))
)


@dataclass(frozen=True)
class PersonKeys:
    """How a person is found and sorted."""

    search_text: str
    sort_key: bytes


def keys_of(db: Session, person: Person) -> PersonKeys:
    """Return the keys of a person with these names, in the order of the school's language."""
    row = db.get(NameKeys, 1)
    return _keys(person, row.locale if row else _NO_LOCALE)


def many_keys(db: Session, people: Iterable[Named]) -> list[PersonKeys]:
    """Return the same for many people."""
    row = db.get(NameKeys, 1)
    locale = row.locale if row else _NO_LOCALE
    return [_keys(person, locale) for person in people]


def ensure_keys(db: Session, locale: str) -> int:
    """Make the keys of all people again where they were made by other rules or for another locale.

    Args:
        db: the caller's, of a start of the server.
        locale: BCP 47 tag of the school's language.

    Returns:
        How many people there are if their keys were made again; 0 where nothing had to be done.
    """
    version = ordering.keys_version(locale)
    row = db.get(NameKeys, 1, with_for_update=True) or NameKeys(locale=locale, version="")
    if row.version == version:
        return 0
    row.locale, row.version = locale, version
    db.add(row)
    people = (Named(*row) for row in every_row(db, _NAMES, _BY_ID, at_a_time=_AT_A_TIME))
    count = 0
    while part := list(islice(people, _AT_A_TIME)):
        db.execute(_CHANGE, [_values(person, locale) for person in part])
        count += len(part)
    if count:
        _logger.info("name keys rebuilt people=%s version=%s", count, version)
    return count


def _values(person: Named, locale: str) -> dict[str, object]:
    keys = _keys(person, locale)
    return {"of": person.id, "search_text": keys.search_text, "sort_key": keys.sort_key}


def _keys(person: Named | Person, locale: str) -> PersonKeys:
    return PersonKeys(
        search_text(
            person.given_name, person.family_name, person.display_name, person.student_number
        ),
        ordering.sort_key(locale, family_name=person.family_name, given_name=person.given_name),
    )
