"""The kiosk's clock: the system's, its offset against the server, and how far to trust it."""

import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kiosk.domain.clock import ClockReading
from kiosk.domain.offset import (
    APART_S,
    LARGE_STEP_S,
    ClockFacts,
    KeptOffset,
    Offset,
    OffsetRules,
    OffsetStore,
    TimedAnswer,
    restored,
    source_of,
    usable_offset,
)

logger = logging.getLogger(__name__)

_NTP_MARK = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd at each synchronisation since boot. Source: systemd-timesyncd(8)."""
_RTC_TIME = Path("/sys/class/rtc/rtc0/since_epoch")
"""Source: Documentation/admin-guide/rtc.rst of Linux."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC_PERIOD_S = 60.0
_KEEP_S = 900.0
_KEEP_STEP_S = 0.5


class ClockHardware(Protocol):
    """The clocks of this machine. Safe to call from any thread."""

    def look(self) -> ClockFacts:
        """Return all of them at one moment."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow."""
        ...


class Machine:
    """The clocks of this machine, as Linux shows them.

    Args:
        ntp_mark: exists once NTP has set the clock.
        rtc_time: holds the battery-backed clock's seconds since 1970.
        boot_id: holds the name of this start of the system.
    """

    def __init__(
        self, ntp_mark: Path = _NTP_MARK, rtc_time: Path = _RTC_TIME, boot_id: Path = _BOOT_ID
    ) -> None:
        self._ntp_mark = ntp_mark
        self._rtc_time = rtc_time
        self._boot_id = _read(boot_id) or str(uuid.uuid4())
        self._rtc: tuple[float, float | None] | None = None

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    def look(self) -> ClockFacts:
        """Return all clocks at one moment."""
        uptime_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        wall_s = time.time()
        is_ntp = self._ntp_mark.exists()
        return ClockFacts(wall_s, uptime_s, self._boot_id, is_ntp, self._battery_s(uptime_s))

    def _battery_s(self, uptime_s: float) -> float | None:
        """Return the battery-backed clock; it is slow to ask, so it is read once a minute."""
        if self._rtc is None or uptime_s - self._rtc[0] >= _RTC_PERIOD_S:
            text = _read(self._rtc_time)
            self._rtc = (uptime_s, float(text) if text.isdecimal() else None)
        read_s, battery_s = self._rtc
        return None if battery_s is None else battery_s + uptime_s - read_s


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class SystemClock:
    """This machine's clocks, compared with the server's. Safe from any thread.

    The wall clock is never set or corrected here: readings state the offset. When the wall clock
    is stepped after a measurement, the offset moves with it.

    Args:
        store: keeps the offset over restarts; None keeps it in memory alone.
        machine: the clocks.
    """

    def __init__(
        self, store: OffsetStore | None = None, machine: ClockHardware | None = None
    ) -> None:
        self._store = store
        self._machine = machine or Machine()
        self._lock = threading.Lock()
        self._asked_for: TimedAnswer | None = None
        kept = store.load() if store else None
        self._rules = OffsetRules(restored(kept, self._machine.look()) if kept else None)
        self._kept = kept if self._rules.offset else None

    def monotonic_s(self) -> float:
        """Return seconds that only ever grow."""
        return self._machine.monotonic_s()

    def uptime_s(self) -> float:
        """Return seconds since the system started, sleep included."""
        return self._machine.look().uptime_s

    def reading(self) -> ClockReading:
        """Return the wall clock now, with its quality."""
        with self._lock:
            now, offset = self._machine.look(), self._rules.offset
        offset = usable_offset(offset, now)
        at = datetime.fromtimestamp(now.wall_s, UTC)
        source = source_of(offset, now)
        if offset is None:
            return ClockReading(at, source, boot_id=now.boot_id, uptime_s=now.uptime_s)
        offset_ms = round((offset.boot_at_s + now.uptime_s - now.wall_s) * 1000)
        age_s = offset.age_s(now.uptime_s)
        return ClockReading(at, source, offset_ms, age_s, now.boot_id, now.uptime_s)

    def compare(self, server_time: datetime, *, sent_at_s: float, received_at_s: float) -> None:
        """Take in the server's time from a signed answer; see `kiosk.domain.offset`.

        Args:
            server_time: what the server's clock said while it answered (UTC).
            sent_at_s: `uptime_s` when the request left.
            received_at_s: `uptime_s` when the answer was here.
        """
        answer = TimedAnswer(server_time.timestamp(), sent_at_s, received_at_s)
        with self._lock:
            now, before = self._machine.look(), self._rules.offset
            step_s = answer.boot_at_s + now.uptime_s - _best_s(before, now)
            is_measured = self._rules.learn(answer, now)
            if self._rules.first is answer:
                logger.info("clock differs from the server's by %.0f s, second answer due", step_s)
            if is_measured:
                self._keep(now)
        if is_measured and abs(step_s) > LARGE_STEP_S:
            logger.info("clock offset changed by %.0f s, two answers agree", step_s)

    def is_answer_due(self) -> bool:
        """Say once that a second answer is due, as a large step of the time waits for it."""
        with self._lock:
            first = self._rules.first
            if first is None:
                self._asked_for = None
                return False
            waited_s = self._machine.look().uptime_s - first.received_s
            if self._asked_for is first or waited_s < APART_S:
                return False
            self._asked_for = first
            return True

    def _keep(self, now: ClockFacts) -> None:
        """Write the offset down when it changed, and every quarter of an hour."""
        offset = self._rules.offset
        if self._store is None or offset is None:
            return
        if self._kept is not None and self._kept.boot_id == now.boot_id:
            is_same = abs(self._kept.offset.boot_at_s - offset.boot_at_s) < _KEEP_STEP_S
            if is_same and now.uptime_s - self._kept.uptime_s < _KEEP_S:
                return
        self._kept = KeptOffset(offset, now.boot_id, now.uptime_s, now.battery_s)
        self._store.save(self._kept)


def _best_s(offset: Offset | None, now: ClockFacts) -> float:
    return now.wall_s if offset is None else offset.boot_at_s + now.uptime_s
