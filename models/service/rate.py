"""How many requests a key may send: a token bucket."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """Allows a steady rate, and bursts after a quiet time. Used by one thread at a time."""

    def __init__(
        self, per_minute: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start full.

        Args:
            per_minute: steady rate, > 0.
            burst: most requests at once, > 0.
            clock: monotonic seconds.
        """
        self._per_second = per_minute / 60.0
        self._burst = float(burst)
        self._clock = clock
        self._tokens = self._burst
        self._filled_at = clock()

    def take(self, count: int = 1) -> float:
        """Take tokens, if there are enough.

        More than the burst are given where the bucket is full. The next caller waits for them all.

        Args:
            count: tokens, >= 0.

        Returns:
            0 where there were enough; else seconds until there are, > 0. Waiting costs nothing.
        """
        now = self._clock()
        gained = (now - self._filled_at) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._filled_at = now
        needed = min(float(count), self._burst)
        if self._tokens >= needed:
            self._tokens -= count
            return 0.0
        return (needed - self._tokens) / self._per_second
