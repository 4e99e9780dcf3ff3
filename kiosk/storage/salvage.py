"""Getting events out of a damaged outbox file: by SQL as far as it goes, then byte by byte."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kiosk.storage.files import read_if_there
from kiosk.storage.outbox import ChainSigner, ChainStart
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import RawEvent
from protocol.v1.signing import public_key, public_text, verify_event

_EVENT_START = re.compile(rb'\{"v": \d+, "id": "')
_EVENT_MAX_BYTES = 4096
"""An event as `json.dumps` wrote it fits into one page, so it lies there in one piece."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a damaged file still gave: events by number, and the head of the chain if readable."""

    events: tuple[RawEvent, ...]
    head: ChainStart | None


def salvage(damaged: Path, signer: ChainSigner) -> Salvage:
    """Read what can be read; an event counts only when its own signature holds.

    Events that the server already has may be among them: sending them again does no harm.

    Args:
        damaged: the renamed file, its journal beside it; not changed.
        signer: whose events count.

    Raises:
        StorageError: the file cannot even be opened.
    """
    events: dict[int, RawEvent] = {}
    for found in [*_by_sql(damaged, "ASC"), *_by_sql(damaged, "DESC"), *_by_bytes(damaged)]:
        seq = _proven_seq(found, signer)
        if seq is not None:
            events.setdefault(seq, found)
    return Salvage(tuple(events[seq] for seq in sorted(events)), _head(damaged))


def _proven_seq(found: RawEvent, signer: ChainSigner) -> int | None:
    try:
        event = verify_event(found, public_key(public_text(signer.key)))
    except ProtocolError:
        return None
    return event.seq if event.kiosk_id == signer.kiosk_id else None


def _by_sql(damaged: Path, order: str) -> Iterator[RawEvent]:
    """Walk the table from one end until a bad page stops us."""
    query = f"SELECT body FROM event ORDER BY seq {order}"  # noqa: S608
    try:
        with closing(_opened(damaged)) as connection:
            for (body,) in connection.execute(query):
                yield from _decoded(str(body))
    except sqlite3.Error:
        return


def _by_bytes(damaged: Path) -> Iterator[RawEvent]:
    for suffix in ("", "-wal"):
        content = read_if_there(damaged.with_name(damaged.name + suffix)) or b""
        for start in _EVENT_START.finditer(content):
            piece = content[start.start() : start.start() + _EVENT_MAX_BYTES]
            yield from _decoded(piece.decode("latin-1"))


def _decoded(text: str) -> Iterator[RawEvent]:
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return
    if isinstance(found, dict):
        yield found


def _head(damaged: Path) -> ChainStart | None:
    try:
        with closing(_opened(damaged)) as connection:
            row = connection.execute("SELECT seq, hash FROM chain").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else ChainStart(row[0], row[1])


def _opened(damaged: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
