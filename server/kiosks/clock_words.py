"""What the page of a kiosk says of its clock: where its time comes from, and how far it is off."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.v1.messages import ClockSource

#: Smaller differences are within what a measurement over a network can tell.
_NOTICEABLE_S = 5.0
#: Up to how many seconds a unit is used, and its length; so that none is ever "1".
_UNITS = (
    (90.0, 1.0, "seconds"),
    (90 * 60.0, 60.0, "minutes"),
    (48 * 3600.0, 3600.0, "hours"),
    (730 * 86400.0, 86400.0, "days"),
    (float("inf"), 365.25 * 86400.0, "years"),
)


@dataclass(frozen=True)
class ClockLine:
    """What is known of a kiosk's clock.

    Attributes:
        source: key of the translations under `kiosks.clock_source` where we know it.
        tone: ok, warn or quiet.
        text: key under `kiosks.clock_text`; empty where there is nothing to add.
        count: for the place in that text.
    """

    source: str
    tone: str
    text: str = ""
    count: int = 0


def clock_line(status: Mapping[str, Any] | None) -> ClockLine | None:
    """Return what a kiosk last said of its clock; None where it said nothing."""
    source, offset_ms = (status or {}).get("clock_source"), (status or {}).get("clock_offset_ms")
    if not isinstance(source, str):
        return None
    if source == ClockSource.RTC and offset_ms is None:
        return ClockLine("bare_rtc", "warn", "bare_rtc")
    if source == ClockSource.UNSYNCED:
        return ClockLine(source, "warn", "unsynced")
    if not isinstance(offset_ms, int | float) or abs(offset_ms) / 1000 < _NOTICEABLE_S:
        return ClockLine(source, "ok")
    text, count = _difference(offset_ms / 1000)
    return ClockLine(source, "ok", text, count)


def _difference(offset_s: float) -> tuple[str, int]:
    """Put the server's time minus the kiosk's into a key and a number, rounded."""
    direction = "behind" if offset_s > 0 else "ahead"
    for most_s, unit_s, unit in _UNITS[:-1]:
        if abs(offset_s) < most_s:
            return f"{direction}_{unit}", round(abs(offset_s) / unit_s)
    return f"{direction}_years", round(abs(offset_s) / _UNITS[-1][1])
