"""What planning leaves alone: lessons that people check in for, or that have a record."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy
from sqlmodel import Session, SQLModel

from protocol.v1.policy import AttendancePolicy

#: Values in one statement.
_BATCH = 500
#: Tables of this package that name a lesson; one in any other table was recorded for it.
_OWN = {"pattern_lessons", "lesson_substitutes", "lesson_cancellations", "imported_lessons"}
_OPENS = "opens_before_min"


def opens_before(db: Session) -> timedelta:
    """Return how long before a lesson check-in opens where it opens earliest.

    A scan counts for a lesson from then on, without naming it. The policy belongs to a package
    that needs this one, so its newest version is read by its table.
    """
    table = SQLModel.metadata.tables["policy_versions"]
    newest = sqlalchemy.select(table.c.document).order_by(table.c.version.desc()).limit(1)
    minutes = [*_minutes(db.execute(newest).scalar())]
    return timedelta(minutes=max([AttendancePolicy().opens_before_min, *minutes]))


def _minutes(value: Any) -> Iterator[int]:
    """Yield every time before a lesson that a policy says: the school's, of rooms and courses."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == _OPENS and isinstance(inner, int):
                yield inner
            else:
                yield from _minutes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _minutes(inner)


def recorded_of(db: Session, lesson_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these lessons for which anything was recorded, in whichever table."""
    found: set[uuid.UUID] = set()
    for table in SQLModel.metadata.sorted_tables:
        if "lesson_id" not in table.c or table.name in _OWN:
            continue
        for some in batches(lesson_ids):
            named = sqlalchemy.select(table.c.lesson_id).where(table.c.lesson_id.in_(some))
            found.update(db.execute(named.distinct()).scalars())
    return found


def batches(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    """Yield the ids in parts that fit in a statement."""
    return (ids[first : first + _BATCH] for first in range(0, len(ids), _BATCH))
