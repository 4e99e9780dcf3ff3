"""When an accelerator that failed may be tried again. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_MINUTE_S = 60.0


@dataclass(frozen=True)
class LadderPolicy:
    """Patience and limits of the ladder.

    Attributes:
        inference_deadline_s: longest time of one run before the CPU takes over.
        start_deadline_s: longest time to open the delegate, and of each run of the check at the
            start: the first loads firmware over USB.
        min_cosine: below it the accelerator computes something else than the CPU.
        first_retry_s: pause after a failure; doubles with each that follows.
        longest_retry_s: and no longer than this.
        settled_s: a failure after serving so long counts as the first one again.
        starts_per_minute: processes started in any minute, at most.
        poll_s: how often it is looked whether the device is there.
    """

    inference_deadline_s: float = 0.25
    start_deadline_s: float = 20.0
    min_cosine: float = 0.98
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0
    settled_s: float = 60.0
    starts_per_minute: int = 4
    poll_s: float = 2.0


class Attempts:
    """Keeps count of starts and failures. Times are of one monotonic clock, seconds."""

    def __init__(self, policy: LadderPolicy) -> None:
        self._policy = policy
        self._starts: deque[float] = deque(maxlen=policy.starts_per_minute)
        self._failures = 0
        self._serving_since_s: float | None = None
        self._retry_at_s = float("-inf")

    def note_start(self, now_s: float) -> None:
        """A process is started."""
        self._starts.append(now_s)

    def note_success(self, now_s: float) -> None:
        """It serves."""
        self._serving_since_s = now_s

    def note_failure(self, now_s: float, *, is_lasting: bool = False) -> None:
        """It failed, at the start or later.

        Args:
            now_s: when.
            is_lasting: it will hardly be otherwise next time: wait as long as allowed.
        """
        served_s = 0.0 if self._serving_since_s is None else now_s - self._serving_since_s
        self._serving_since_s = None
        self._failures = 1 if served_s >= self._policy.settled_s else self._failures + 1
        doubled_s = self._policy.first_retry_s * 2.0 ** min(self._failures - 1, 32)
        pause_s = min(doubled_s, self._policy.longest_retry_s)
        self._retry_at_s = now_s + (self._policy.longest_retry_s if is_lasting else pause_s)

    def note_return(self) -> None:
        """The device was plugged in anew: what it did before does not count."""
        self._failures = 0
        self._retry_at_s = float("-inf")

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next start is allowed, 0 for now."""
        allowed_at_s = self._retry_at_s
        if len(self._starts) == self._policy.starts_per_minute:
            allowed_at_s = max(allowed_at_s, self._starts[0] + _MINUTE_S)
        return max(0.0, allowed_at_s - now_s)
