"""Cursors of the API's lists: sealed, as the place where a list goes on may tell a name."""

import json
import secrets
import uuid
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from base64 import b64encode as base64_of
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, Query

from server.db.listing import ListOrder, PartWanted, Position
from server.db.vault import NONCE_BYTES, Vault
from server.errors import MalformedError
from server.web.list_schemas import LONGEST_CURSOR, MOST_ROWS
from server.web.state import VaultDep


class InvalidCursorError(MalformedError):
    """A cursor was changed, is of another list, or of a server with other keys."""

    code = "invalid_cursor"
    default_message = "This cursor is not one of this list. Ask for the list from its start."


@dataclass(frozen=True)
class ListQuery:
    """What a request asks of a list."""

    vault: Vault
    limit: int
    cursor: str | None

    def wanted(self, name: str, order: ListOrder) -> PartWanted:
        """Return the part that is asked for.

        Args:
            name: of the list; a cursor of another one is refused.
            order: of the list.

        Raises:
            InvalidCursorError: the cursor is not one of this list.
        """
        if self.cursor is None:
            return PartWanted(self.limit)
        return PartWanted(self.limit, open_cursor(self.vault, name, order, self.cursor))

    def next_cursor(self, name: str, last: Position | None) -> str | None:
        """Return the cursor for what follows a position; None where nothing does."""
        return None if last is None else seal_cursor(self.vault, name, last)


async def _list_query(
    vault: VaultDep,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> ListQuery:
    return ListQuery(vault, limit, cursor)


ListQueryDep = Annotated[ListQuery, Depends(_list_query)]


def seal_cursor(vault: Vault, name: str, position: Position) -> str:
    """Return a cursor that names a position without showing it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    plain = json.dumps([_written(value) for value in position]).encode()
    sealed = AESGCM(vault.subkey("cursor")).encrypt(nonce, plain, name.encode())
    return urlsafe_b64encode(nonce + sealed).decode().rstrip("=")


def open_cursor(vault: Vault, name: str, order: ListOrder, cursor: str) -> Position:
    """Return the position that a cursor names.

    Raises:
        InvalidCursorError: it is not one that `seal_cursor` made for this list.
    """
    try:
        sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        nonce, data = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        values = json.loads(_opened(vault, nonce, data, name))
        return tuple(_read(kind, one) for kind, one in zip(order.kinds, values, strict=True))
    except (InvalidTag, ValueError) as exc:
        raise InvalidCursorError from exc


def _opened(vault: Vault, nonce: bytes, data: bytes, name: str) -> bytes:
    for key in vault.subkeys("cursor"):  # it may be from before a change of keys
        with suppress(InvalidTag):
            return AESGCM(key).decrypt(nonce, data, name.encode())
    raise InvalidTag


def _written(value: Any) -> str | int:
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return base64_of(value).decode()
        case uuid.UUID():
            return value.hex
        case bool() | int() | str():
            return value
    raise TypeError(f"no cursor for values of {type(value).__name__}")


def _read(kind: type, written: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(written)
    if kind is bytes:
        return b64decode(written)
    return kind(written)
