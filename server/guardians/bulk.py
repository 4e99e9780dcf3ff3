"""Guardians of many students at once, as files bring them: few statements, few audit entries."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session

from server.audit.service import digest_of, record
from server.db.prepared import table_of
from server.db.types import new_id, now
from server.guardians.tables import Guardian
from server.people.bulk import ImportOrigin
from server.people.tables import Person

_guardians, _people = table_of(Guardian), table_of(Person)


class KnownGuardian(NamedTuple):
    """A guardian as stored."""

    id: uuid.UUID
    person_id: uuid.UUID
    name: str
    relation: str
    phone: str
    email: str


#: The columns that a file can give.
FIELDS = KnownGuardian._fields[2:]
_KNOWN = sqlalchemy.select(*(_guardians.c[name] for name in KnownGuardian._fields))
_EVERY = (
    sqlalchemy.select(_people.c.student_number, _people.c.display_name, _guardians.c.name)
    .join(_people, _people.c.id == _guardians.c.person_id)
    .order_by(_people.c.sort_key, _guardians.c.id)
    .execution_options(yield_per=1000)
)
_CHANGE = (
    sqlalchemy.update(_guardians)
    .where(_guardians.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in FIELDS})
)


@dataclass(frozen=True)
class GuardianValues:
    """A guardian as a file wants them.

    Attributes:
        person_id: the student; locked by the caller.
        wanted: the values of all `FIELDS`.
        known: as stored; None: a new one.
    """

    person_id: uuid.UUID
    wanted: Mapping[str, str]
    known: KnownGuardian | None

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that change, sorted; none of a new guardian."""
        known = self.known
        if known is None:
            return ()
        return tuple(sorted(name for name in FIELDS if getattr(known, name) != self.wanted[name]))


def guardians_of_many(
    db: Session, people: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[KnownGuardian]]:
    """Return guardians by student, for as many students as one query may name."""
    found: dict[uuid.UUID, list[KnownGuardian]] = defaultdict(list)
    query = _KNOWN.where(_guardians.c.person_id.in_(people)).order_by(_guardians.c.id)
    for row in db.execute(query):
        found[row.person_id].append(KnownGuardian(*row))
    return found


def every_guardian(db: Session) -> Iterator[tuple[str, str, str]]:
    """Yield student number, student and guardian, by student."""
    for number, student, name in db.execute(_EVERY):  # noqa: UP028 - rows become tuples
        yield number, student, name


def import_guardians(db: Session, values: Sequence[GuardianValues], origin: ImportOrigin) -> None:
    """Add guardians, and change others; one audit entry for new ones, one for each set of fields.

    The caller has locked the students.
    """
    made = now()
    new = [one for one in values if one.known is None]
    if new:
        ids = sorted(new_id() for _ in new)  # so that they are listed as in the file
        rows: list[dict[str, Any]] = [
            {**one.wanted, "id": made_id, "person_id": one.person_id, "created_at": made}
            for made_id, one in zip(ids, new, strict=True)
        ]
        db.execute(sqlalchemy.insert(_guardians), rows)
        _record(db, "guardian.import_new", new, origin, {})
    by_fields: dict[tuple[str, ...], list[GuardianValues]] = defaultdict(list)
    for one in values:
        if one.known is not None:
            by_fields[one.fields].append(one)
    for fields, some in sorted(by_fields.items()):
        rows = [{**one.wanted, "of": one.known.id} for one in some if one.known is not None]
        db.execute(_CHANGE, rows)
        _record(db, "guardian.import_change", some, origin, {"fields": list(fields)})


def _record(
    db: Session,
    action: str,
    values: Sequence[GuardianValues],
    origin: ImportOrigin,
    further: dict[str, Any],
) -> None:
    about = sorted({one.person_id for one in values})
    counts = {"guardians": len(values), "people": len(about), "people_digest": digest_of(about)}
    details = origin.details | further | counts
    record(
        db,
        actor=origin.actor,
        action=action,
        subject=origin.subject,
        details=details,
        people=about,
    )
