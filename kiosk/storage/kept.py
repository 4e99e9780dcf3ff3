"""The rows of the outbox: which wait, which are kept after their delivery, and which leave.

Every function works within a transaction of the caller, and reads only the rows that it changes:
`INDEXED BY` names the partial index, as SQLite would otherwise walk through all rows of a span.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kiosk.storage.verdicts import Row, SeqSpan

_COLUMNS = "seq, id, body, at_ms, delivered_ms"
_MOST_PRUNED = 500
"""Rows that leave at once: an ack is settled in bounded time, and the next one goes on."""
MOST_RECALLED = 2000


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events the outbox holds, by what became of them."""

    waiting: int
    kept: int
    refused: int


def counts(db: sqlite3.Connection) -> Counts:
    """Count the rows."""
    waiting = "SELECT count(*) FROM event INDEXED BY event_waiting WHERE delivered_ms IS NULL"
    kept = "SELECT count(*) FROM event INDEXED BY event_kept WHERE delivered_ms IS NOT NULL"
    numbers = [
        int(db.execute(query).fetchone()[0])
        for query in (waiting, kept, "SELECT count(*) FROM refused")
    ]
    return Counts(*numbers)


def waiting(
    db: sqlite3.Connection, *, after_seq: int = 0, through: int = 2**62, limit: int = -1
) -> list[Row]:
    """Return waiting rows above a number, oldest first; a limit of -1 means all."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM event INDEXED BY event_waiting WHERE delivered_ms IS NULL"  # noqa: S608
        " AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        (after_seq, through, limit),
    )
    return [Row(*row) for row in rows]


def newest_waiting(db: sqlite3.Connection, span: SeqSpan, limit: int) -> list[Row]:
    """Return the newest waiting rows of a span, oldest of them first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM event INDEXED BY event_waiting WHERE delivered_ms IS NULL"  # noqa: S608 - names of ours
        " AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?",
        (span.first, span.last, limit),
    )
    return sorted(Row(*row) for row in rows)


def row_of(db: sqlite3.Connection, event_id: str) -> Row | None:
    """Return the row of an event, waiting or kept."""
    query = f"SELECT {_COLUMNS} FROM event WHERE id = ?"  # noqa: S608 - names of ours
    row = db.execute(query, (event_id,)).fetchone()
    return None if row is None else Row(*row)


def deliver(
    db: sqlite3.Connection, spans: Iterable[SeqSpan], at_ms: int, *, but: Sequence[str]
) -> int:
    """Keep the waiting events of these spans from now on; return how many they are."""
    query = (
        "UPDATE event INDEXED BY event_waiting SET delivered_ms = ? WHERE delivered_ms IS NULL"
        " AND seq BETWEEN ? AND ? AND id NOT IN (SELECT value FROM json_each(?))"
    )
    named = json.dumps(but)
    return sum(db.execute(query, (at_ms, span.first, span.last, named)).rowcount for span in spans)


def deliver_one(db: sqlite3.Connection, seq: int, at_ms: int) -> int:
    """Keep one event from now on; 1 if it waited."""
    query = "UPDATE event SET delivered_ms = ? WHERE seq = ? AND delivered_ms IS NULL"
    return db.execute(query, (at_ms, seq)).rowcount


def recall(db: sqlite3.Connection, spans: Iterable[SeqSpan], *, but: Sequence[str]) -> int:
    """Let the oldest kept events of these spans wait again; return how many they are.

    They are so few that the disk is free for the next mark soon; the next ack goes on.
    """
    query = (
        "UPDATE event SET delivered_ms = NULL WHERE seq IN (SELECT seq FROM event"
        " INDEXED BY event_kept WHERE delivered_ms IS NOT NULL AND seq BETWEEN ? AND ?"
        " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?)"
    )
    named, count = json.dumps(but), 0
    for span in spans:
        rest = MOST_RECALLED - count
        count += db.execute(query, (span.first, span.last, named, rest)).rowcount
    return count


def oldest_kept(db: sqlite3.Connection, limit: int) -> list[tuple[int, int | None, int]]:
    """Return (number, time it counts at, time of its delivery) of the oldest kept events."""
    rows: list[tuple[int, int | None, int]] = db.execute(
        "SELECT seq, at_ms, delivered_ms FROM event INDEXED BY event_kept"
        " WHERE delivered_ms IS NOT NULL ORDER BY seq LIMIT ?",
        (limit,),
    ).fetchall()
    return rows


def outdated(
    db: sqlite3.Connection, *, excess: int, before_ms: int
) -> list[tuple[int, int | None]]:
    """Return (number, time) of kept events that may leave, oldest first.

    Args:
        db: read only here.
        excess: so many leave whatever their age.
        before_ms: those delivered before this leave too (Unix ms).
    """
    found: list[tuple[int, int | None]] = []
    for seq, at_ms, delivered_ms in oldest_kept(db, _MOST_PRUNED):
        if len(found) >= excess and delivered_ms >= before_ms:
            break
        found.append((seq, at_ms))
    return found


def runs_of(rows: Iterable[tuple[int, int | None]]) -> Iterator[tuple[SeqSpan, list[int | None]]]:
    """Group rows, in order, into runs of numbers without a hole, with the times in each."""
    first = last = 0
    times: list[int | None] = []
    for seq, at_ms in rows:
        if first and seq != last + 1:
            yield SeqSpan(first, last), times
            first, times = 0, []
        first, last = first or seq, seq
        times.append(at_ms)
    if first:
        yield SeqSpan(first, last), times


def delete(db: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Delete the rows with these numbers."""
    db.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq in seqs])


def keep_refused(db: sqlite3.Connection, row: Row, reason: str, at: datetime) -> None:
    """Put an event apart that the server refused for good."""
    db.execute(
        "INSERT OR REPLACE INTO refused (id, seq, body, reason, refused_at) VALUES (?, ?, ?, ?, ?)",
        (row.id, row.seq, row.body, reason, at.isoformat(timespec="milliseconds")),
    )
    delete(db, [row.seq])


def ms(moment: datetime) -> int:
    """Return Unix milliseconds."""
    return int(moment.timestamp() * 1000)
