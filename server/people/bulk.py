"""Add and change many people at once: few statements, and few entries of the audit trail.

What one entry says about one person is not lost: an entry about many names the fields that were
changed, is found on the page of each of them, and holds a digest of their ids.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session

from server.audit.service import digest_of, record
from server.db.prepared import Prepared, several, table_of
from server.db.types import new_id, now
from server.people.folding import comparable_number
from server.people.keys import Named, many_keys
from server.people.tables import Person

_people = table_of(Person)


class KnownPerson(NamedTuple):
    """A person as they are stored."""

    id: uuid.UUID
    student_number: str
    given_name: str
    family_name: str
    display_name: str
    year_of_birth: int | None
    erased_at: datetime | None


#: The columns that a file can give.
FIELDS = KnownPerson._fields[1:-1]
_KNOWN = sqlalchemy.select(*(_people.c[name] for name in KnownPerson._fields))
_BY_NUMBER = _KNOWN.where(_people.c.student_number.in_(several("numbers")))
_BY_ID = _KNOWN.where(_people.c.id.in_(several("ids")))
_FIND = Prepared(_BY_NUMBER)
_LOCK = Prepared(_BY_NUMBER.order_by(_people.c.id).with_for_update())
_FIND_BY_ID = Prepared(_BY_ID)
_LOCK_BY_ID = Prepared(_BY_ID.order_by(_people.c.id).with_for_update())
_EVERYBODY = (
    _KNOWN.where(_people.c.erased_at.is_(None))
    .order_by(_people.c.sort_key, _people.c.id)
    .execution_options(yield_per=1000)
)
_NUMBERS = sqlalchemy.select(_people.c.student_number).where(_people.c.erased_at.is_(None))
_CHANGE = (
    sqlalchemy.update(_people)
    .where(_people.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in (*FIELDS, "search_text", "sort_key")})
)


@dataclass(frozen=True)
class PersonChange:
    """A person as stored, and the values of all fields of a file as they shall be."""

    known: KnownPerson
    wanted: dict[str, Any]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that change, sorted."""
        return tuple(sorted(n for n in FIELDS if getattr(self.known, n) != self.wanted[n]))


@dataclass(frozen=True)
class ImportOrigin:
    """Where many changes come from.

    Attributes:
        actor: who makes them.
        subject: of their entries in the audit trail.
        details: what all of these entries say, such as the digest of a file.
    """

    actor: str
    subject: str
    details: dict[str, Any]


def people_by_number(
    db: Session, numbers: Collection[str], *, lock: bool = False
) -> dict[str, KnownPerson]:
    """Return the people with these numbers; locked until the commit where they will be changed."""
    query = _LOCK if lock else _FIND
    found = (KnownPerson(*row) for row in query.rows(db, numbers=sorted(numbers)))
    return {person.student_number: person for person in found}


def people_by_id(
    db: Session, ids: Collection[uuid.UUID], *, lock: bool = False
) -> dict[uuid.UUID, KnownPerson]:
    """Return these people; locked until the commit where they will be changed."""
    query = _LOCK_BY_ID if lock else _FIND_BY_ID
    found = (KnownPerson(*row) for row in query.rows(db, ids=sorted(ids)))
    return {person.id: person for person in found}


def numbers_as_typed(db: Session) -> dict[str, str]:
    """Return numbers that an upgrade kept as they were typed, by the form that is compared.

    Where another person has the compared form itself, that person is meant.
    """
    stored = set(db.execute(_NUMBERS).scalars())
    compared = ((comparable_number(number), number) for number in stored)
    return {plain: number for plain, number in compared if plain not in stored}


def everybody(db: Session) -> Iterator[KnownPerson]:
    """Yield everyone whose data was not erased, by name."""
    for row in db.execute(_EVERYBODY):
        yield KnownPerson(*row)


def add_people(db: Session, people: Sequence[dict[str, Any]], origin: ImportOrigin) -> None:
    """Add people, each given by the values of all `FIELDS`.

    Raises:
        IntegrityError: a person has one of the numbers; the transaction is lost.
    """
    if not people:
        return
    ids = [new_id() for _ in people]
    named = [_named(person_id, one) for person_id, one in zip(ids, people, strict=True)]
    made = now()
    rows = [
        {**one, "id": person_id, "created_at": made, **vars(keys)}
        for person_id, one, keys in zip(ids, people, many_keys(db, named), strict=True)
    ]
    db.execute(sqlalchemy.insert(_people), rows)
    _record(db, "person.import_new", ids, origin, {})


def change_people(db: Session, changes: Sequence[PersonChange], origin: ImportOrigin) -> None:
    """Change people that the caller has locked; one entry for those with the same fields."""
    if not changes:
        return
    named = [_named(one.known.id, one.wanted) for one in changes]
    rows = [
        {**one.wanted, "of": one.known.id, **vars(keys)}
        for one, keys in zip(changes, many_keys(db, named), strict=True)
    ]
    db.execute(_CHANGE, rows)
    by_fields: dict[tuple[str, ...], list[uuid.UUID]] = defaultdict(list)
    for one in changes:
        by_fields[one.fields].append(one.known.id)
    for fields, ids in sorted(by_fields.items()):
        _record(db, "person.import_change", ids, origin, {"fields": list(fields)})


def _named(person_id: uuid.UUID, values: dict[str, Any]) -> Named:
    return Named(person_id, *(values[name] for name in Named._fields[1:]))


def _record(
    db: Session,
    action: str,
    ids: Iterable[uuid.UUID],
    origin: ImportOrigin,
    further: dict[str, Any],
) -> None:
    about = list(ids)
    details = origin.details | further | {"people": len(about), "people_digest": digest_of(about)}
    record(
        db,
        actor=origin.actor,
        action=action,
        subject=origin.subject,
        details=details,
        people=about,
    )
