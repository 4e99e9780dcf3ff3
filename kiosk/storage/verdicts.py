"""What an ack says: which numbers the server holds, which it does not, and why it refused some."""

from dataclasses import dataclass
from typing import NamedTuple

from kiosk.domain.spans import NO_END, SeqSpan
from protocol.v1.messages import Ack, EventRefusal, RefusalReason

__all__ = ["Row", "SeqSpan", "Verdicts"]


class Row(NamedTuple):
    """An event of the outbox as its table holds it."""

    seq: int
    id: str
    body: str
    at_ms: int | None
    delivered_ms: int | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the server has not said that it has the event."""
        return self.delivered_ms is None


_TEMPORARY = frozenset(
    {RefusalReason.BACKEND, RefusalReason.UNKNOWN_KIOSK, RefusalReason.REVOKED_KIOSK}
)
"""The event waits. Only a signed revocation ends a claim, and the outbox outlives it."""
_KEPT_THERE = frozenset(
    {
        RefusalReason.FUTURE,
        RefusalReason.BEFORE_CLAIM,
        RefusalReason.AFTER_CLAIM,
        RefusalReason.REUSED_ID,
    }
)
"""The server has the event: in quarantine, or under the number it had first."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """An ack, read for a chain whose newest number is ``own_seq``."""

    ack: Ack
    own_seq: int

    @property
    def held_seq(self) -> int:
        """The highest number that the server holds."""
        return max([self.ack.stored_through, *(run.last for run in self.ack.stored_beyond)])

    @property
    def is_server_ahead(self) -> bool:
        """The server holds numbers that were never given here, so what it covers is not ours."""
        return self.held_seq > self.own_seq

    @property
    def known_through(self) -> int:
        """The ack is silent about numbers above this."""
        known = self.ack.known_through
        return NO_END if known is None else known

    def covered(self, most: int) -> list[SeqSpan]:
        """Return the numbers in the server's keeping, up to ``most``; it may count some as lost."""
        runs = [(1, self.ack.stored_through), *((r.first, r.last) for r in self.ack.stored_beyond)]
        spans = [SeqSpan(first, min(last, most)) for first, last in runs]
        return [span for span in spans if span.last >= span.first]

    def held(self, most: int) -> list[SeqSpan]:
        """Return the numbers up to ``most`` whose events the server has."""
        spans = self.covered(most)
        for lost in self.lost:
            spans = [part for span in spans for part in _without(span, lost)]
        return spans

    @property
    def lost(self) -> list[SeqSpan]:
        """The numbers that count as lost at the server: it has no event of them."""
        return [SeqSpan(run.first, run.last) for run in self.ack.lost]

    def missing(self, most: int) -> list[SeqSpan]:
        """Return the numbers from 1 to ``most`` that the server says it does not hold."""
        found, after = [], 0
        for span in sorted(self.covered(NO_END)):
            found.append(SeqSpan(after + 1, span.first - 1))
            after = max(after, span.last)
        end = min(most, self.known_through)
        found.append(SeqSpan(after + 1, end))
        cut = [SeqSpan(span.first, min(span.last, end)) for span in found]
        return [span for span in cut if span.last >= span.first]

    @property
    def named(self) -> frozenset[str]:
        """Ids of the events that the ack refuses."""
        return frozenset(refusal.id for refusal in self.ack.refused)


def _without(span: SeqSpan, cut: SeqSpan) -> list[SeqSpan]:
    """Return what is left of a span beside another one."""
    below = SeqSpan(span.first, min(span.last, cut.first - 1))
    above = SeqSpan(max(span.first, cut.last + 1), span.last)
    parts = [below, above] if cut.first <= cut.last else [span]
    return [part for part in parts if part.last >= part.first]


def is_number_taken(refusal: EventRefusal, seq: int) -> bool:
    """Return whether the server holds another event of this number."""
    return refusal.reason == RefusalReason.FORK and refusal.seq in (None, seq)


def is_kept_there(refusal: EventRefusal) -> bool:
    """Return whether the server has the event although it refused it."""
    return refusal.reason in _KEPT_THERE


def is_final(refusal: EventRefusal) -> bool:
    """Return whether sending the event again cannot help."""
    return refusal.reason not in {*_TEMPORARY, *_KEPT_THERE, RefusalReason.FORK}
