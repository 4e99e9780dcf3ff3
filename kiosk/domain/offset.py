"""How the kiosk learns the time from its server, and what it may claim about it.

The start of the present boot is dated by the server's clock. Time since that start comes from a
clock that nobody steps, so a step of the wall clock changes nothing that was learned.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from protocol.v1.messages import ClockSource

LARGE_STEP_S = 300.0
"""Source: protocol.md, Clock: larger steps need two answers that agree."""
APART_S = 1.0
AGREE_S = 2.0
MAX_ROUND_TRIP_S = 10.0
"""An answer that took longer dates nothing: the server may have answered at any moment of it."""
FRESH_S = 7 * 24 * 3600.0
DRIFT = 1e-4
"""Seconds per second that a quartz may be off: some 9 s a day, twice what is usual."""
_RTC_RESOLUTION_S = 1.0
_RTC_TOLERANCE_S = 60.0
_OLDEST_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""This software is younger. A clock that says an earlier time was never set."""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """One look at the clocks of this machine.

    Attributes:
        wall_s: wall clock, seconds since 1970 UTC; anybody may step it.
        uptime_s: since the start of the system, sleep included; nobody steps it.
        boot_id: names this start of the system.
        is_ntp: the wall clock was set by NTP since that start.
        battery_s: the battery-backed clock, seconds since 1970; None where there is none.
    """

    wall_s: float
    uptime_s: float
    boot_id: str
    is_ntp: bool = False
    battery_s: float | None = None


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """The server's time in a signed answer. Uptimes are of the kiosk, seconds.

    Attributes:
        server_s: the server's clock while it answered, seconds since 1970 UTC.
        sent_s: uptime when the request left.
        received_s: uptime when the answer was complete.
    """

    server_s: float
    sent_s: float
    received_s: float

    @property
    def error_s(self) -> float:
        """How far off `boot_at_s` can be if the server's clock is right."""
        return (self.received_s - self.sent_s) / 2

    @property
    def boot_at_s(self) -> float:
        """When this boot began by the server's clock, seconds since 1970 UTC."""
        return self.server_s - (self.sent_s + self.received_s) / 2

    @property
    def is_usable(self) -> bool:
        """Whether the answer was quick enough and states a time that can be."""
        round_trip_s = self.received_s - self.sent_s
        return 0 <= round_trip_s <= MAX_ROUND_TRIP_S and self.server_s >= _OLDEST_S


@dataclass(frozen=True, slots=True)
class Offset:
    """What was learned from the server.

    Attributes:
        boot_at_s: when this boot began by the server's clock, seconds since 1970 UTC.
        measured_s: uptime of the measurement; negative for one of an earlier boot.
        error_s: how far off it can have been then.
        is_carried: it was measured in an earlier boot; the battery-backed clock ran on.
    """

    boot_at_s: float
    measured_s: float
    error_s: float
    is_carried: bool = False

    def age_s(self, uptime_s: float) -> float:
        """Return how old the measurement is at an uptime."""
        return max(0.0, uptime_s - self.measured_s)

    def error_at(self, uptime_s: float) -> float:
        """Return how far off it can be at an uptime, drift included."""
        return self.error_s + DRIFT * self.age_s(uptime_s)


@dataclass(frozen=True, slots=True)
class KeptOffset:
    """An offset as it is kept over restarts, with the clocks at the moment it was written."""

    offset: Offset
    boot_id: str
    uptime_s: float
    battery_s: float | None


class OffsetStore(Protocol):
    """Where the offset is kept: `kiosk.storage.clock_file.ClockFile`."""

    def load(self) -> KeptOffset | None:
        """Return what was kept; None where nothing usable is there."""
        ...

    def save(self, kept: KeptOffset) -> None:
        """Keep it; a disk that refuses costs the offset at the next restart and nothing else."""
        ...


def restored(kept: KeptOffset, now: ClockFacts) -> Offset | None:
    """Return what a kept offset is worth now; None for nothing.

    Within one boot nothing is lost. After a restart of the system only a battery-backed clock
    knows how long the kiosk was off. A wall clock without one goes on from the time it saved last,
    which looks plausible and is wrong by the whole night.
    """
    if kept.boot_id == now.boot_id and kept.uptime_s <= now.uptime_s:
        return kept.offset
    if kept.battery_s is None or now.battery_s is None or kept.boot_id == now.boot_id:
        return None
    if kept.battery_s < _OLDEST_S:
        return None  # it starts in 1970 after each power cut, so it does not run on
    off_s = now.battery_s - kept.battery_s
    age_s = kept.offset.age_s(kept.uptime_s) + off_s
    if not 0 <= off_s <= age_s < FRESH_S:
        return None
    true_now_s = kept.offset.boot_at_s + kept.uptime_s + off_s
    error_s = kept.offset.error_s + _RTC_RESOLUTION_S
    return Offset(true_now_s - now.uptime_s, now.uptime_s - age_s, error_s, is_carried=True)


class OffsetRules:
    """Decides which answers change the kiosk's idea of the time.

    Attributes:
        offset: what is known now.
        first: the first of two answers that a large step needs.
    """

    def __init__(self, offset: Offset | None = None) -> None:
        self.offset = offset
        self.first: TimedAnswer | None = None

    def learn(self, answer: TimedAnswer, now: ClockFacts) -> bool:
        """Take in the time of a signed answer; True when the offset was measured anew."""
        if not answer.is_usable:
            return False
        known = self.offset
        boot_at_s = known.boot_at_s if known else now.wall_s - now.uptime_s
        step_s = abs(answer.boot_at_s - boot_at_s)
        if step_s > LARGE_STEP_S:
            return self._confirm(answer)
        self.first = None
        if known is not None and _is_no_better(answer, known, step_s):
            return False
        self._adopt(answer)
        return True

    def _confirm(self, answer: TimedAnswer) -> bool:
        first = self.first
        if first is None or abs(answer.boot_at_s - first.boot_at_s) > AGREE_S:
            self.first = answer
            return False
        if answer.sent_s - first.received_s < APART_S:
            return False
        self.first = None
        self._adopt(min(answer, first, key=lambda one: one.error_s))
        return True

    def _adopt(self, answer: TimedAnswer) -> None:
        self.offset = Offset(answer.boot_at_s, answer.received_s, answer.error_s)


def _is_no_better(answer: TimedAnswer, known: Offset, step_s: float) -> bool:
    """Say whether a slow answer only repeats, less exactly, what is known."""
    known_error_s = known.error_at(answer.received_s)
    return answer.error_s > known_error_s and step_s <= answer.error_s + known_error_s


def usable_offset(offset: Offset | None, now: ClockFacts) -> Offset | None:
    """Return the offset to state. NTP of this boot is worth more than one of an earlier boot."""
    return None if offset is not None and offset.is_carried and now.is_ntp else offset


def source_of(offset: Offset | None, now: ClockFacts) -> ClockSource:
    """Name what the time rests on, and nothing better.

    Args:
        offset: see `usable_offset`.
        now: the clocks.
    """
    if now.is_ntp:
        return ClockSource.NTP
    is_fresh = offset is not None and offset.age_s(now.uptime_s) < FRESH_S
    if is_fresh and offset is not None and not offset.is_carried:
        return ClockSource.SERVER
    is_carried = is_fresh and now.battery_s is not None
    return ClockSource.RTC if is_carried or _is_by_battery(now) else ClockSource.UNSYNCED


def _is_by_battery(now: ClockFacts) -> bool:
    """Say whether the wall clock shows the battery-backed clock's time, and that one was set."""
    if now.battery_s is None or now.battery_s < _OLDEST_S:
        return False
    tolerance_s = _RTC_TOLERANCE_S + 2 * DRIFT * now.uptime_s
    return abs(now.wall_s - now.battery_s) <= tolerance_s
