"""Which ack is the newest, by the server's clock, and what if that clock was set back."""

from dataclasses import dataclass
from datetime import datetime

_ENOUGH = 3
_SPREAD_S = 60.0
_PACE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Older:
    """An ack that looked older than one before it, and when it was heard (monotonic)."""

    server_time: datetime
    heard_s: float

    def fits(self, later: "_Older") -> bool:
        """Return whether the server's clock and ours moved alike between two acks."""
        server_s = (later.server_time - self.server_time).total_seconds()
        return abs(server_s - (later.heard_s - self.heard_s)) <= _PACE_S


class AckOrder:
    """Tells the newest word of the server from an old ack that a broker delivered late.

    Acks that a broker held back come in one burst. Acks of a server whose clock was set back come
    one after the other, at the pace of our own clock: three of them, a minute apart or more from
    first to last, are believed.

    Args:
        newest: server time of the newest ack that was heard before a restart.
    """

    def __init__(self, newest: datetime | None) -> None:
        self.newest = newest
        self._older: list[_Older] = []

    def is_newest(self, server_time: datetime, heard_s: float) -> bool:
        """Return whether an ack says what the server holds now; remembers it.

        Args:
            server_time: of the ack.
            heard_s: the monotonic clock now.
        """
        if (
            self.newest is None
            or server_time >= self.newest
            or self._is_set_back(_Older(server_time, heard_s))
        ):
            self.believe(server_time)
            return True
        return False

    def believe(self, server_time: datetime) -> None:
        """Remember an ack that is known to be of now: it answered a request of ours."""
        self.newest = server_time
        self._older = []

    def _is_set_back(self, ack: _Older) -> bool:
        if self._older and not self._older[0].fits(ack):
            self._older = []
        self._older.append(ack)
        spread_s = ack.heard_s - self._older[0].heard_s
        return len(self._older) >= _ENOUGH and spread_s >= _SPREAD_S
