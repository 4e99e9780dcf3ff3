"""How many events of one kiosk the server takes in, over MQTT and over HTTP together.

A kiosk may save up a burst and then goes at a steady rate. What comes faster is not refused for
good: it waits at the kiosk, or unread in the server, and is taken in later.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from prometheus_client import Counter

from protocol.v1.messages import MAX_RETRY_AFTER_S
from server.errors import TooManyEventsError

#: Kiosks that are remembered; one that is forgotten has its burst again.
_MOST_KNOWN = 20_000
_LEAST_EVENT_BYTES = 1024

_HELD_BACK = Counter(
    "rollcall_ingest_paced_answers", "Batches over HTTP that got 429: their kiosks send them again"
)


@dataclass
class _Account:
    """What a kiosk may still send; at zero and below it has to wait."""

    events: float
    at_s: float


class IngestPace:
    """The accounts of all kiosks in this server process. Safe from any thread.

    Args:
        rate: events a second, of one kiosk.
        burst: events that a kiosk may send at once after a pause.
        clock_s: monotonic.
    """

    def __init__(
        self, rate: float, burst: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock_s = clock_s
        self._accounts: dict[str, _Account] = {}
        self._lock = Lock()

    def due_in_s(self, kiosk_id: str) -> float | None:
        """Return how long the next batch of a kiosk has to wait, seconds; None: not at all."""
        with self._lock:
            return self._due_in_s(self._account(kiosk_id))

    def spend(self, kiosk_id: str, events: int) -> None:
        """Note what is taken in. A batch costs something even where it is empty."""
        with self._lock:
            self._account(kiosk_id).events -= max(events, 1)

    def take(self, kiosk_id: str, payload: bytes) -> None:
        """Note that a batch which came over HTTP is taken in now.

        Raises:
            TooManyEventsError: the kiosk is over its rate; nothing was noted.
        """
        with self._lock:
            account = self._account(kiosk_id)
            due_in_s = self._due_in_s(account)
            if due_in_s is None:
                account.events -= events_in(payload)
                return
        _HELD_BACK.inc()
        raise _too_many(due_in_s)

    def _due_in_s(self, account: _Account) -> float | None:
        return None if account.events > 0 else -account.events / self._rate

    def _account(self, kiosk_id: str) -> _Account:
        at_s = self._clock_s()
        account = self._accounts.pop(kiosk_id, None)
        if account is None:
            account = _Account(self._burst, at_s)
            if len(self._accounts) >= _MOST_KNOWN:
                del self._accounts[next(iter(self._accounts))]  # unheard for longest
        account.events = min(self._burst, account.events + (at_s - account.at_s) * self._rate)
        account.at_s = at_s
        self._accounts[kiosk_id] = account
        return account


def _too_many(due_in_s: float) -> TooManyEventsError:
    """Ask for the next whole second after that: then the account is above zero."""
    wait_s = min(MAX_RETRY_AFTER_S, math.floor(due_in_s) + 1)
    error = TooManyEventsError(retry_after_s=wait_s)
    error.retry_after_s = wait_s
    return error


def events_in(payload: bytes) -> int:
    """Return about how many events a batch holds, before it is read; at least 1."""
    return max(1, payload.count(b'"prev_hash"'), len(payload) // _LEAST_EVENT_BYTES)
