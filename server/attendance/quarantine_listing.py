"""What is in quarantine, for pages and clients: in pages, and counted no further than needed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from server.attendance.quarantine_decisions import Readable, kiosk_named, read_quarantined
from server.attendance.tables import QuarantinedEvent, QuarantineTally
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.prepared import Prepared, table_of
from server.errors import NotFoundError
from server.kiosks.claims import keys_of
from server.kiosks.tables import Kiosk
from server.people.tables import Person

PAGE = 50
#: The order of every list of quarantined events: the newest first.
ORDER = ListOrder((col(QuarantinedEvent.id),), (uuid.UUID,), is_descending=True)
#: Counting goes no further: a hostile kiosk may fill the quarantine.
MOST_COUNTED = 1000
#: How long after the last message that was not kept the first page says so.
DROPPED_LATELY = timedelta(days=7)


@dataclass(frozen=True)
class QuarantineItem:
    """One quarantined event with what can be read of it.

    Attributes:
        person: None where it names nobody who exists, or the reader may not see names.
    """

    row: QuarantinedEvent
    kiosk: Kiosk | None
    readable: Readable
    person: Person | None = None

    @property
    def stated_at(self) -> datetime | None:
        """Its best time by its own word."""
        return self.readable.event.stated_at if self.readable.event else None

    @property
    def occurred_at(self) -> datetime | None:
        """What the kiosk's clock said."""
        return self.readable.event.event.occurred_at if self.readable.event else None


@dataclass(frozen=True)
class QuarantineGroup:
    """Undecided events of one kiosk with one reason."""

    kiosk_id: str
    kiosk_name: str
    reason: str
    count: int


@dataclass(frozen=True)
class QuarantineFilter:
    """Which rows are listed.

    Attributes:
        is_decided: those that were decided in place of those that wait.
        kiosk_id: only of this kiosk.
    """

    is_decided: bool = False
    kiosk_id: uuid.UUID | None = None

    def query(self) -> SelectOfScalar[QuarantinedEvent]:
        """Select the rows, without an order."""
        decision = col(QuarantinedEvent.decision)
        query = select(QuarantinedEvent).where(
            decision.is_not(None) if self.is_decided else decision.is_(None)
        )
        if self.kiosk_id is not None:
            query = query.where(QuarantinedEvent.kiosk_id == str(self.kiosk_id))
        return query


def list_quarantine(
    db: Session, which: QuarantineFilter, *, with_people: bool, limit: int, offset: int
) -> tuple[list[QuarantineItem], int]:
    """Return rows, the newest first, and how many there are.

    Args:
        db: the caller's.
        which: the rows of the whole list.
        with_people: whether the reader may see who the events are about.
        limit: at most so many.
        offset: how many to leave out.
    """
    query = which.query()
    total = db.exec(select(func.count()).select_from(query.subquery())).one()
    rows = db.exec(query.order_by(*ORDER.by()).limit(limit).offset(offset)).all()
    return _items(db, rows, with_people=with_people), total


def quarantine_part(
    db: Session, which: QuarantineFilter, wanted: PartWanted, *, with_people: bool
) -> Part[QuarantineItem]:
    """Return a part of the same list."""
    part = read_part(db, which.query(), ORDER, wanted)
    items = _items(db, [row for (row,) in part.rows], with_people=with_people)
    return Part(items, part.total, part.last)


def quarantined(db: Session, row_id: uuid.UUID, *, with_people: bool) -> QuarantineItem:
    """Return one row.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = db.get(QuarantinedEvent, row_id)
    if row is None:
        raise NotFoundError("There is no such event in quarantine.", problem="no_quarantined")
    return _items(db, [row], with_people=with_people)[0]


def undecided_groups(db: Session) -> list[QuarantineGroup]:
    """Return what waits by kiosk and reason, the largest groups first."""
    count = func.count()
    query = (
        select(QuarantinedEvent.kiosk_id, QuarantinedEvent.reason, count)
        .where(col(QuarantinedEvent.decision).is_(None))
        .group_by(col(QuarantinedEvent.kiosk_id), col(QuarantinedEvent.reason))
        .order_by(count.desc(), col(QuarantinedEvent.kiosk_id), col(QuarantinedEvent.reason))
    )
    names = _names(db)
    return [
        QuarantineGroup(kiosk_id, names.get(kiosk_id, kiosk_id), reason, number)
        for kiosk_id, reason, number in db.exec(query)
    ]


def count_undecided(
    db: Session, *, kiosk_id: uuid.UUID | None = None, is_due_later: bool | None = None
) -> int:
    """Count what waits for a decision, up to `MOST_COUNTED`.

    Args:
        db: the caller's.
        kiosk_id: only of this kiosk.
        is_due_later: only those that are judged again automatically, or only the others.
    """
    query = select(QuarantinedEvent.id).where(col(QuarantinedEvent.decision).is_(None))
    if kiosk_id is not None:
        query = query.where(QuarantinedEvent.kiosk_id == str(kiosk_id))
    if is_due_later is not None:
        due_at = col(QuarantinedEvent.due_at)
        query = query.where(due_at.is_not(None) if is_due_later else due_at.is_(None))
    few = query.limit(MOST_COUNTED).subquery()
    return db.exec(select(func.count()).select_from(few)).one()


class QuarantineNumbers(NamedTuple):
    """What the first page says of the quarantine.

    Attributes:
        waiting: for a person, up to `MOST_COUNTED`.
        future: judged again automatically, up to `MOST_COUNTED`.
        dropped: unsigned messages of kiosks that were not kept, where the last one came lately.
    """

    waiting: int
    future: int
    dropped: int


def quarantine_numbers(db: Session, at: datetime) -> QuarantineNumbers:
    """Count what a person should look at."""
    row = _NUMBERS.rows(db, since=at - DROPPED_LATELY)[0]
    return QuarantineNumbers(row[0], row[1], int(row[2]))


@dataclass(frozen=True)
class FullKiosk:
    """A kiosk, or the user of its account, that sent more unsigned messages than are kept."""

    kiosk_id: str
    kiosk_name: str
    dropped: int
    dropped_at: datetime


def full_kiosks(db: Session, kiosk_id: uuid.UUID | None = None) -> list[FullKiosk]:
    """Return those of which messages were not kept, the newest first, at most 50."""
    query = select(QuarantineTally.kiosk_id, QuarantineTally.dropped, QuarantineTally.dropped_at)
    query = query.where(col(QuarantineTally.dropped_at).is_not(None))
    if kiosk_id is not None:
        query = query.where(QuarantineTally.kiosk_id == str(kiosk_id))
    newest = query.order_by(col(QuarantineTally.dropped_at).desc()).limit(PAGE)
    names = _names(db)
    return [
        FullKiosk(kiosk, names.get(kiosk, kiosk), dropped, at)
        for kiosk, dropped, at in db.exec(newest)
        if at is not None
    ]


def dropped_of(db: Session, kiosk_id: uuid.UUID | None) -> int:
    """Return how many messages were not kept: of one kiosk, or of all."""
    query = select(func.coalesce(func.sum(col(QuarantineTally.dropped)), 0))
    if kiosk_id is not None:
        query = query.where(QuarantineTally.kiosk_id == str(kiosk_id))
    return int(db.exec(query).one())


def _names(db: Session) -> dict[str, str]:
    return {str(kiosk): name for kiosk, name in db.exec(select(Kiosk.id, Kiosk.name))}


def _few(is_due_later: bool) -> Any:
    due_at = _TABLE.c.due_at
    is_meant = due_at.is_not(None) if is_due_later else due_at.is_(None)
    few = sqlalchemy.select(_TABLE.c.id).where(_TABLE.c.decision.is_(None), is_meant)
    counted = sqlalchemy.select(func.count()).select_from(few.limit(MOST_COUNTED).subquery())
    return counted.scalar_subquery()


_TABLE = table_of(QuarantinedEvent)
_TALLIES = table_of(QuarantineTally)
_DROPPED = (
    sqlalchemy.select(func.coalesce(func.sum(_TALLIES.c.dropped), 0))
    .where(_TALLIES.c.dropped_at >= bindparam("since"))
    .scalar_subquery()
)
_NUMBERS = Prepared(sqlalchemy.select(_few(is_due_later=False), _few(is_due_later=True), _DROPPED))


def _items(
    db: Session, rows: Sequence[QuarantinedEvent], *, with_people: bool
) -> list[QuarantineItem]:
    kiosks = {name: kiosk_named(db, name) for name in {row.kiosk_id for row in rows}}
    keys = {name: keys_of(db, kiosk) for name, kiosk in kiosks.items()}
    read = [(row, read_quarantined(row, keys[row.kiosk_id])) for row in rows]
    people = _people(db, [one.event.person_id for _row, one in read if one.event])
    return [
        QuarantineItem(
            row,
            kiosks[row.kiosk_id],
            one,
            people.get(one.event.person_id) if with_people and one.event else None,
        )
        for row, one in read
    ]


def _people(db: Session, ids: Sequence[uuid.UUID | None]) -> dict[uuid.UUID | None, Person]:
    wanted = {one for one in ids if one is not None}
    return {one.id: one for one in db.exec(select(Person).where(col(Person.id).in_(wanted)))}
