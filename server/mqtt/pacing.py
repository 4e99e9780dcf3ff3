"""How fast the server takes in what one kiosk sends: a kiosk that floods it slows itself alone.

A kiosk may save up a burst and then goes at a steady rate. What comes faster waits, unread and
unanswered: its ack is late, and nothing is refused. So little may wait that the broker's window
stays free for others. More is dropped; the kiosk has it until an ack says otherwise, and sends it
again.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from server.mqtt.link import Arrival

#: As many batches as a kiosk has on their way at once.
MOST_OF_ONE = 4
#: The broker has 100 messages on their way to us (`server.mqtt.mosquitto`).
MOST_WAITING = 40
#: Kiosks that are remembered; one that is forgotten has its burst again.
_MOST_KNOWN = 20_000
_MARGIN_S = 0.001

_WAITING = Gauge("rollcall_ingest_paced_batches", "Batches of kiosks over their rate that wait")
_DROPPED = Counter(
    "rollcall_ingest_paced_dropped", "Batches of kiosks over their rate that they must send again"
)


@dataclass
class _Account:
    """What a kiosk may still send; at zero and below it has to wait."""

    events: float
    at_s: float


class Pacing:
    """Accounts of all kiosks. Used by the one thread of the writer.

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
        self._waiting: dict[str, deque[Arrival]] = {}

    def admit(self, arrival: Arrival) -> bool:
        """Say whether to take it in now. False: it waits, and comes with `ripe`."""
        kiosk_id = arrival.address.kiosk_id
        if kiosk_id not in self._waiting and self._account(kiosk_id).events > 0:
            return True
        self._waiting.setdefault(kiosk_id, deque()).append(arrival)
        self._count()
        return False

    def surplus(self) -> list[Arrival]:
        """Return what may not wait any longer: the newest of those that wait too many."""
        found = []
        for own in self._waiting.values():
            while len(own) > MOST_OF_ONE:
                found.append(own.pop())
        while sum(map(len, self._waiting.values())) > MOST_WAITING:
            kiosk_id = max(self._waiting, key=lambda one: len(self._waiting[one]))
            found.append(self._waiting[kiosk_id].pop())
            self._forget_empty(kiosk_id)
        _DROPPED.inc(len(found))
        self._count()
        return found

    def ripe(self) -> list[Arrival]:
        """Return the oldest batch of each kiosk whose turn has come."""
        found = []
        for kiosk_id in list(self._waiting):
            if self._account(kiosk_id).events > 0:
                found.append(self._waiting[kiosk_id].popleft())
                self._forget_empty(kiosk_id)
        self._count()
        return found

    def due_in_s(self) -> float | None:
        """Return when the next one is ripe; None: none waits."""
        debts = [-self._account(one).events for one in self._waiting]
        return max(0.0, min(debts)) / self._rate + _MARGIN_S if debts else None

    def spend(self, kiosk_id: str, events: int) -> None:
        """Note what is taken in. A batch costs something even where it is empty."""
        self._account(kiosk_id).events -= max(events, 1)

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

    def _forget_empty(self, kiosk_id: str) -> None:
        if not self._waiting[kiosk_id]:
            del self._waiting[kiosk_id]

    def _count(self) -> None:
        _WAITING.set(sum(map(len, self._waiting.values())))
