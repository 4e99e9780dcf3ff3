"""How much room is left for records, and how far a clock is off: figures for technicians."""

from dataclasses import dataclass
from enum import StrEnum

from kiosk.domain.health import DiskHealth

NEARLY_FULL_SHARE = 0.8
"""From this share of the outbox's bound on, the kiosk warns."""
EVENT_BYTES = 1500
"""Most that an event takes on disk with its index. Source: docs/measurements/kiosk-files.md."""


def room_health(*, waiting: int, most: int, free_bytes: int) -> DiskHealth:
    """Judge the room for events before it runs out.

    Args:
        waiting: events in the outbox.
        most: how many may wait.
        free_bytes: free on the disk.
    """
    if waiting >= most:
        return DiskHealth.OUTBOX_FULL
    if waiting >= NEARLY_FULL_SHARE * most:
        return DiskHealth.OUTBOX_NEARLY_FULL
    is_short = free_bytes < (most - waiting) * EVENT_BYTES
    return DiskHealth.NEARLY_FULL if is_short else DiskHealth.OK


class TimeUnit(StrEnum):
    """A unit that people use for a length of time."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


_UNITS_MS = {TimeUnit.DAYS: 86_400_000, TimeUnit.HOURS: 3_600_000, TimeUnit.MINUTES: 60_000}
_LEAST = {TimeUnit.DAYS: 2, TimeUnit.HOURS: 2, TimeUnit.MINUTES: 1}
"""What is less than half a minute changes no status in a register."""


@dataclass(frozen=True, slots=True)
class ClockDifference:
    """How far two clocks are apart, in whole units, >= 1."""

    number: int
    unit: TimeUnit


def clock_difference(offset_ms: float | None) -> ClockDifference | None:
    """Return how far the clock is off; None where that changes no register."""
    size_ms = abs(offset_ms or 0)
    for unit, unit_ms in _UNITS_MS.items():
        number = round(size_ms / unit_ms)
        if number >= _LEAST[unit]:
            return ClockDifference(number, unit)
    return None
