"""The kiosk's clock: the system's, its offset against the server, and how far to trust it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kiosk.domain.clock import ClockReading
from protocol.v1.messages import ClockSource

_NTP_MARK = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at each synchronisation since boot. Source: systemd-timesyncd(8)."""
_RTC_DEVICE = Path("/dev/rtc0")
_FRESH_S = 7 * 24 * 3600.0
"""A quartz drifts some seconds a day; after a week without the server its word has worn off."""
_JUMP_S = 5.0


@dataclass(frozen=True, slots=True)
class _Measurement:
    """Server time minus kiosk time, with the moment it was taken on both of our clocks."""

    offset_ms: int
    at_monotonic_s: float
    wall_minus_monotonic_s: float


class SystemClock:
    """Wall clock and monotonic clock of this machine, compared with the server's.

    The wall clock is never set or corrected here: readings state the offset. When the wall clock
    is stepped after a measurement, the offset moves with it.
    """

    def __init__(self, ntp_mark: Path = _NTP_MARK, rtc_device: Path = _RTC_DEVICE) -> None:
        self._ntp_mark = ntp_mark
        self._rtc_device = rtc_device
        self._measured: _Measurement | None = None

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def reading(self) -> ClockReading:
        """The wall clock now, with its quality."""
        now = datetime.now(UTC)
        measured = self._measured
        if measured is None:
            return ClockReading(now, self._source(None))
        age_s = self.monotonic_s() - measured.at_monotonic_s
        stepped_s = _wall_minus_monotonic_s() - measured.wall_minus_monotonic_s
        stepped_ms = round(stepped_s * 1000) if abs(stepped_s) >= _JUMP_S else 0
        return ClockReading(now, self._source(age_s), measured.offset_ms - stepped_ms, age_s)

    def compare(self, server_time: datetime, *, sent_at_s: float, received_at_s: float) -> None:
        """Take in the server's time from an answer.

        Args:
            server_time: what the server's clock said while it answered (UTC).
            sent_at_s: our monotonic clock when the request left.
            received_at_s: our monotonic clock when the answer was here.
        """
        wall_minus_monotonic_s = _wall_minus_monotonic_s()
        middle_s = (sent_at_s + received_at_s) / 2 + wall_minus_monotonic_s
        offset_ms = round((server_time.timestamp() - middle_s) * 1000)
        self._measured = _Measurement(offset_ms, received_at_s, wall_minus_monotonic_s)

    def _source(self, age_s: float | None) -> ClockSource:
        if self._ntp_mark.exists():
            return ClockSource.NTP
        if age_s is not None and age_s < _FRESH_S:
            return ClockSource.SERVER
        return ClockSource.RTC if self._rtc_device.exists() else ClockSource.UNSYNCED


def _wall_minus_monotonic_s() -> float:
    return time.time() - time.monotonic()
