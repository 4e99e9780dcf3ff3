"""A clock for kiosk tests that moves only when told to."""

from datetime import UTC, datetime, timedelta

from kiosk.domain.clock import ClockReading
from protocol.v1.messages import ClockSource

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class ManualClock:
    """Implements the kiosk's Clock; wall and monotonic time move together by `advance`."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at
        self.source = ClockSource.NTP
        self.offset_ms: int | None = 0
        self.boot_id = "b1"
        self._monotonic_s = 1000.0

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def reading(self) -> ClockReading:
        age_s = None if self.offset_ms is None else 1.0
        return ClockReading(
            self.at, self.source, self.offset_ms, age_s, self.boot_id, self._monotonic_s
        )

    def monotonic_s(self) -> float:
        return self._monotonic_s
