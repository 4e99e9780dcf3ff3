"""The outbox: events on disk, numbered, chained and signed, until the server has them."""

import json
import math
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.clock import Clock
from kiosk.domain.events import EventDraft, MatchEvidence, RecordedEvent
from kiosk.domain.liveness import LivenessReading
from kiosk.domain.marks import MarkMemory
from kiosk.domain.queue import Settled
from kiosk.errors import DiskFullError, OutboxFullError
from kiosk.storage import day_memory
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.outbox_schema import MIGRATIONS
from kiosk.storage.reserve import Reserve
from protocol.v1 import messages, signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import LivenessLevel

_RESERVE_BYTES = 1 << 20
_TEMPORARY_REASONS = frozenset({messages.RefusalReason.BACKEND})
_NUMBER_TAKEN_REASONS = frozenset({messages.RefusalReason.FORK})


@dataclass(frozen=True, slots=True)
class ChainSigner:
    """Whose events these are: the kiosk's id and its private signing key."""

    kiosk_id: str
    key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class ChainStart:
    """The start of a new chain: the last sequence number already used, and its hash."""

    seq: int = 0
    hash: str = signing.GENESIS_HASH


class SQLiteOutbox:
    """Events in one SQLite file (WAL, synchronous FULL). Safe to use from several threads.

    Use `kiosk.storage.recovery.open_outbox` to open one: it looks after damaged files.

    Args:
        path: the file.
        signer: whose events these are.
        clock: for the time at which the server refused something.
        max_events: how many events may wait; above that, `append` refuses.
    """

    def __init__(self, path: Path, signer: ChainSigner, clock: Clock, max_events: int) -> None:
        self._database = SQLiteFile(path, MIGRATIONS, Durability.FULL)
        self._signer = signer
        self._clock = clock
        self._max_events = max_events
        self._handed_out_seq = 0
        self._counting = threading.Lock()
        self._reserve = Reserve(path.with_name(path.name + ".reserve"), _RESERVE_BYTES)
        self._reserve.hold()
        with self._database.reading() as db:
            self._waiting: int = db.execute("SELECT count(*) FROM event").fetchone()[0]
            self._refused: int = db.execute("SELECT count(*) FROM refused").fetchone()[0]

    @property
    def kiosk_id(self) -> str | None:
        """Whose chain the file holds; None while it holds none."""
        with self._database.reading() as db:
            row = db.execute("SELECT kiosk_id FROM chain").fetchone()
        return None if row is None else str(row[0])

    @property
    def waiting(self) -> int:
        """How many events the server has not acknowledged."""
        return self._waiting

    @property
    def refused(self) -> int:
        """How many events the server refused; they are kept here."""
        return self._refused

    @property
    def last_seq(self) -> int:
        """The newest number taken."""
        with self._database.reading() as db:
            return _head(db).seq

    def is_waiting(self, event_id: str) -> bool:
        """Return whether the server has not acknowledged this event."""
        with self._database.reading() as db:
            row = db.execute("SELECT 1 FROM event WHERE id = ?", (event_id,)).fetchone()
        return row is not None

    def begin_at(self, start: ChainStart) -> None:
        """Take up the chain where the server says it is, unless our own has gone further.

        Raises:
            StorageError: it could not be stored.
        """
        with self._database.transaction() as db:
            if _head(db).seq < start.seq or self._has_no_chain(db):
                self._set_head(db, start)

    def append(self, draft: EventDraft) -> RecordedEvent:
        """Number, chain, sign and commit one event.

        Raises:
            OutboxFullError: as many events wait as may; nothing was stored or overwritten.
            DiskFullError: no space is left; nothing was stored and no number was used up.
            StorageError: the disk failed; likewise.
        """
        if self._waiting >= self._max_events:
            raise OutboxFullError(f"{self._waiting} events wait for the server")
        unix_ms = int(draft.clock.recorded_at.timestamp() * 1000)
        event_id = str(uuid7(unix_ms=unix_ms))
        with self._database.transaction() as db:
            head = _head(db)
            event = self._signed(self._drafted(draft, event_id, head.seq + 1), head.hash)
            self._insert(db, event)
            day_memory.remember(db, event_id, draft)
        self._count(waiting=1)
        return RecordedEvent(event_id, event.seq)

    def pending(self, limit: int, *, after_seq: int = 0) -> list[messages.RawEvent]:
        """The oldest waiting events above a number, exactly as they were signed.

        What was handed out here counts as sent, and may therefore be acknowledged.
        """
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                (after_seq, limit),
            ).fetchall()
        if rows:
            self._handed_out_seq = max(self._handed_out_seq, rows[-1][0])
        return [json.loads(body) for _, body in rows]

    def settle(self, ack: messages.Ack) -> Settled:
        """Delete the events that the server stored, and set aside those it refused.

        Only events that `pending` returned are deleted: a number alone does not prove that the
        server holds our event. Events that it cannot store yet stay. If the server already holds
        another event with the same number (this disk was lost or restored), our event gets the
        next free number and is sent again.

        Deleting needs disk space too: on a full disk the reserve is released first.

        Raises:
            StorageError: nothing was changed.
        """
        try:
            settled = self._settled(ack)
        except DiskFullError:
            self._reserve.release()
            settled = self._settled(ack)
            self._database.fold_journal()
        self._reserve.hold()
        return settled

    def _settled(self, ack: messages.Ack) -> Settled:
        if ack.kiosk_id != self._signer.kiosk_id:
            return Settled()
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT seq, id, body, renumbered FROM event WHERE seq <= ? ORDER BY seq",
                (self._handed_out_seq,),
            ).fetchall()
            verdicts = _Verdicts(ack, _head(db).seq)
            taken = [row for row in rows if verdicts.is_number_taken(row)]
            refused = [row for row in rows if verdicts.is_refused(row) and row not in taken]
            stored = [row for row in rows if verdicts.is_stored(row)]
            self._keep_refused(db, refused, verdicts)
            _delete(db, [*taken, *refused, *stored])
            self._catch_up(db, ack)
            self._renumber(db, [row[2] for row in taken])
        self._count(waiting=-len(refused) - len(stored), refused=len(refused))
        return Settled(stored=len(stored), refused=len(refused), renumbered=len(taken))

    def memory(self) -> MarkMemory:
        """Return the marks of the last day and the matches called wrong, for a restart.

        Raises:
            StorageError: they cannot be read.
        """
        with self._database.transaction() as db:
            day_memory.prune(db, self._clock.reading().best_at)
            return day_memory.recall(db)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()

    def adopt(self, bodies: Iterable[messages.RawEvent]) -> int:
        """Take over events saved from a damaged file, in order; the chain goes on from the last.

        The file must be new.

        Raises:
            StorageError: nothing was taken over.
        """
        count = 0
        with self._database.transaction() as db:
            for body in bodies:
                event = signing.read_event(body)
                db.execute(
                    "INSERT INTO event (seq, id, body) VALUES (?, ?, ?)",
                    (event.seq, event.id, json.dumps(body)),
                )
                self._set_head(db, ChainStart(event.seq, event.hash))
                day_memory.adopt(db, [event])
                count += 1
        self._count(waiting=count)
        return count

    def _count(self, *, waiting: int, refused: int = 0) -> None:
        with self._counting:
            self._waiting += waiting
            self._refused += refused

    def _has_no_chain(self, db: sqlite3.Connection) -> bool:
        return db.execute("SELECT 1 FROM chain").fetchone() is None

    def _drafted(self, draft: EventDraft, event_id: str, seq: int) -> messages.UnsignedEvent:
        return messages.UnsignedEvent(
            id=event_id,
            kiosk_id=self._signer.kiosk_id,
            seq=seq,
            occurred_at=draft.clock.recorded_at,
            clock=messages.ClockStamp(
                source=draft.clock.source,
                offset_ms=draft.clock.offset_ms,
                age_s=draft.clock.age_s,
            ),
            lesson_id=draft.lesson_id,
            person_id=draft.person_id,
            kind=draft.kind,
            method=messages.EventMethod.FACE,
            refers_to=draft.refers_to,
            policy_version=draft.policy_version,
            shown=draft.shown,
            **_evidence_fields(draft.evidence),
        )

    def _signed(self, draft: messages.UnsignedEvent, prev_hash: str) -> messages.AttendanceEvent:
        return signing.sign_event(draft, prev_hash=prev_hash, key=self._signer.key)

    def _insert(
        self, db: sqlite3.Connection, event: messages.AttendanceEvent, *, renumbered: bool = False
    ) -> None:
        body = json.dumps(signing.to_raw(event))
        db.execute(
            "INSERT INTO event (seq, id, body, renumbered) VALUES (?, ?, ?, ?)",
            (event.seq, event.id, body, int(renumbered)),
        )
        self._set_head(db, ChainStart(event.seq, event.hash))

    def _set_head(self, db: sqlite3.Connection, head: ChainStart) -> None:
        db.execute(
            "INSERT INTO chain (one, kiosk_id, seq, hash) VALUES (1, ?, ?, ?)"
            " ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
            (self._signer.kiosk_id, head.seq, head.hash),
        )

    def _keep_refused(
        self, db: sqlite3.Connection, rows: "Sequence[_Row]", verdicts: "_Verdicts"
    ) -> None:
        refused_at = self._clock.reading().at.isoformat(timespec="milliseconds")
        db.executemany(
            "INSERT OR REPLACE INTO refused (id, seq, body, reason, refused_at)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (event_id, seq, body, verdicts.reason(event_id), refused_at)
                for seq, event_id, body, _ in rows
            ],
        )

    def _catch_up(self, db: sqlite3.Connection, ack: messages.Ack) -> None:
        """Where the server holds more of this chain than we do, go on after what it holds."""
        server_seq, head = held_seq(ack), _head(db)
        if server_seq > head.seq:
            self._set_head(db, ChainStart(server_seq, head.hash))

    def _renumber(self, db: sqlite3.Connection, bodies: Iterable[str]) -> None:
        for body in bodies:
            head = _head(db)
            draft = messages.UnsignedEvent.model_validate(json.loads(body) | {"seq": head.seq + 1})
            self._insert(db, self._signed(draft, head.hash), renumbered=True)


_Row = tuple[int, str, str, int]
"""seq, id, body, renumbered."""


class _Verdicts:
    """What an ack says about each waiting event."""

    def __init__(self, ack: messages.Ack, own_seq: int) -> None:
        self._ack = ack
        self._is_server_ahead = held_seq(ack) > own_seq
        self._reasons = {refusal.id: refusal.reason for refusal in ack.refused}

    def reason(self, event_id: str) -> str:
        return self._reasons.get(event_id, "")

    def is_number_taken(self, row: _Row) -> bool:
        """The server says so, or it holds numbers we never gave: then these are not ours."""
        seq, event_id, _, renumbered = row
        if self.reason(event_id) in _NUMBER_TAKEN_REASONS:
            return not renumbered
        return self._is_server_ahead and not self.reason(event_id) and self._ack.covers(seq)

    def is_refused(self, row: _Row) -> bool:
        reason = self.reason(row[1])
        return bool(reason) and reason not in _TEMPORARY_REASONS and not self._is_known(row)

    def is_stored(self, row: _Row) -> bool:
        seq, event_id, _, _ = row
        is_covered = self._ack.covers(seq) and not self.reason(event_id)
        return self._is_known(row) or (is_covered and not self._is_server_ahead)

    def _is_known(self, row: _Row) -> bool:
        """The server has this very event under its first number: it was renumbered in vain."""
        _, event_id, _, renumbered = row
        return bool(renumbered) and self.reason(event_id) == messages.RefusalReason.REUSED_ID


def held_seq(ack: messages.Ack) -> int:
    """The highest number that the server holds."""
    return max([ack.stored_through, *(run.last for run in ack.stored_beyond)])


def _head(db: sqlite3.Connection) -> ChainStart:
    row = db.execute("SELECT seq, hash FROM chain").fetchone()
    return ChainStart() if row is None else ChainStart(row[0], row[1])


def _delete(db: sqlite3.Connection, rows: Iterable[_Row]) -> None:
    db.executemany("DELETE FROM event WHERE seq = ?", [(row[0],) for row in rows])


def _evidence_fields(evidence: MatchEvidence | None) -> dict[str, object]:
    if evidence is None:
        return {}
    return {
        "distance": _finite(evidence.distance),
        "margin": _finite(evidence.margin),
        "threshold": _finite(evidence.threshold),
        "quality": _finite(evidence.quality),
        "model_id": evidence.model_id,
        "liveness": _liveness(evidence.liveness),
    }


def _liveness(reading: LivenessReading) -> messages.Liveness:
    if reading.level is LivenessLevel.OFF:
        return messages.Liveness(verdict=reading.verdict)
    score = _finite(reading.score)
    return messages.Liveness(verdict=reading.verdict, score=score, method=reading.level)


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: a margin without a second person has no number."""
    return value if value is not None and math.isfinite(value) else None
