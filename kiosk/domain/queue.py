"""The outbox as the uploader sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kiosk.domain.spans import SeqSpan
from protocol.v1.messages import Ack, RawEvent


@dataclass(frozen=True, slots=True)
class Settled:
    """What an ack changed: counts of events.

    Attributes:
        stored: in the server's keeping from now on; they stay here for some days.
        refused: for good, and kept apart here.
        renumbered: got new numbers, as theirs were taken, and wait.
        again: the server lost them and they wait again.
        stated: spans that neither side has, stated in new events that wait.
    """

    stored: int = 0
    refused: int = 0
    renumbered: int = 0
    again: int = 0
    stated: int = 0


class EventQueue(Protocol):
    """Recorded events that wait for the server. Safe from any thread."""

    @property
    def waiting(self) -> int:
        """How many events the server has not acknowledged."""
        ...

    @property
    def refused(self) -> int:
        """How many events the server refused; they are kept."""
        ...

    @property
    def last_seq(self) -> int:
        """The newest number taken."""
        ...

    def newest_pending(self, limit: int, *, but: Sequence[SeqSpan] = ()) -> list[RawEvent]:
        """The newest waiting events outside of these numbers, in order, exactly as signed."""
        ...

    def is_any_waiting(self, span: SeqSpan) -> bool:
        """Return whether an event of these numbers waits."""
        ...

    def sent(self, through: int, *, first: int = 1) -> None:
        """Note that the waiting events from ``first`` to here are on their way, or answered."""
        ...

    def send_again(self) -> None:
        """Note that nothing is on its way any more: no ack counts until `sent` is called."""
        ...

    def settle(self, ack: Ack, *, is_answer: bool = False) -> Settled:
        """Do what the server's word on its holdings asks for; its signature was checked.

        Args:
            ack: what the server said.
            is_answer: it answers a request of just now, so no other ack can be newer.
        """
        ...
