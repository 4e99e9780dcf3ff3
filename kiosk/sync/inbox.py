"""What arrives for the uploader: the one queue that MQTT callbacks and recorders put into."""

import queue
from dataclasses import dataclass

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message from the broker: its channel (ack, hint) and its bytes, not yet looked at."""

    channel: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The link to the broker came up or went down."""

    is_up: bool


@dataclass(frozen=True, slots=True)
class Woken:
    """There is something to send, or it is time to stop."""


Item = Arrived | LinkChanged | Woken


class Inbox:
    """A bounded queue that never makes its writers wait.

    When it is full the newest item is dropped: acks come again when events are sent again, and
    hints are only hints.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[Item] = queue.Queue(_MOST)

    def put(self, item: Item) -> None:
        """Leave an item and go."""
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            return

    def take(self, timeout_s: float) -> list[Item]:
        """Everything there is; waits for a first item at most this long."""
        items: list[Item] = []
        try:
            items.append(self._queue.get(timeout=timeout_s))
            while True:
                items.append(self._queue.get_nowait())
        except queue.Empty:
            return items
