"""The chain of one outbox file: its head, and how an event gets its number and signature."""

import json
import sqlite3
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.storage import gaps
from kiosk.storage.kept import ms
from kiosk.storage.verdicts import Row
from protocol.v1 import messages, signing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import ClockSource, GapReason

_TRUSTED = (ClockSource.NTP, ClockSource.SERVER)
"""An event of another clock does not bound what is lost beside it."""


@dataclass(frozen=True, slots=True)
class ChainSigner:
    """Whose events these are.

    Attributes:
        kiosk_id: named in each event.
        key: the private signing key.
        is_own: False where another key signed the events at hand: then nothing is signed anew.
    """

    kiosk_id: str
    key: Ed25519PrivateKey
    is_own: bool = True

    def has_signed(self, body: str) -> bool:
        """Return whether the text is an event that this very key signed."""
        try:
            signing.verify_event(json.loads(body), self.key.public_key())
        except (ProtocolError, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class ChainStart:
    """The start of a new chain: the last sequence number already used, and its hash.

    Attributes:
        claim: which claim of the kiosk said so, counted by the server; None where none did.
    """

    seq: int = 0
    hash: str = signing.GENESIS_HASH
    claim: int | None = None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest number, and the hash that the next event names.

    Attributes:
        seq: 0 before the first event.
        hash: of the newest event that is known.
        is_event: whether that event has the number ``seq``; False after numbers were skipped.
    """

    seq: int = 0
    hash: str = signing.GENESIS_HASH
    is_event: bool = True


class Chain:
    """Numbers and signs the events of one file. Every method works in the caller's transaction."""

    def __init__(self, signer: ChainSigner) -> None:
        self.signer = signer

    def head(self, db: sqlite3.Connection) -> ChainHead:
        """Return the newest number and its hash."""
        row = db.execute("SELECT seq, hash, is_event FROM chain").fetchone()
        return ChainHead() if row is None else ChainHead(row[0], row[1], bool(row[2]))

    def begin_at(self, db: sqlite3.Connection, start: ChainStart) -> None:
        """Take up the chain where the server says it is, unless our own has gone further."""
        head = self.head(db)
        if db.execute("SELECT 1 FROM chain").fetchone() is None:
            self.set_head(db, ChainHead(start.seq, start.hash))
            self.begin_above(db, start.seq)
        elif head.seq < start.seq:
            self._note_skipped(db, start.seq, is_open=False)
            self.set_head(db, ChainHead(start.seq, start.hash))

    def begin_above(self, db: sqlite3.Connection, seq: int) -> None:
        """Note that this file says nothing about numbers up to here."""
        db.execute("UPDATE chain SET begun_seq = ?", (seq,))

    def begun_seq(self, db: sqlite3.Connection) -> int:
        """Return the number above which this file has an event, or a word, for each."""
        return int(db.execute("SELECT begun_seq FROM chain").fetchone()[0])

    def skip_to(self, db: sqlite3.Connection, seq: int, *, is_open: bool) -> bool:
        """Go on above a number; what lies between is gone from here. False where it is behind.

        Args:
            db: in a transaction.
            seq: the highest number known to be used.
            is_open: the watermark waits for the server's word on the numbers in between.
        """
        head = self.head(db)
        if seq <= head.seq:
            return False
        self._note_skipped(db, seq, is_open=is_open)
        self.set_head(db, ChainHead(seq, head.hash, is_event=False))
        return True

    def _note_skipped(self, db: sqlite3.Connection, seq: int, *, is_open: bool) -> None:
        skipped = gaps.Gone(self.head(db).seq + 1, seq, None, None, GapReason.DAMAGED.value)
        gaps.lost(db, skipped, is_open=is_open)

    def add(
        self, db: sqlite3.Connection, draft: messages.UnsignedEvent
    ) -> messages.AttendanceEvent:
        """Give an event the next number, sign it and put it with those that wait.

        Args:
            db: in a transaction.
            draft: its number is replaced.
        """
        head = self.head(db)
        numbered = draft.model_copy(update={"seq": head.seq + 1})
        event = signing.sign_event(numbered, prev_hash=head.hash, key=self.signer.key)
        insert(db, event, json.dumps(signing.to_raw(event)))
        self.set_head(db, ChainHead(event.seq, event.hash))
        return event

    def renumber(self, db: sqlite3.Connection, row: Row) -> None:
        """Move an event to the next free number, as the server holds another one of its number."""
        db.execute("DELETE FROM event WHERE seq = ?", (row.seq,))
        vacated = gaps.Gone(row.seq, row.seq, row.at_ms, row.at_ms, gaps.MOVED)
        gaps.lost(db, vacated, is_open=False)
        event = self.add(db, messages.UnsignedEvent.model_validate(json.loads(row.body)))
        gaps.renumber_stated(db, row.seq, event.seq)

    def set_head(self, db: sqlite3.Connection, head: ChainHead) -> None:
        """Write the head down."""
        db.execute(
            "INSERT INTO chain (one, kiosk_id, seq, hash, is_event) VALUES (1, ?, ?, ?, ?)"
            " ON CONFLICT (one) DO UPDATE SET"
            " seq = excluded.seq, hash = excluded.hash, is_event = excluded.is_event",
            (self.signer.kiosk_id, head.seq, head.hash, int(head.is_event)),
        )


def insert(
    db: sqlite3.Connection,
    event: messages.AttendanceEvent,
    body: str,
    *,
    delivered_ms: int | None = None,
) -> None:
    """Put an event into the table, as waiting or as kept."""
    clock = event.clock
    at = messages.corrected_time(event.occurred_at, clock.source, clock.offset_ms)
    is_trusted = clock.source in _TRUSTED
    db.execute(
        "INSERT INTO event (seq, id, body, at_ms, delivered_ms) VALUES (?, ?, ?, ?, ?)",
        (event.seq, event.id, body, ms(at) if is_trusted else None, delivered_ms),
    )
