"""Time as the kiosk knows it: a wall clock of stated quality and a monotonic one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from protocol.v1.messages import ClockSource, corrected_time, whole_ms


@dataclass(frozen=True, slots=True)
class ClockReading:
    """One reading of the wall clock, with its quality.

    Attributes:
        at: the kiosk's own wall clock, UTC, never corrected.
        source: what it was last set or checked by.
        offset_ms: server time minus kiosk time when last measured; None if never measured.
        age_s: seconds since that measurement; None if never measured.
        boot_id: names this start of the system; empty where it is not known.
        uptime_s: since that start, sleep included, by a clock that nobody steps (>= 0).
    """

    at: datetime
    source: ClockSource
    offset_ms: int | None = None
    age_s: float | None = None
    boot_id: str = ""
    uptime_s: float = 0.0

    @property
    def best_at(self) -> datetime:
        """The best estimate of the true time, UTC, ms: what the server counts an event at."""
        return corrected_time(self.recorded_at, self.source, self.offset_ms)

    @property
    def recorded_at(self) -> datetime:
        """What an event says as its time, UTC, ms.

        Where the time comes from the server it is the server's, as a kiosk without battery-backed
        clock and NTP has no other; else it is the wall clock as it stands. The offset is in the
        event either way, so that nothing is moved silently.
        """
        if self.source is not ClockSource.SERVER or self.offset_ms is None:
            return whole_ms(self.at)
        return whole_ms(self.at + timedelta(milliseconds=self.offset_ms))

    @property
    def is_trusted(self) -> bool:
        """Whether the best estimate rests on NTP or on the server's time."""
        is_bare = self.source in (ClockSource.UNSYNCED, ClockSource.RTC)
        return not is_bare or self.offset_ms is not None

    def earlier(self, seconds: float) -> "ClockReading":
        """The same reading as it was some seconds ago (>= 0)."""
        past = self.at - timedelta(seconds=seconds)
        uptime_s = max(0.0, self.uptime_s - seconds)
        return replace(self, at=past, uptime_s=uptime_s)


class Clock(Protocol):
    """Where the kiosk gets its time. Safe to call from any thread."""

    def reading(self) -> ClockReading:
        """The wall clock now, with its quality."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only ever grow; the origin means nothing."""
        ...
