"""Numbers whose events are not here any more, and which of them were stated to the server."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from kiosk.storage.verdicts import SeqSpan
from protocol.v1.messages import GapReason, GapSpan

_DAY_MS = 24 * 3600 * 1000
MOST_STATED = 50
"""Spans stated at one ack; the next ack goes on."""
MOVED = "moved"
"""Why a number has no event here where its event has another number now; nothing was lost."""
LOST = (
    "SELECT coalesce(sum(min(g.last, s.last) - max(g.first, s.first) + 1), 0) FROM stated s"
    " JOIN gone g ON g.first <= s.last AND g.last >= s.first"
    " WHERE g.reason = 'damaged'"
)
"""Events that a damage took: the server had none of their numbers, so a gap event states them."""


class Gone(NamedTuple):
    """A run of numbers that the outbox does not have, and when their events happened (Unix ms)."""

    first: int
    last: int
    from_ms: int | None
    through_ms: int | None
    reason: str


def pruned(db: sqlite3.Connection, span: SeqSpan, times: list[int | None]) -> None:
    """Remember delivered events that were deleted; runs of one day are one span.

    The span has bounds only where every event in it has a time that can be trusted.
    """
    known = [at for at in times if at is not None]
    is_bounded = bool(known) and len(known) == len(times)
    from_ms, through_ms = (min(known), max(known)) if is_bounded else (None, None)
    added = Gone(span.first, span.last, from_ms, through_ms, GapReason.EXPIRED.value)
    db.execute("DELETE FROM stated WHERE seq BETWEEN ? AND ?", span)
    row = db.execute(
        "SELECT first, last, from_ms, through_ms, reason FROM gone WHERE last = ?"
        " AND reason = ? AND is_open = 0",
        (span.first - 1, GapReason.EXPIRED.value),
    ).fetchone()
    joined = None if row is None else _joined(Gone(*row), added)
    if joined is not None:
        db.execute("DELETE FROM gone WHERE first = ?", (joined.first,))
    _insert(db, joined or added, is_open=False)


def _joined(before: Gone, added: Gone) -> Gone | None:
    """Return both spans as one; None where they are of different days."""
    known = (before.from_ms, before.through_ms, added.from_ms, added.through_ms)
    times = [at for at in known if at is not None]
    if not times:
        return before._replace(last=added.last)
    if len(times) < len(known) or max(times) - min(times) >= _DAY_MS:
        return None
    return before._replace(last=added.last, from_ms=min(times), through_ms=max(times))


def lost(db: sqlite3.Connection, gone: Gone, *, is_open: bool) -> None:
    """Remember numbers whose events were lost, not delivered and deleted.

    Args:
        db: in a transaction.
        gone: the numbers.
        is_open: the watermark waits until an ack says whether the server has them.
    """
    _insert(db, gone, is_open=is_open)


def _insert(db: sqlite3.Connection, gone: Gone, *, is_open: bool) -> None:
    db.execute(
        "INSERT INTO gone (first, last, from_ms, through_ms, reason, is_open)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*gone, int(is_open)),
    )


def is_any_open(db: sqlite3.Connection, seq: int | None = None) -> bool:
    """Return whether numbers are lost of which no ack has said whether the server has them.

    Args:
        db: read only here.
        seq: only a span that ends with this number counts.
    """
    query = "SELECT 1 FROM gone WHERE is_open = 1 AND last = coalesce(?, last) LIMIT 1"
    return db.execute(query, (seq,)).fetchone() is not None


def lost_count(db: sqlite3.Connection) -> int:
    """Count the events that a damage took and that the server does not have either."""
    return int(db.execute(LOST).fetchone()[0])


def came_back(db: sqlite3.Connection, span: SeqSpan) -> None:
    """Take numbers out of the lost ones: their events were found after all."""
    rows = db.execute(
        "SELECT first, last, from_ms, through_ms, reason, is_open FROM gone"
        " WHERE first <= ? AND last >= ?",
        (span.last, span.first),
    ).fetchall()
    for *fields, is_open in rows:
        gone = Gone(*fields)
        db.execute("DELETE FROM gone WHERE first = ?", (gone.first,))
        for first, last in ((gone.first, span.first - 1), (span.last + 1, gone.last)):
            if last >= first:
                _insert(db, gone._replace(first=first, last=last), is_open=bool(is_open))


def find_lost(db: sqlite3.Connection, after_seq: int, through: int) -> int:
    """Note every number in between that is neither here nor noted; return how many spans."""
    query = (
        "SELECT seq, seq FROM event WHERE seq > :after UNION ALL"
        " SELECT seq, seq FROM refused WHERE seq > :after UNION ALL"
        " SELECT first, last FROM gone WHERE last > :after ORDER BY 1"
    )
    missing: list[SeqSpan] = []
    reached = after_seq
    for first, last in [*db.execute(query, {"after": after_seq}), (through + 1, through + 1)]:
        if min(first, through + 1) > reached + 1:
            missing.append(SeqSpan(reached + 1, min(first, through + 1) - 1))
        reached = max(reached, last)
    for span in missing:
        lost(db, Gone(*span, None, None, GapReason.DAMAGED.value), is_open=True)
    return len(missing)


def bound_lost(db: sqlite3.Connection, now_ms: int | None) -> None:
    """Give open spans the times of their neighbours; the last one ends at ``now_ms``.

    A span that has its times keeps them: at the next start ``now_ms`` would only be later. A
    neighbour whose clock was not trusted bounds nothing: the server knows a better one.

    Args:
        db: in a transaction.
        now_ms: Unix ms; None where the clock cannot be trusted.
    """
    spans = db.execute(
        "SELECT first, last FROM gone WHERE is_open = 1 AND through_ms IS NULL"
    ).fetchall()
    for first, last in spans:
        below = db.execute(
            "SELECT at_ms FROM event WHERE seq < ? ORDER BY seq DESC LIMIT 1", (first,)
        ).fetchone()
        above = db.execute(
            "SELECT at_ms FROM event WHERE seq > ? ORDER BY seq LIMIT 1", (last,)
        ).fetchone()
        from_ms, through_ms = below[0] if below else None, above[0] if above else now_ms
        if from_ms is not None and through_ms is not None and from_ms > through_ms:
            from_ms = through_ms = None  # the clock was set back in between
        db.execute(
            "UPDATE gone SET from_ms = ?, through_ms = ? WHERE first = ?",
            (from_ms, through_ms, first),
        )


def unstated(db: sqlite3.Connection, missing: Iterable[SeqSpan]) -> list[GapSpan]:
    """Return what neither the server nor this outbox has and no event has stated yet.

    Args:
        db: read only here.
        missing: the numbers that the server does not hold.
    """
    found: list[GapSpan] = []
    for span in missing:
        query = (
            "SELECT first, last, from_ms, through_ms, reason FROM gone"
            " WHERE first <= ? AND last >= ? ORDER BY first LIMIT ?"
        )
        for row in db.execute(query, (span.last, span.first, MOST_STATED + 1)).fetchall():
            gone = Gone(*row)
            part = SeqSpan(max(span.first, gone.first), min(span.last, gone.last))
            found += [_gap(gone, rest) for rest in _without_stated(db, part)]
    return found


def _without_stated(db: sqlite3.Connection, part: SeqSpan) -> list[SeqSpan]:
    query = "SELECT first, last FROM stated WHERE first <= ? AND last >= ? ORDER BY first"
    rest, after = [], part.first - 1
    for first, last in db.execute(query, (part.last, part.first)):
        rest.append(SeqSpan(after + 1, first - 1))
        after = max(after, last)
    rest.append(SeqSpan(after + 1, part.last))
    return [span for span in rest if span.last >= span.first]


def _gap(gone: Gone, span: SeqSpan) -> GapSpan:
    """A bound counts only where the span still reaches it: else the server knows a better one."""
    return GapSpan(
        first=span.first,
        last=span.last,
        from_at=_moment(gone.from_ms) if span.first == gone.first else None,
        through_at=_moment(gone.through_ms) if span.last == gone.last else None,
        reason=GapReason.DAMAGED if gone.reason == MOVED else gone.reason,
    )


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)


def note_stated(db: sqlite3.Connection, seq: int, gap: GapSpan) -> None:
    """Remember that the event ``seq`` states this span; in its transaction."""
    db.execute(
        "INSERT OR REPLACE INTO stated (seq, first, last) VALUES (?, ?, ?)",
        (seq, gap.first, gap.last),
    )


def renumber_stated(db: sqlite3.Connection, old_seq: int, new_seq: int) -> None:
    """Follow a gap event to its new number."""
    db.execute("UPDATE stated SET seq = ? WHERE seq = ?", (new_seq, old_seq))


def close_known(db: sqlite3.Connection, known_through: int) -> None:
    """Note that an ack said of all numbers up to here whether the server has them."""
    db.execute("UPDATE gone SET is_open = 0 WHERE is_open = 1 AND last <= ?", (known_through,))
