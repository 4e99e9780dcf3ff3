"""Requests with a device token that this server does not know, counted by address."""

import logging
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

logger = logging.getLogger(__name__)

#: A kiosk asks every minute; after this long without a request it is gone or claimed.
REMEMBERED_FOR = timedelta(minutes=15)
#: More addresses than this are not remembered, so that nobody can fill the memory.
MOST_ADDRESSES = 50


@dataclass(frozen=True)
class Stranger:
    """An address from which an unknown device asks.

    Attributes:
        address: of the client, as the server sees it.
        count: refused requests.
        last_at: the newest of them, UTC.
    """

    address: str
    count: int
    last_at: datetime


class Strangers:
    """Keeps the last refused requests in memory. Safe to share between threads.

    After a restore of an older database a claimed kiosk is unknown here; this is how an admin
    learns of it. No token is kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_address: dict[str, Stranger] = {}

    def note(self, address: str, at: datetime) -> None:
        """Count one refused request."""
        with self._lock:
            self._forget(at)
            known = self._by_address.pop(address, None)
            if known is None:
                logger.warning("unknown device refused address=%s", address)
                known = Stranger(address, 0, at)
            # The newest stands last, so the first is the one to drop.
            self._by_address[address] = replace(known, count=known.count + 1, last_at=at)
            if len(self._by_address) > MOST_ADDRESSES:
                del self._by_address[next(iter(self._by_address))]

    def recent(self, at: datetime) -> list[Stranger]:
        """Return the addresses from which unknown devices ask now, newest request first."""
        with self._lock:
            self._forget(at)
            return list(reversed(self._by_address.values()))

    def _forget(self, at: datetime) -> None:
        gone = [
            address
            for address, one in self._by_address.items()
            if one.last_at + REMEMBERED_FOR <= at
        ]
        for address in gone:
            del self._by_address[address]
