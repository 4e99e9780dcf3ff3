"""Note what a transaction changes that kiosks know, and read what changed since.

A note that names too much costs time: more kiosks are looked at than have to be. One that names
too little lets a change reach kiosks late. So a caller that is not sure notes the whole school.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import event, insert
from sqlmodel import Session, col, delete, func, select

from server.changes.tables import ChangedThing, SchoolChange
from server.db.lock import SCHOOL_CHANGES_LOCK, lock_until_commit

#: A transaction that changes more things than this changed the school.
MOST_NOTED = 200
#: A reader that is behind by more lines than this looks at the whole school.
MOST_READ = 1_000
#: Lines that stay in the log.
KEPT = 5_000
_NOTED = "school_changes"
_NOTHING: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class Touched:
    """What changed, by ids.

    Attributes:
        people: their names, years of birth, consents, templates, look-alikes or roster entries.
        courses: the roster changed.
        lessons_of: courses of which a lesson came, went or moved. Not the rooms; see there.
        rooms: a lesson came, went or moved: the room where it was and the one where it is.
    """

    people: frozenset[uuid.UUID] = _NOTHING
    courses: frozenset[uuid.UUID] = _NOTHING
    lessons_of: frozenset[uuid.UUID] = _NOTHING
    rooms: frozenset[uuid.UUID] = _NOTHING

    def __or__(self, other: "Touched") -> "Touched":
        """Return both together."""
        names = [one.name for one in fields(self)]
        return Touched(**{name: getattr(self, name) | getattr(other, name) for name in names})

    def __bool__(self) -> bool:
        """Return whether anything changed."""
        return any(getattr(self, one.name) for one in fields(self))

    def lines(self) -> Iterator[tuple[ChangedThing, uuid.UUID]]:
        """Yield what it names, as the log keeps it."""
        for name, thing in _THINGS.items():
            for thing_id in sorted(getattr(self, name)):
                yield thing, thing_id


_THINGS = {
    "people": ChangedThing.PERSON,
    "courses": ChangedThing.COURSE,
    "lessons_of": ChangedThing.LESSONS_OF,
    "rooms": ChangedThing.ROOM,
}


def note_people(db: Session, *person_ids: uuid.UUID) -> None:
    """Note that something of these people changed that kiosks may know."""
    note(db, Touched(people=frozenset(person_ids)))


def note(db: Session, touched: Touched | None) -> None:
    """Note what the transaction of a session changes; it is written when it commits.

    Then, because writers of the log take turns until their commits, and no lock may be taken
    after that one.

    Args:
        db: the caller's.
        touched: what changes; None is the whole school.
    """
    if _NOTED not in db.info:
        db.info[_NOTED] = Touched()
        event.listen(db, "before_commit", _write)
    known: Touched | None = db.info[_NOTED]
    db.info[_NOTED] = None if known is None or touched is None else known | touched


def newest() -> Any:
    """The number of the newest line; part of a larger query. None where there is none."""
    return select(func.max(col(SchoolChange.seq))).scalar_subquery()


def touched_between(db: Session, known: int, current: int) -> Touched | None:
    """Return what changed after one line of the log, up to another.

    Returns:
        None where anything may have changed: lines are missing, or there are too many.
    """
    if not 0 <= current - known <= MOST_READ:
        return None
    seq = col(SchoolChange.seq)
    query = select(SchoolChange.thing, SchoolChange.thing_id).where(seq > known, seq <= current)
    rows = db.exec(query).all()
    if len(rows) != current - known or any(thing not in _THINGS.values() for thing, _ in rows):
        return None
    found: dict[str, set[uuid.UUID]] = {thing: set() for thing in _THINGS.values()}
    for thing, thing_id in rows:
        if thing_id is not None:
            found[thing].add(thing_id)
    return Touched(**{name: frozenset(found[thing]) for name, thing in _THINGS.items()})


def _write(db: Session) -> None:
    """Append what was noted, as the last thing that the transaction does."""
    if db.in_nested_transaction() or _NOTED not in db.info:
        return
    touched: Touched | None = db.info.pop(_NOTED)
    lines = [] if touched is None else list(touched.lines())
    if touched is None or len(lines) > MOST_NOTED:
        noted: list[tuple[ChangedThing, uuid.UUID | None]] = [(ChangedThing.SCHOOL, None)]
    else:
        noted = list(lines)
    if not noted:
        return
    db.flush()
    lock_until_commit(db, SCHOOL_CHANGES_LOCK)
    first = (db.exec(select(func.max(col(SchoolChange.seq)))).one() or 0) + 1
    rows = [
        {"seq": seq, "thing": thing, "thing_id": thing_id}
        for seq, (thing, thing_id) in enumerate(noted, start=first)
    ]
    db.execute(insert(SchoolChange), rows)
    db.exec(delete(SchoolChange).where(col(SchoolChange.seq) <= first - KEPT))
