"""The outbox as the uploader sees it."""

from dataclasses import dataclass
from typing import Protocol

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

    @property
    def oldest_seq(self) -> int | None:
        """The lowest number that waits; None where none does."""
        ...

    def pending(self, limit: int, *, after_seq: int = 0) -> list[RawEvent]:
        """The oldest waiting events above a number, exactly as they were signed."""
        ...

    def sent(self, through: int) -> None:
        """Note that every waiting event up to this number is on its way, or was answered."""
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
