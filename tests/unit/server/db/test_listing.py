"""A list in parts: each row once, whatever is added or deleted in between."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, Session, SQLModel, col, delete, select

from server.db.listing import ListOrder, PartWanted, every_row, read_part


class Thing(SQLModel, table=True):
    __tablename__ = "listed_things_of_a_test"

    id: int = Field(primary_key=True)
    key: bytes


# Migrations compare the schema with every table that is registered.
_TABLE = SQLModel.metadata.tables[Thing.__tablename__]
SQLModel.metadata.remove(_TABLE)


class Step(NamedTuple):
    """What happens between two parts, and how long the next one is."""

    limit: int
    added: dict[int, bytes]
    deleted: set[int]


KEYS = st.binary(max_size=2)
THINGS = st.dictionaries(st.integers(0, 30), KEYS, max_size=20)
STEPS = st.lists(
    st.builds(
        Step,
        st.integers(1, 6),
        st.dictionaries(st.integers(0, 30), KEYS, max_size=3),
        st.sets(st.integers(0, 30), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    _TABLE.create(engine)
    yield engine
    engine.dispose()


def _order(*, is_descending: bool) -> ListOrder:
    return ListOrder((col(Thing.key), col(Thing.id)), (bytes, int), is_descending=is_descending)


class Listing:
    """Reads a list part by part while it changes."""

    def __init__(self, db: Session, things: dict[int, bytes], *, is_descending: bool) -> None:
        self.db = db
        self.order = _order(is_descending=is_descending)
        self.query = select(Thing.id)
        self.seen: list[tuple[bytes, int]] = []
        db.exec(delete(Thing))
        self.add(things)
        self.steady = set(things)
        self.wanted: PartWanted | None = PartWanted(1)

    def add(self, things: dict[int, bytes]) -> None:
        for number, key in things.items():
            if self.db.get(Thing, number) is None:
                self.db.add(Thing(id=number, key=key))
        self.db.flush()

    def take(self, step: Step) -> None:
        """Read the next part, then change the list."""
        if self.wanted is None:
            return
        part = read_part(self.db, self.query, self.order, PartWanted(step.limit, self.wanted.after))
        assert len(part.rows) <= step.limit
        assert part.total == len(self.db.exec(select(Thing)).all())
        self.seen += [(self.db.get_one(Thing, row[0]).key, row[0]) for row in part.rows]
        self.wanted = None if part.last is None else PartWanted(step.limit, part.last)
        self.db.exec(delete(Thing).where(col(Thing.id).in_(step.deleted)))
        self.db.expire_all()
        self.steady -= step.deleted
        self.add(step.added)

    def finish(self) -> None:
        """Read what is left; nothing changes any more."""
        while self.wanted is not None:
            self.take(Step(7, {}, set()))


@given(THINGS, STEPS, st.booleans())
def test_rows_that_stay_come_once_and_in_order(
    engine: Engine, things: dict[int, bytes], steps: list[Step], is_descending: bool
) -> None:
    with Session(engine) as db:
        listing = Listing(db, things, is_descending=is_descending)
        for step in steps:
            listing.take(step)
        listing.finish()
    in_order = sorted(set(listing.seen), reverse=is_descending)
    assert listing.seen == in_order, "in order, and none twice"
    assert listing.steady <= {number for _key, number in listing.seen}


@given(THINGS, st.integers(1, 5), st.booleans())
def test_every_row_is_the_whole_list(
    engine: Engine, things: dict[int, bytes], at_a_time: int, is_descending: bool
) -> None:
    with Session(engine) as db:
        listing = Listing(db, things, is_descending=is_descending)
        rows = list(every_row(db, listing.query, listing.order, at_a_time=at_a_time))
    expected = sorted(((key, number) for number, key in things.items()), reverse=is_descending)
    assert rows == [(number,) for _key, number in expected]


def test_a_part_ends_where_the_list_does(engine: Engine) -> None:
    with Session(engine) as db:
        listing = Listing(db, {1: b"a", 2: b"b"}, is_descending=False)
        assert read_part(db, listing.query, listing.order, PartWanted(2)).last is None
        first = read_part(db, listing.query, listing.order, PartWanted(1))
        assert (first.rows, first.total, first.last) == ([(1,)], 2, (b"a", 1))
        beyond = read_part(db, listing.query, listing.order, PartWanted(1, (b"zz", 9)))
        assert (beyond.rows, beyond.total, beyond.last) == ([], 2, None)
