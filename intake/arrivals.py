"""How fast a body arrives: its rate of the last seconds, and the time by which more must come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.limits import BodyLimits

_SLOTS = 10
"""Parts of the window in which bytes are counted together, so that the count stays small."""


class Arrivals:
    """When the bytes of one body arrive. All times are seconds of one clock.

    Attributes:
        started_s: when the body began.
        deadline_s: when it fails unless more arrives.
    """

    def __init__(self, limits: BodyLimits, started_s: float) -> None:
        self.started_s = started_s
        self.deadline_s = started_s + limits.grace_s
        self._limits = limits
        self._slot_s = limits.window_s / _SLOTS
        self._slots: deque[tuple[int, int]] = deque(maxlen=_SLOTS + 2)

    def add(self, size_bytes: int, now_s: float) -> None:
        """Count bytes. They move the deadline, but never beyond `grace_s` from now."""
        limits = self._limits
        earned_s = self.deadline_s + size_bytes / limits.bytes_per_s
        self.deadline_s = min(earned_s, now_s + limits.grace_s)
        slot = int(now_s / self._slot_s)
        if self._slots and self._slots[-1][0] == slot:
            size_bytes += self._slots.pop()[1]
        self._slots.append((slot, size_bytes))

    def rate(self, now_s: float) -> float:
        """Return the bytes a second of the window, or since the start of a younger body."""
        return self._recent_bytes(now_s) / max(self._measured_s(now_s), 1e-9)

    def is_slow(self, now_s: float) -> bool:
        """Return whether less arrived within the window than the rate asks for.

        The first `settle_s` of the window ask for nothing, so bytes that come in bursts with
        shorter pauses count as steady.
        """
        wanted_s = self._measured_s(now_s) - self._limits.settle_s
        return self._recent_bytes(now_s) < self._limits.bytes_per_s * wanted_s

    def _recent_bytes(self, now_s: float) -> int:
        oldest = int((now_s - self._limits.window_s) / self._slot_s)
        return sum(size for slot, size in self._slots if slot >= oldest)

    def _measured_s(self, now_s: float) -> float:
        return min(now_s - self.started_s, self._limits.window_s)
