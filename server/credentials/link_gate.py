"""How often the page of a link may be asked for: links are secret, but the page is open to all."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

WINDOW_S = 60.0
#: The page asks every 20 s; a person may have it open on several devices, and reload it.
MOST_OF_A_LINK = 60
#: Wrong links of one address. A right one is always answered, so nobody is kept out by others.
MOST_WRONG_OF_AN_ADDRESS = 60
MOST_REMEMBERED = 5000


class LinkGate:
    """Counts in memory, which is bounded. Safe to share between threads.

    Args:
        monotonic: seconds.
        most_remembered: links and addresses; the one that was quiet longest is forgotten first.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, most_remembered: int = MOST_REMEMBERED
    ) -> None:
        self._monotonic = monotonic
        self._most_remembered = most_remembered
        self._lock = threading.Lock()
        self._counts: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def wait_of_link(self, token: str) -> int:
        """Count a look at a link's page; returns the seconds to wait, 0: none."""
        return self._count(f"link:{token}", MOST_OF_A_LINK)

    def wait_of_wrong_link(self, address: str) -> int:
        """Count a link that does not exist; returns the seconds that its address has to wait."""
        return self._count(f"address:{address}", MOST_WRONG_OF_AN_ADDRESS)

    def _count(self, name: str, most: int) -> int:
        key, at = hashlib.sha256(name.encode()).digest(), self._monotonic()
        with self._lock:
            start, count = self._counts.pop(key, (at, 0))
            if at >= start + WINDOW_S:
                start, count = at, 0
            self._counts[key] = (start, count + 1)
            if len(self._counts) > self._most_remembered:
                self._counts.popitem(last=False)
        return max(1, round(start + WINDOW_S - at)) if count >= most else 0
