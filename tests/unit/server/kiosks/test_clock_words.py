"""What a kiosk's page says of its clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kiosks.clock_words import ClockLine, clock_line
from server.web.translations import translator

MINUTE = 60_000.0


def said(source: str | None, offset_ms: float | None = None) -> ClockLine | None:
    return clock_line({"clock_source": source, "clock_offset_ms": offset_ms})


@pytest.mark.parametrize(
    ("offset_ms", "text", "count"),
    [
        (4_900, "", 0),
        (-5_000, "ahead_seconds", 5),
        (89_000, "behind_seconds", 89),
        (2 * MINUTE, "behind_minutes", 2),
        (-20 * MINUTE, "ahead_minutes", 20),
        (60 * MINUTE, "behind_minutes", 60),
        (180 * MINUTE, "behind_hours", 3),
        (49 * 60 * MINUTE, "behind_days", 2),
        (56 * 365.25 * 24 * 60 * MINUTE, "behind_years", 56),
    ],
)
def test_offset_is_put_into_words(offset_ms: float, text: str, count: int) -> None:
    assert said("server", offset_ms) == ClockLine("server", "ok", text, count)


def test_a_bare_clock_is_a_source_of_its_own() -> None:
    assert said("rtc") == ClockLine("bare_rtc", "warn", "bare_rtc")
    assert said("rtc", 0.0) == ClockLine("rtc", "ok")


def test_a_clock_that_was_never_set_is_a_warning() -> None:
    assert said("unsynced") == ClockLine("unsynced", "warn", "unsynced")


@pytest.mark.parametrize("status", [None, {}, {"clock_source": None}])
def test_a_kiosk_that_said_nothing_has_no_line(status: dict[str, object] | None) -> None:
    assert clock_line(status) is None


@given(
    source=st.sampled_from(["ntp", "server", "rtc", "unsynced", "gps"]),
    offset_ms=st.none() | st.floats(-1e14, 1e14),
)
def test_everything_a_kiosk_may_say_has_words(source: str, offset_ms: float | None) -> None:
    line = said(source, offset_ms)
    assert line is not None
    assert line.count != 1
    for language in ("en", "ar"):
        assert not line.text or f"kiosks.clock_text.{line.text}" in translator(language).texts
