"""The outbox as the uploader sees it."""

from dataclasses import dataclass
from typing import Protocol

from protocol.v1.messages import Ack, RawEvent


@dataclass(frozen=True, slots=True)
class Settled:
    """What an ack changed: counts of events."""

    stored: int = 0
    refused: int = 0
    renumbered: int = 0


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

    def pending(self, limit: int, *, after_seq: int = 0) -> list[RawEvent]:
        """The oldest waiting events above a number, exactly as they were signed."""
        ...

    def settle(self, ack: Ack) -> Settled:
        """Let go of what the server has, keep apart what it refused."""
        ...
