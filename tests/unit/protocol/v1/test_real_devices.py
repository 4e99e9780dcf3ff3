"""Numbers that real devices send stay within the limits of the protocol and are used."""

from datetime import UTC, datetime, timedelta

import pytest

from protocol.v1.events import ClockStamp
from protocol.v1.fields import parse_message
from protocol.v1.messages import Status, corrected_time

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
CLOCKS = [
    pytest.param(NOW - timedelta(minutes=20), id="no battery-backed clock, restarted"),
    pytest.param(NOW + timedelta(minutes=20), id="ahead"),
    pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="never set"),
    pytest.param(datetime(2000, 1, 1, tzinfo=UTC), id="battery-backed clock, battery empty"),
    pytest.param(datetime(2099, 12, 31, tzinfo=UTC), id="battery-backed clock, two digits"),
    pytest.param(datetime(2199, 12, 31, tzinfo=UTC), id="battery-backed clock, century bit"),
    pytest.param(datetime(2262, 4, 11, tzinfo=UTC), id="last moment of the kernel's clock"),
]


@pytest.mark.parametrize("clock", CLOCKS)
def test_an_offset_of_any_clock_is_taken_and_applied(clock: datetime) -> None:
    offset_ms = (NOW - clock) / timedelta(milliseconds=1)
    sent = Status(online=True, clock_source="rtc", clock_offset_ms=offset_ms)
    assert parse_message(Status, sent.to_json()).clock_offset_ms == offset_ms
    stamp = ClockStamp(source="rtc", offset_ms=offset_ms)
    assert corrected_time(clock, stamp.source, stamp.offset_ms) == NOW


@pytest.mark.parametrize("years", [0, 1, 30])
def test_uptime_and_age_of_a_device_that_ran_for_years_are_taken(years: int) -> None:
    seconds = years * 365.25 * 86_400
    stamp = ClockStamp(source="server", age_s=seconds, uptime_s=seconds, boot_id=BOOT_ID)
    assert (stamp.age_s, stamp.uptime_s) == (seconds, seconds)
    assert Status(online=True, uptime_s=seconds).uptime_s == seconds


BOOT_ID = "3f2a8c3e-5f0b-4a53-9d1c-0b8f6f2a7c11"
"""As the kernel writes it. Source: random(4), /proc/sys/kernel/random/boot_id."""


def test_a_backlog_of_a_million_and_a_long_chain_are_taken() -> None:
    sent = Status(online=True, backlog=1_000_000, last_seq=2**53 - 1, gallery_version=2**52)
    assert parse_message(Status, sent.to_json()) == sent
