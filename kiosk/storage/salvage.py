"""Getting events out of a damaged outbox file: by SQL as far as it goes, then byte by byte."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from kiosk.storage.adoption import Salvage, SavedEvent
from kiosk.storage.chain import ChainHead, ChainSigner
from kiosk.storage.files import read_if_there
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import RawEvent
from protocol.v1.signing import event_hash, public_key, public_text, read_event, verify_event

_EVENT_START = re.compile(rb'\{"v": \d+, "id": "')
_EVENT_MAX_BYTES = 4096
"""An event as `json.dumps` wrote it fits into one page, so it lies there in one piece."""
_DELIVERED = "SELECT body, delivered_ms FROM event ORDER BY seq"
_BODIES = "SELECT body, NULL FROM event ORDER BY seq"
"""Of files of earlier versions."""
_EMPTY_BYTES = 1
"""SQLite takes a file of up to so many bytes for empty, and deletes its journal on sight."""
_REFUSED = "SELECT body, NULL FROM refused ORDER BY seq"


def salvage(damaged: Path, signer: ChainSigner) -> Salvage:
    """Read what can be read; an event counts as ours only when its own signature holds.

    Events that the server already has may be among them: sending them again does no harm.

    Args:
        damaged: the renamed file, its journal beside it; not changed.
        signer: whose events are taken over.

    Raises:
        StorageError: the file cannot even be opened.
    """
    own: list[SavedEvent] = []
    others: list[SavedEvent] = []
    for one in found_events(damaged):
        (own if _is_of(one.raw, signer) else others).append(one)
    return Salvage(tuple(own), _head(damaged), tuple(others))


def found_events(file: Path) -> list[SavedEvent]:
    """Return every event in a file whose hash is its own, by kiosk and number.

    Args:
        file: an outbox, whole or damaged, its journal beside it; not changed.

    Raises:
        StorageError: the file cannot be read.
    """
    if not file.is_file() and os.path.lexists(file):  # a folder or a pipe lay in its place
        return []
    newest: dict[str, SavedEvent] = {}
    known: set[tuple[object, ...]] = set()
    by_bytes = list(_by_bytes(file))  # before SQLite touches anything
    for one in [*_by_sql(file), *by_bytes]:
        key = (one.raw.get("id"), one.raw.get("seq"), one.raw.get("signature"))
        if not all(isinstance(part, str | int) for part in key) or key in known:
            continue
        known.add(key)
        seq = _whole_seq(one.raw)
        if seq is None:
            continue
        before = newest.get(str(key[0]))
        if before is None or seq > before.seq:  # renumbering only ever goes up
            newest[str(key[0])] = replace(one, seq=seq)
    return sorted(newest.values(), key=lambda one: (str(one.raw["kiosk_id"]), one.seq))


def is_empty(file: Path) -> bool:
    """Return whether SQLite finds nothing in this file and would delete its journal unread."""
    return not file.is_file() or file.stat().st_size <= _EMPTY_BYTES


def _whole_seq(raw: RawEvent) -> int | None:
    try:
        event = read_event(raw)
        return event.seq if event_hash(raw) == event.hash else None
    except ProtocolError:
        return None


def _is_of(raw: RawEvent, signer: ChainSigner) -> bool:
    try:
        event = verify_event(raw, public_key(public_text(signer.key)))
    except ProtocolError:
        return False
    return event.kiosk_id == signer.kiosk_id


def _by_sql(file: Path) -> Iterator[SavedEvent]:
    """Walk the tables from both ends until a bad page stops us."""
    if is_empty(file):
        return
    for query in (_DELIVERED, _BODIES, f"{_DELIVERED} DESC", f"{_BODIES} DESC", _REFUSED):
        try:
            with closing(_opened(file)) as connection:
                for body, delivered_ms in connection.execute(query):
                    for raw in _decoded(str(body)):
                        yield SavedEvent(raw, 0, delivered_ms)
        except sqlite3.Error:
            continue


def _by_bytes(file: Path) -> Iterator[SavedEvent]:
    for suffix in ("", "-wal"):
        content = read_if_there(file.with_name(file.name + suffix)) or b""
        for start in _EVENT_START.finditer(content):
            piece = content[start.start() : start.start() + _EVENT_MAX_BYTES]
            for raw in _decoded(piece.decode("latin-1")):
                yield SavedEvent(raw, 0, None)


def _decoded(text: str) -> Iterator[RawEvent]:
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return
    if isinstance(found, dict):
        yield found


def _head(file: Path) -> ChainHead | None:
    if is_empty(file):
        return None
    for query in ("SELECT seq, hash, is_event FROM chain", "SELECT seq, hash, 1 FROM chain"):
        try:
            with closing(_opened(file)) as connection:
                row = connection.execute(query).fetchone()
        except sqlite3.Error:
            continue
        is_sound = row is not None and isinstance(row[0], int) and isinstance(row[1], str)
        return ChainHead(row[0], row[1], bool(row[2])) if is_sound else None
    return None


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
