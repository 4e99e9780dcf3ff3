"""What waits of a kiosk that floods the broker: it slows itself alone.

What comes faster than `server.attendance.pace` allows waits, unread and unanswered: its ack is
late, and nothing is refused. So little may wait that the broker's window stays free for others.
More is dropped; the kiosk has it until an ack says otherwise, and sends it again.
"""

from collections import deque

from prometheus_client import Counter, Gauge

from server.attendance.pace import IngestPace
from server.mqtt.link import Arrival

#: As many batches as a kiosk has on their way at once.
MOST_OF_ONE = 4
#: The broker has 100 messages on their way to us (`server.mqtt.mosquitto`).
MOST_WAITING = 40
_MARGIN_S = 0.001

_WAITING = Gauge("rollcall_ingest_paced_batches", "Batches of kiosks over their rate that wait")
_DROPPED = Counter(
    "rollcall_ingest_paced_dropped", "Batches of kiosks over their rate that they must send again"
)


class Pacing:
    """The batches of all kiosks that wait. Used by the one thread of the writer.

    Args:
        pace: the accounts, which requests of kiosks use too.
    """

    def __init__(self, pace: IngestPace) -> None:
        self._pace = pace
        self._waiting: dict[str, deque[Arrival]] = {}

    def admit(self, arrival: Arrival) -> bool:
        """Say whether to take it in now. False: it waits, and comes with `ripe`."""
        kiosk_id = arrival.address.kiosk_id
        if kiosk_id not in self._waiting and self._pace.due_in_s(kiosk_id) is None:
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
            if self._pace.due_in_s(kiosk_id) is None:
                found.append(self._waiting[kiosk_id].popleft())
                self._forget_empty(kiosk_id)
        self._count()
        return found

    def due_in_s(self) -> float | None:
        """Return when the next one is ripe; None: none waits."""
        waits_s = [self._pace.due_in_s(one) or 0.0 for one in self._waiting]
        return min(waits_s) + _MARGIN_S if waits_s else None

    def spend(self, kiosk_id: str, events: int) -> None:
        """Note what is taken in."""
        self._pace.spend(kiosk_id, events)

    def _forget_empty(self, kiosk_id: str) -> None:
        if not self._waiting[kiosk_id]:
            del self._waiting[kiosk_id]

    def _count(self) -> None:
        _WAITING.set(sum(map(len, self._waiting.values())))
