"""Cursors: what they name comes back, and nothing else is taken for one."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col

from server.db.listing import ListOrder
from server.db.vault import Vault
from server.people.tables import Person
from server.web.cursors import InvalidCursorError, open_cursor, seal_cursor

VAULT = Vault({"one": bytes(32)}, "one")
OTHER = Vault({"two": b"x" * 32}, "two")
COLUMNS = (col(Person.created_at), col(Person.sort_key), col(Person.display_name), col(Person.id))
ORDER = ListOrder(COLUMNS, (datetime, bytes, str, uuid.UUID))
POSITIONS = st.tuples(
    st.datetimes(timezones=st.just(UTC)), st.binary(max_size=1000), st.text(), st.uuids()
)


@given(POSITIONS)
def test_a_cursor_names_its_position(position: tuple[object, ...]) -> None:
    cursor = seal_cursor(VAULT, "people", position)
    assert open_cursor(VAULT, "people", ORDER, cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary().map(lambda data: data.hex()))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError, match="from its start"):
        open_cursor(VAULT, "people", ORDER, text)


@given(POSITIONS, st.data())
def test_a_changed_cursor_is_refused(position: tuple[object, ...], data: st.DataObject) -> None:
    cursor = seal_cursor(VAULT, "people", position)
    # The last character may carry bits that say nothing.
    place = data.draw(st.integers(0, len(cursor) - 2))
    other = data.draw(st.sampled_from("AbC9-_").filter(lambda char: char != cursor[place]))
    with pytest.raises(InvalidCursorError):
        open_cursor(VAULT, "people", ORDER, f"{cursor[:place]}{other}{cursor[place + 1 :]}")


def test_a_cursor_of_another_list_server_or_order_is_refused() -> None:
    cursor = seal_cursor(VAULT, "people", (b"key", uuid.UUID(int=1)))
    short = ListOrder(COLUMNS[1:2], (bytes,))
    for vault, name, order in (
        (VAULT, "lessons", ORDER),
        (OTHER, "people", ORDER),
        (VAULT, "people", short),
        (VAULT, "people", ORDER),
    ):
        with pytest.raises(InvalidCursorError):
            open_cursor(vault, name, order, cursor)


def test_a_cursor_tells_no_name() -> None:
    cursor = seal_cursor(VAULT, "people", ("Lovelace", uuid.UUID(int=1)))
    assert len({cursor, seal_cursor(VAULT, "people", ("Lovelace", uuid.UUID(int=1)))}) == 2
