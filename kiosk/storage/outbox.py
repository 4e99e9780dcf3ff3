"""The outbox: events on disk, numbered, chained and signed, and kept after their delivery."""

import logging
import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kiosk.domain.clock import Clock
from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.domain.marks import MarkMemory
from kiosk.domain.queue import Settled
from kiosk.domain.spans import SeqSpan, between, joined
from kiosk.errors import DiskFullError, OutboxFullError
from kiosk.storage import day_memory, gaps, kept
from kiosk.storage.ack_order import AckOrder
from kiosk.storage.adoption import Salvage, SavedEvent, adopt, collect
from kiosk.storage.chain import Chain, ChainHead, ChainSigner, ChainStart
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.drafting import drafted
from kiosk.storage.numbers import NumberFile
from kiosk.storage.outbox_schema import MIGRATIONS
from kiosk.storage.reclaiming import note_claim, offer_again
from kiosk.storage.refusals import take_back
from kiosk.storage.reserve import Reserve
from kiosk.storage.settling import Settlement, Terms, spoil, whole
from kiosk.storage.verdicts import Row
from protocol.v1.messages import Ack, KioskPolicy, RawEvent

__all__ = ["ChainSigner", "ChainStart", "SQLiteOutbox"]

logger = logging.getLogger(__name__)

_DAY_MS = 24 * 3600 * 1000
_AGREE_MS = 3600 * 1000
"""Events age only while the server's date and a trusted clock here are no further apart."""
_RESERVE_BYTES = 1 << 20
_ROOM_EVENTS = 500
"""Kept events that leave at once when the disk is full."""
_NO_LIMIT = 2**62


class SQLiteOutbox:
    """Events in one SQLite file (WAL, synchronous FULL). Safe to use from several threads.

    Use `kiosk.storage.recovery.open_outbox` to open one: it looks after damaged files. Beside the
    file lie a reserve of disk space and the highest number (`outbox.seq`).

    Args:
        path: the file.
        signer: whose events these are.
        clock: for the time of refusals and gaps, and for how long acks lie apart.
        max_events: how many events may wait; above that, `append` refuses.
        max_kept_events: how many events are kept after their delivery, at most.
        is_set_aside: the file of an earlier identity, which only delivers what it holds.

    Attributes:
        keeps_days: how long events are kept after their delivery; the policy says it.
        lost: how many events a damage took that the server does not have either.
        is_key_refused: the server refused signatures that our own key did make.
    """

    def __init__(
        self,
        path: Path,
        signer: ChainSigner,
        clock: Clock,
        max_events: int,
        *,
        max_kept_events: int = _NO_LIMIT,
        is_set_aside: bool = False,
    ) -> None:
        self._database = SQLiteFile(path, MIGRATIONS, Durability.FULL)
        self._chain = Chain(signer)
        self._clock = clock
        self._max_events = max_events
        self._max_kept_events = max_kept_events
        self.keeps_days = KioskPolicy().keeps_events_days
        self._is_set_aside = is_set_aside
        self._sent: list[SeqSpan] = []
        self._counting = threading.Lock()
        self._reserve = Reserve(path.with_name(path.name + ".reserve"), _RESERVE_BYTES)
        self._numbers = NumberFile(path.with_suffix(".seq"), signer.kiosk_id)
        if not is_set_aside:
            self._reserve.hold()
        self.is_key_refused = False
        take_back(self._database, signer)
        with self._database.reading() as db:
            self._counts = kept.counts(db)
            self.lost = gaps.lost_count(db)
            self._safe_seq = self._chain.head(db).seq
            row = db.execute("SELECT heard_ms FROM chain WHERE heard_ms > 0").fetchone()
        heard = None if row is None else datetime.fromtimestamp(row[0] / 1000, UTC)
        self._order = AckOrder(heard)

    @property
    def kiosk_id(self) -> str | None:
        """Whose chain the file holds; None while it holds none."""
        with self._database.reading() as db:
            row = db.execute("SELECT kiosk_id FROM chain").fetchone()
        return None if row is None else str(row[0])

    @property
    def waiting(self) -> int:
        """How many events the server has not acknowledged."""
        return self._counts.waiting

    @property
    def kept(self) -> int:
        """How many events the server has and this outbox still keeps."""
        return self._counts.kept

    @property
    def refused(self) -> int:
        """How many events the server refused; they are kept here."""
        return self._counts.refused

    @property
    def last_seq(self) -> int:
        """The newest number taken."""
        with self._database.reading() as db:
            return self._chain.head(db).seq

    def is_waiting(self, event_id: str) -> bool:
        """Return whether the server has not acknowledged this event."""
        with self._database.reading() as db:
            row = kept.row_of(db, event_id)
        return row is not None and row.is_waiting

    def whole_through(self) -> ChainStart | None:
        """Return the newest number and the hash of its event, for a watermark.

        None while numbers are lost of which the server has not said whether it has them, and
        while the event of the newest number is not known.
        """
        with self._database.reading() as db:
            head = self._chain.head(db)
            is_whole = head.is_event and not gaps.is_any_open(db)
        return ChainStart(head.seq, head.hash) if is_whole else None

    def begin_at(self, start: ChainStart) -> None:
        """Take up the chain where it is: the furthest of this file, the number file and the claim.

        Numbers that the number file knows of and this file does not are noted as lost, and so are
        those between its events that it says nothing about. See `reclaiming` for what a new claim
        may ask for.

        Args:
            start: where the server said at the claim that the chain is.

        Raises:
            StorageError: it could not be stored.
        """
        with self._database.transaction() as db:
            again = offer_again(db, start, self._max_events // 2)
            self._chain.begin_at(db, start)
            note_claim(db, start.claim)
            if self._chain.skip_to(db, self._numbers.written, is_open=True):
                logger.error(
                    "events lost from the outbox, numbers through %d", self._numbers.written
                )
            spans = gaps.find_lost(db, self._chain.begun_seq(db), self._chain.head(db).seq)
            if spans:
                logger.error("events missing in the outbox, spans of numbers %d", spans)
            gaps.bound_lost(db, self._trusted_ms())
            head = self._chain.head(db)
        if again:
            logger.warning("another device used our numbers, events sent again %d", again)
            self._count(waiting=again, kept=-again)
        self._secure(head.seq)

    def begin_above_set_aside(self, start: ChainStart, seq: int) -> None:
        """Begin a new file above the numbers of one that was set aside and still delivers them.

        Args:
            start: see `begin_at`.
            seq: the newest number of the files that were set aside.

        Raises:
            StorageError: it could not be stored.
        """
        with self._database.transaction() as db:
            self._chain.begin_at(db, start)
            if seq > start.seq:
                self._chain.set_head(db, ChainHead(seq, start.hash, is_event=False))
                self._chain.begin_above(db, seq)

    def newest(self) -> RawEvent | None:
        """Return the whole event with the highest number, waiting or kept; None where none is.

        Raises:
            StorageError: it cannot be read.
        """
        with self._database.reading() as db:
            rows = db.execute("SELECT seq, id, body, at_ms FROM event ORDER BY seq DESC")
            return next((raw for row in rows if (raw := whole(Row(*row))) is not None), None)

    def _trusted_ms(self) -> int | None:
        reading = self._clock.reading()
        return kept.ms(reading.best_at) if reading.is_trusted else None

    def append(self, draft: EventDraft) -> RecordedEvent:
        """Number, chain, sign and commit one event.

        Raises:
            OutboxFullError: as many events wait as may; nothing was stored or overwritten.
            DiskFullError: no space is left; nothing was stored and no number was used up.
            StorageError: the disk failed; likewise.
        """
        if self.waiting >= self._max_events:
            raise OutboxFullError(f"{self.waiting} events wait for the server")
        try:
            event = self._appended(draft)
        except DiskFullError:
            if not self._make_room():
                raise
            event = self._appended(draft)
        self._secure(event.seq)
        return event

    def _appended(self, draft: EventDraft) -> RecordedEvent:
        with self._database.transaction() as db:
            event = self._chain.add(db, drafted(draft, self._chain.signer.kiosk_id))
            day_memory.remember(db, event.id, draft)
        self._count(waiting=1)
        return RecordedEvent(event.id, event.seq)

    def pending(self, limit: int, *, after_seq: int = 0) -> list[RawEvent]:
        """The oldest waiting events above a number, exactly as they were signed."""
        with self._database.reading() as db:
            rows = kept.waiting(db, after_seq=after_seq, through=self._safe_seq, limit=limit)
        return [raw for row in rows if (raw := self._decoded(row)) is not None]

    def newest_pending(self, limit: int, *, but: Sequence[SeqSpan] = ()) -> list[RawEvent]:
        """The newest waiting events outside of these numbers, in order, of one run of numbers.

        Marks of today go before those of last week, and each event is sent as it was signed: the
        server takes numbers in any order and knows which are missing.
        """
        with self._database.reading() as db:
            for span in between(but):
                bounded = SeqSpan(span.first, min(span.last, self._safe_seq))
                rows = kept.newest_waiting(db, bounded, limit)
                if rows:
                    break
            else:
                return []
        return [raw for row in rows if (raw := self._decoded(row)) is not None]

    def is_any_waiting(self, span: SeqSpan) -> bool:
        """Return whether an event of these numbers waits."""
        with self._database.reading() as db:
            return bool(kept.newest_waiting(db, span, 1))

    def sent(self, through: int, *, first: int = 1) -> None:
        """Note that every waiting event from ``first`` on to here is on its way, or was answered.

        No ack counts for an event that was not sent: its number may be another event's there.
        """
        if through >= first:
            self._sent = joined([*self._sent, SeqSpan(first, through)])

    def send_again(self) -> None:
        """Note that nothing is on its way any more: no ack counts until `sent` is called."""
        self._sent = []

    def _decoded(self, row: Row) -> RawEvent | None:
        """The event of a row; one whose text is damaged is put apart and noted as lost."""
        raw = whole(row)
        if raw is None:
            logger.error("event unreadable, kept apart id=%s seq=%d", row.id, row.seq)
            with self._database.transaction() as db:
                spoil(db, row, self._clock)
            self._count(waiting=-1, refused=1)
        return raw

    def settle(self, ack: Ack, *, is_answer: bool = False) -> Settled:
        """Do what the server's word on its holdings asks for; its signature was checked.

        What it holds is kept from now on, and what it lost waits again with its old number and
        signature. Only events that were `sent` count as delivered: a number alone does not prove
        that the server holds our event. An event whose number another event has at the
        server gets the next free one. Numbers that neither side has are stated in a gap event.

        Deleting needs disk space too: on a full disk the reserve is released first.

        Args:
            ack: what the server said.
            is_answer: it answers a request of just now, so no other ack can be newer, whatever
                the server's clock says.

        Raises:
            StorageError: nothing was changed.
        """
        if ack.kiosk_id != self._chain.signer.kiosk_id:
            return Settled()
        if is_answer:
            self._order.believe(ack.server_time)
        is_newest = self._order.is_newest(ack.server_time, self._clock.monotonic_s())
        terms = Terms(tuple(self._sent), is_newest, self._is_set_aside)
        try:
            settled = self._settled(ack, terms)
        except DiskFullError:
            self._reserve.release()
            settled = self._settled(ack, terms)
            self._database.fold_journal()
        if not self._is_set_aside:
            self._reserve.hold()
        return settled

    def _settled(self, ack: Ack, terms: Terms) -> Settled:
        with self._database.transaction() as db:
            settlement = Settlement(db, self._chain, self._clock, ack, terms)
            settled = settlement.settle()
            kept_count = self.kept + settlement.kept_change
            pruned = self._prune(db, ack, kept_count)
            if pruned or settled.stated:
                self.lost = gaps.lost_count(db)
            head = self._chain.head(db)
        self.is_key_refused |= settlement.is_key_refused
        if settled.again:
            self.send_again()
        self._count(
            waiting=settlement.waiting_change,
            kept=settlement.kept_change - pruned,
            refused=settled.refused,
        )
        self._secure(head.seq)
        return settled

    def _prune(self, db: sqlite3.Connection, ack: Ack, kept_count: int) -> int:
        """Let kept events go: the oldest above the most, and by age where the day is sure."""
        excess = kept_count - self._max_kept_events
        now_ms, server_ms = self._trusted_ms(), kept.ms(ack.server_time)
        is_sure = now_ms is not None and abs(now_ms - server_ms) <= _AGREE_MS
        before_ms = server_ms - self.keeps_days * _DAY_MS if is_sure else 0
        return _let_go(db, kept.outdated(db, excess=excess, before_ms=before_ms))

    def _make_room(self) -> bool:
        """Delete the oldest kept events of a full disk; False where none is kept."""
        if not self.kept:
            return False
        self._reserve.release()
        with self._database.transaction() as db:
            rows = [(seq, at_ms) for seq, at_ms, _ in kept.oldest_kept(db, _ROOM_EVENTS)]
            count = _let_go(db, rows)
        self._count(kept=-count)
        self._database.fold_journal()
        logger.warning("disk full, deleted %d events that the server has", count)
        return True

    def memory(self) -> MarkMemory:
        """Return the marks of the last day and the matches called wrong, for a restart.

        Raises:
            StorageError: they cannot be read.
        """
        with self._database.transaction() as db:
            day_memory.prune(db, self._clock.reading().best_at)
            return day_memory.recall(db)

    def has_examined(self, name: str) -> bool:
        """Return whether the events of this renamed damaged file were taken over."""
        with self._database.reading() as db:
            return (
                db.execute("SELECT 1 FROM examined WHERE name = ?", (name,)).fetchone() is not None
            )

    def adopt(self, name: str, saved: Salvage, start: ChainStart) -> int:
        """Take over events saved from a damaged file, and note the numbers that are missing.

        Args:
            name: of the damaged file; it is not taken over twice.
            saved: what it still gave.
            start: see `begin_at`.

        Raises:
            StorageError: nothing was taken over.
        """
        with self._database.transaction() as db:
            self._chain.begin_at(db, start)
            count = adopt(db, self._chain, saved, self._numbers.written)
            db.execute("INSERT OR REPLACE INTO examined (name) VALUES (?)", (name,))
            self._counts = kept.counts(db)
            self.lost = gaps.lost_count(db)
            head = self._chain.head(db)
        self._secure(head.seq)
        return count

    def collect(self, events: tuple[SavedEvent, ...]) -> None:
        """Fill a new set-aside file with the events of one kiosk, by number.

        Raises:
            StorageError: nothing was stored.
        """
        with self._database.transaction() as db:
            collect(db, self._chain, events)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()

    def _secure(self, seq: int) -> None:
        """Write the highest number down; only then may its event be shown or sent."""
        if not self._is_set_aside:
            self._numbers.advance(seq)
        with self._counting:
            self._safe_seq = max(self._safe_seq, seq)

    def _count(self, *, waiting: int = 0, kept: int = 0, refused: int = 0) -> None:
        with self._counting:
            before = self._counts
            self._counts = type(before)(
                before.waiting + waiting, before.kept + kept, before.refused + refused
            )


def _let_go(db: sqlite3.Connection, rows: list[tuple[int, int | None]]) -> int:
    """Delete delivered events and remember their numbers and times."""
    for span, times in kept.runs_of(rows):
        gaps.pruned(db, span, times)
    kept.delete(db, [seq for seq, _ in rows])
    return len(rows)
