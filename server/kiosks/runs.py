"""Which of a kiosk's sequence numbers are in the server's keeping, without reading its events.

`KioskProgress.stored_through` ends the first run, from 1 on. The runs past the first gap are rows
of their own: an ack and a batch cost the same whatever the history.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlmodel import Session, col, delete, func, insert, select

from protocol.v1.events import MAX_RANGES_PER_ACK
from protocol.v1.messages import SeqRange
from server.kiosks.tables import KioskProgress, ReceivedRun

_PAGE = 200


@dataclass(frozen=True, order=True)
class Run:
    """A run of sequence numbers, both ends included."""

    first: int
    last: int


@dataclass(frozen=True)
class MissingNumbers:
    """Numbers that have not arrived although later ones have.

    Attributes:
        first: the lowest of them.
        last: the highest of them.
        count: how many they are.
        since: when the server first missed one of them, UTC.
    """

    first: int
    last: int
    count: int
    since: datetime


def runs_of(numbers: Iterable[int]) -> list[Run]:
    """Sum up numbers as runs, in order; repeats count once."""
    ordered = sorted(set(numbers))
    if not ordered:
        return []
    breaks = [(one, other) for one, other in pairwise(ordered) if other - one > 1]
    firsts = [ordered[0], *(other for _, other in breaks)]
    lasts = [*(one for one, _ in breaks), ordered[-1]]
    return [Run(first, last) for first, last in zip(firsts, lasts, strict=True)]


def keep(db: Session, progress: KioskProgress, runs: Iterable[Run], at: datetime) -> int:
    """Add runs to what is in the server's keeping.

    Args:
        db: the caller's; the caller holds the lock on the progress.
        progress: whose; `stored_through` moves where the first gap closes.
        runs: numbers that are in the server's keeping from now on.
        at: the server's clock.

    Returns:
        How many of the numbers were not there before.
    """
    return sum(_keep(db, progress, run, at) for run in runs)


def runs_beyond(db: Session, progress: KioskProgress) -> tuple[SeqRange, ...]:
    """Return the runs past the first gap, oldest first, as many as an ack may hold."""
    if progress.highest_seq <= progress.stored_through:
        return ()
    query = (
        select(ReceivedRun.first, ReceivedRun.last)
        .where(ReceivedRun.kiosk_id == progress.kiosk_id)
        .order_by(col(ReceivedRun.first))
        .limit(MAX_RANGES_PER_ACK)
    )
    return tuple(SeqRange(first=first, last=last) for first, last in db.exec(query))


def missing_numbers(db: Session, progress: KioskProgress) -> MissingNumbers | None:
    """Return which numbers have not arrived although later ones have; None: none is missing."""
    table = ReceivedRun
    query = select(
        func.sum(col(table.last) - col(table.first) + 1),
        func.max(table.first),
        func.min(table.opened_at),
    ).where(table.kiosk_id == progress.kiosk_id)
    summed: tuple[Any, Any, Any] = db.exec(query).one()
    held, newest_first, since = summed
    if held is None:
        return None
    count = progress.highest_seq - progress.stored_through - int(held)
    return MissingNumbers(progress.stored_through + 1, newest_first - 1, count, since)


def count_all_as_kept(db: Session, progress: KioskProgress) -> None:
    """Close every gap: the device that could have filled it is gone."""
    db.exec(delete(ReceivedRun).where(col(ReceivedRun.kiosk_id) == progress.kiosk_id))
    progress.stored_through = progress.highest_seq


def _keep(db: Session, progress: KioskProgress, run: Run, at: datetime) -> int:
    first, last = max(run.first, progress.stored_through + 1), run.last
    if first > last:
        return 0
    run = Run(first, last)
    rows = _touching(db, progress, run)
    known = sum(min(row.last, last) - max(row.first, first) + 1 for row in rows)
    if rows:
        _remove(db, progress.kiosk_id, Run(rows[-1].first, rows[0].first))
        first, last = min(first, rows[-1].first), max(last, rows[0].last)
    if first == progress.stored_through + 1:
        progress.stored_through = last
    else:
        opened_at = min([at, *(row.opened_at for row in rows)])
        values = {"kiosk_id": progress.kiosk_id, "first": first, "last": last}
        db.execute(insert(ReceivedRun).values(**values, opened_at=opened_at))
    progress.highest_seq = max(progress.highest_seq, last)
    # A row that only touches the run holds none of its numbers.
    return run.last - run.first + 1 - known


@dataclass(frozen=True)
class _Row:
    first: int
    last: int
    opened_at: datetime


def _touching(db: Session, progress: KioskProgress, run: Run) -> list[_Row]:
    """Return the rows that overlap or touch a run, newest first."""
    if progress.highest_seq <= progress.stored_through:
        return []  # no gap, no rows
    table = ReceivedRun
    found: list[_Row] = []
    below = run.last + 2
    limit = min(_PAGE, (run.last - run.first) // 2 + 3)
    while True:
        query = select(table.first, table.last, table.opened_at).where(
            table.kiosk_id == progress.kiosk_id, col(table.first) < below
        )
        page = [_Row(*row) for row in db.exec(query.order_by(col(table.first).desc()).limit(limit))]
        for row in page:
            if row.last < run.first - 1:
                return found
            found.append(row)
        if len(page) < limit:
            return found
        below = page[-1].first


def _remove(db: Session, kiosk_id: uuid.UUID, firsts: Run) -> None:
    table = ReceivedRun
    db.exec(
        delete(table).where(
            col(table.kiosk_id) == kiosk_id,
            col(table.first).between(firsts.first, firsts.last),
        )
    )
