"""Taking in one ack: what is kept, sent again, renumbered, put apart or stated as gone."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.clock import Clock
from kiosk.domain.queue import Settled
from kiosk.domain.spans import SeqSpan, common
from kiosk.storage import gaps, kept
from kiosk.storage.chain import Chain, ChainHead
from kiosk.storage.drafting import gap_event
from kiosk.storage.kept import ms
from kiosk.storage.verdicts import Row, Verdicts, is_final, is_kept_there, is_number_taken
from protocol.v1 import signing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import Ack, EventRefusal, GapReason, GapSpan, RawEvent, RefusalReason

_HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known beside the ack.

    Attributes:
        sent: only waiting events of these numbers were sent.
        is_newest: the ack says what the server holds now; else only what it says of single
            events counts, as the server may have been restored since.
        is_answer: the ack answers the batch that was sent last, so it names every event
            of it that the server did not store.
    """

    sent: tuple[SeqSpan, ...]
    is_newest: bool
    is_answer: bool = False


class Settlement:
    """One ack within one transaction."""

    def __init__(
        self, db: sqlite3.Connection, chain: Chain, clock: Clock, ack: Ack, terms: Terms
    ) -> None:
        self._db = db
        self._chain = chain
        self._clock = clock
        self._ack = ack
        self._terms = terms
        self._verdicts = Verdicts(ack, chain.head(db).seq)
        self._at_ms = ms(ack.server_time)
        now = clock.reading()
        self._delivered_ms = ms(now.best_at) if now.is_trusted else self._at_ms
        self._is_server_ahead = self._verdicts.is_server_ahead and not terms.is_answer
        self.waiting_change = 0
        self.kept_change = 0
        self.is_key_refused = False

    def settle(self) -> Settled:
        """Do what the ack says."""
        taken = self._taken()
        refused = self._put_refused_apart()
        stored = self._deliver()
        again = self._recall()
        self._skip_held()
        spoilt = [row for row in taken if not self._renumber(row)]
        settled = Settled(
            stored=stored,
            refused=refused + len(spoilt),
            renumbered=len(taken) - len(spoilt),
            again=again,
            stated=self._state_gaps(),
        )
        self._remember(is_changed=settled != Settled())
        return settled

    def _taken(self) -> list[Row]:
        """Events whose number another event has at the server.

        It says so itself, or it holds numbers that were never given here: this disk is older than
        what the server has, or another device uses our identity.
        """
        if not self._chain.signer.is_own:
            return []
        found = {row.id: row for one, row in self._named() if is_number_taken(one, row.seq)}
        if self._is_server_ahead:
            for span in self._held_and_sent():
                rows = kept.waiting(self._db, after_seq=span.first - 1, through=span.last)
                found |= {row.id: row for row in rows if row.id not in self._verdicts.named}
        return sorted(found.values())

    def _named(self) -> Iterator[tuple[EventRefusal, Row]]:
        """The events of this outbox that the ack names, with what it says of each."""
        for refusal in self._ack.refused:
            row = kept.row_of(self._db, refusal.id)
            if row is not None:
                yield refusal, row

    def _put_refused_apart(self) -> int:
        count = 0
        for refusal, row in self._named():
            if self._is_key_unknown(refusal, row):
                self.is_key_refused = True
                continue
            is_stuck = not self._chain.signer.is_own and is_number_taken(refusal, row.seq)
            if is_final(refusal) or is_stuck:
                self._put_apart(row, refusal.reason)
                count += 1
        return count

    def _renumber(self, row: Row) -> bool:
        """Give an event the next number; one that the disk spoilt is put apart: False."""
        if is_whole := self._is_whole(row):
            self._chain.renumber(self._db, row)
        else:
            spoil(self._db, row, self._clock)
        self._move(row, waiting=int(is_whole))
        return is_whole

    def _is_whole(self, row: Row) -> bool:
        """Whether an event is as it was signed; another key's signature cannot be checked."""
        raw, signer = whole(row), self._chain.signer
        return raw is not None and (not signer.is_own or is_signed_by(raw, signer.key))

    def _is_key_unknown(self, refusal: EventRefusal, row: Row) -> bool:
        """Our key did sign it, so the server knows another key: the event waits for a new claim."""
        is_signature = refusal.reason == RefusalReason.BAD_SIGNATURE
        return is_signature and self._chain.signer.has_signed(row.body)

    def _put_apart(self, row: Row, reason: str) -> None:
        """Keep a refused event apart; one that the disk spoilt is lost, and stated as such."""
        if self._is_whole(row):
            kept.keep_refused(self._db, row, reason, self._clock.reading().at)
        else:
            spoil(self._db, row, self._clock)
        self._move(row)

    def _deliver(self) -> int:
        count = sum(
            kept.deliver_one(self._db, row.seq, self._delivered_ms)
            for refusal, row in self._named()
            if is_kept_there(refusal)
        )
        if self._terms.is_newest and not self._is_server_ahead:
            spans = self._held_and_sent()
            named = tuple(self._verdicts.named)
            count += kept.deliver(self._db, spans, self._delivered_ms, but=named)
        self.waiting_change -= count
        self.kept_change += count
        return count

    def _held_and_sent(self) -> list[SeqSpan]:
        """Numbers that the server holds; the events we sent under them may be those it holds."""
        sent = self._terms.sent
        most = max((span.last for span in sent), default=0)
        return common(self._verdicts.held(most), sent)

    def _move(self, row: Row, *, waiting: int = 0) -> None:
        """Count a row that left its place, and perhaps waits under another number."""
        self.waiting_change += waiting - row.is_waiting
        self.kept_change -= not row.is_waiting

    def _recall(self) -> int:
        """What the server does not hold is sent again, with its old number and signature.

        So is what counts as lost there and was found here: another device of this identity said
        that it is lost.
        """
        if not self._terms.is_newest:
            return 0
        kept_there = tuple(one.id for one in self._ack.refused if is_kept_there(one))
        missing = self._verdicts.missing(self._verdicts.own_seq)
        count = kept.recall(self._db, [*missing, *self._verdicts.lost], but=kept_there)
        self.waiting_change += count
        self.kept_change -= count
        return count

    def _skip_held(self) -> None:
        """Go on above what the server holds; in a set-aside file that is another device's."""
        held_seq, head = self._verdicts.held_seq, self._chain.head(self._db)
        if not self._terms.is_answer:
            self._chain.skip_to(self._db, held_seq, is_open=False)
        elif held_seq > head.seq:
            self._chain.set_head(self._db, ChainHead(held_seq, head.hash, is_event=False))

    def _state_gaps(self) -> int:
        """State what neither side has: one signed event for each span, once.

        Not of a set-aside file: another device may have that identity now, and what it has not
        delivered yet is not lost.
        """
        if not (self._terms.is_newest and self._chain.signer.is_own) or self._terms.is_answer:
            return 0
        missing = self._verdicts.missing(self._verdicts.own_seq)
        unstated = gaps.unstated(self._db, missing)
        for gap in unstated[: gaps.MOST_STATED]:
            draft = gap_event(gap, self._clock.reading(), self._chain.signer.kiosk_id)
            gaps.note_stated(self._db, self._chain.add(self._db, draft).seq, gap)
        if len(unstated) <= gaps.MOST_STATED:
            self._name_the_head()
            gaps.close_known(self._db, self._verdicts.known_through)
        count = min(len(unstated), gaps.MOST_STATED)
        self.waiting_change += count
        return count

    def _name_the_head(self) -> None:
        """Make an event where numbers were skipped up to one that the server has.

        A watermark names the hash of the newest event, which is not known here. The server has
        that event, so a gap event about its number changes nothing there. Not so after numbers
        that the server knew and we did not: two devices of one identity would drive each other on.
        """
        head = self._chain.head(self._db)
        is_lost_here = not head.is_event and gaps.is_any_open(self._db, head.seq)
        if not (is_lost_here and self._ack.covers(head.seq)):
            return
        gap = GapSpan(first=head.seq, last=head.seq, reason=GapReason.DAMAGED)
        self._chain.add(
            self._db, gap_event(gap, self._clock.reading(), self._chain.signer.kiosk_id)
        )
        self.waiting_change += 1

    def _remember(self, *, is_changed: bool) -> None:
        """Write down how new the ack is; not for each one, as that would wear the disk out."""
        if not self._terms.is_newest:
            return
        self._db.execute(
            "UPDATE chain SET heard_ms = ? WHERE ? OR abs(heard_ms - ?) > ?",
            (self._at_ms, is_changed, self._at_ms, _HOUR_MS),
        )


def whole(row: Row) -> RawEvent | None:
    """Return the event of a row exactly as it was hashed; None where its text is damaged."""
    try:
        raw: RawEvent = json.loads(row.body)
        is_of_row = (raw["id"], raw["seq"]) == (row.id, row.seq)
        return raw if is_of_row and raw["hash"] == signing.event_hash(raw) else None
    except (ValueError, KeyError, TypeError, AttributeError, ProtocolError):
        return None


def is_signed_by(raw: RawEvent, key: Ed25519PrivateKey) -> bool:
    """Return whether this key signed the event."""
    try:
        signing.verify_event(raw, key.public_key())
    except ProtocolError:
        return False
    return True


def spoil(db: sqlite3.Connection, row: Row, clock: Clock) -> None:
    """Put an event apart whose text is damaged, and state its number as gone later."""
    kept.keep_refused(db, row, GapReason.DAMAGED.value, clock.reading().at)
    lost = gaps.Gone(row.seq, row.seq, row.at_ms, row.at_ms, GapReason.DAMAGED.value)
    gaps.lost(db, lost, is_open=True)
