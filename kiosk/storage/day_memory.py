"""The marks of the last day in the outbox file, so that a restarted kiosk still knows them.

They are written in the transaction of their event: a mark shown as recorded is remembered too.
"""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from kiosk.domain.events import EventDraft
from kiosk.domain.marks import Denial, MarkMemory, RememberedMark
from protocol.v1.messages import (
    ArrivalStatus,
    AttendanceEvent,
    ClockStamp,
    EventKind,
    corrected_time,
    known_direction,
)

KEPT = timedelta(hours=36)
"""A lesson ends within a day and a night; older marks can answer nobody."""


def remember(db: sqlite3.Connection, event_id: str, draft: EventDraft) -> None:
    """Write down what an event means for the day, within its transaction."""
    at_ms = _ms(draft.clock.best_at)
    if draft.kind is EventKind.NOT_ME:
        db.execute("DELETE FROM day_mark WHERE event_id = ?", (draft.refers_to,))
        if draft.evidence is not None and draft.lesson_id is not None:
            _deny(db, Denial(draft.person_id, draft.lesson_id, draft.evidence.distance), at_ms)
    elif draft.shown is not None and draft.lesson_id is not None:
        at, direction = draft.clock.best_at, draft.direction
        mark = RememberedMark(
            event_id, draft.person_id, draft.lesson_id, at, draft.shown, direction
        )
        _insert(db, mark, is_word=draft.kind is EventKind.ROLL_CALL)


def adopt(db: sqlite3.Connection, events: Iterable[AttendanceEvent]) -> None:
    """Rebuild the memory from events saved out of a damaged file."""
    for event in events:
        if event.kind == EventKind.NOT_ME:
            db.execute("DELETE FROM day_mark WHERE event_id = ?", (event.refers_to,))
        elif event.lesson_id and event.person_id and event.shown in set(ArrivalStatus):
            at = _counted_at(event.occurred_at, event.clock)
            status, direction = ArrivalStatus(event.shown), known_direction(event.direction)
            mark = RememberedMark(event.id, event.person_id, event.lesson_id, at, status, direction)
            _insert(db, mark, is_word=event.kind == EventKind.ROLL_CALL)


def recall(db: sqlite3.Connection) -> MarkMemory:
    """Return what is remembered, oldest first."""
    marks = db.execute(
        "SELECT event_id, person_id, lesson_id, at_ms, status, direction FROM day_mark"
        " ORDER BY at_ms, rowid"
    ).fetchall()
    denials = db.execute("SELECT person_id, lesson_id, distance FROM day_denial").fetchall()
    return MarkMemory(
        tuple(
            RememberedMark(
                event_id,
                person,
                lesson,
                _moment(at_ms),
                ArrivalStatus(status),
                known_direction(word),
            )
            for event_id, person, lesson, at_ms, status, word in marks
        ),
        tuple(Denial(*row) for row in denials),
    )


def prune(db: sqlite3.Connection, now: datetime) -> None:
    """Forget what is older than `KEPT`, or from a time the clock has not reached."""
    oldest_ms, newest_ms = _ms(now - KEPT), _ms(now + KEPT)
    for table in ("day_mark", "day_denial"):
        db.execute(
            f"DELETE FROM {table} WHERE at_ms < ? OR at_ms > ?",  # noqa: S608 - names of ours
            (oldest_ms, newest_ms),
        )


def _insert(db: sqlite3.Connection, mark: RememberedMark, *, is_word: bool) -> None:
    """Write a mark down; a teacher's word is the status of what was there before, too."""
    if is_word:
        db.execute(
            "UPDATE day_mark SET status = ? WHERE person_id = ? AND lesson_id = ?",
            (mark.status.value, mark.person_id, mark.lesson_id),
        )
    db.execute(
        "INSERT OR REPLACE INTO day_mark"
        " (event_id, person_id, lesson_id, status, at_ms, direction) VALUES (?, ?, ?, ?, ?, ?)",
        (
            mark.event_id,
            mark.person_id,
            mark.lesson_id,
            mark.status.value,
            _ms(mark.at),
            mark.direction,
        ),
    )


def _deny(db: sqlite3.Connection, denial: Denial, at_ms: int) -> None:
    db.execute(
        "INSERT INTO day_denial (person_id, lesson_id, distance, at_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (person_id, lesson_id)"
        " DO UPDATE SET distance = min(distance, excluded.distance), at_ms = excluded.at_ms",
        (denial.person_id, denial.lesson_id, denial.distance, at_ms),
    )


def _counted_at(occurred_at: datetime, clock: ClockStamp) -> datetime:
    return corrected_time(occurred_at, clock.source, clock.offset_ms)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
