"""A circuit breaker: after enough failures in a row, stop asking for a while."""

import threading
from collections.abc import Callable
from enum import Enum, auto


class _State(Enum):
    CLOSED = auto()
    OPEN = auto()
    PROBING = auto()


class CircuitBreaker:
    """Counts consecutive failures of one remote service. Safe to share between threads.

    Opens at `failure_limit` failures in a row. After `rest_s` seconds one caller may try; its
    success closes the circuit, its failure opens it for another rest.

    Source: feature SD8, 5 failures and 60 s.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        failure_limit: int = 5,
        rest_s: float = 60.0,
    ) -> None:
        self._monotonic = monotonic
        self._failure_limit = failure_limit
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._state = _State.CLOSED
        self._failures = 0
        self._opened_at_s = 0.0
        self._probe_at_s = 0.0

    def try_acquire(self) -> bool:
        """Whether a call may be made now. Each True must be followed by `succeed` or `fail`."""
        with self._lock:
            if self._state is _State.CLOSED:
                return True
            if not self._may_probe():
                return False
            self._state = _State.PROBING
            self._probe_at_s = self._monotonic()
            return True

    def succeed(self) -> bool:
        """A call went well. Returns whether this closed the circuit."""
        with self._lock:
            was_closed = self._state is _State.CLOSED
            self._state = _State.CLOSED
            self._failures = 0
            return not was_closed

    def fail(self) -> bool:
        """A call failed. Returns whether this opened a closed circuit."""
        with self._lock:
            self._failures += 1
            was_closed = self._state is _State.CLOSED
            if was_closed and self._failures < self._failure_limit:
                return False
            self._state = _State.OPEN
            self._opened_at_s = self._monotonic()
            return was_closed

    @property
    def is_open(self) -> bool:
        """Whether `try_acquire` would say no."""
        with self._lock:
            return self._state is not _State.CLOSED and not self._may_probe()

    def _may_probe(self) -> bool:
        # A probe whose caller died is given up after another rest.
        since_s = self._opened_at_s if self._state is _State.OPEN else self._probe_at_s
        return self._monotonic() - since_s >= self._rest_s
