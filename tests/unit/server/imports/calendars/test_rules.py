"""Weekly rules give the same lessons as the rules of RFC 5545 that a library works out."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # it has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imports.calendars.rules import Window, read_rule

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
BEGIN = datetime(2026, 8, 3, 8, 0, tzinfo=BERLIN)


@settings(max_examples=60, deadline=None)
@given(
    first=st.integers(0, 300),
    others=st.sets(st.sampled_from(DAYS), max_size=5),
    interval=st.sampled_from([1, 2]),
    end=st.sampled_from(["", "COUNT=1", "COUNT=7", "COUNT=40", "UNTIL=20270401"]),
    week_begins=st.sampled_from(["MO", "SU", "WE"]),
    window=st.tuples(st.integers(-100, 300), st.integers(0, 400)),
)
def test_a_weekly_rule_gives_what_the_standard_says(
    first: int,
    others: set[str],
    interval: int,
    end: str,
    week_begins: str,
    window: tuple[int, int],
) -> None:
    start = BEGIN + timedelta(days=first)
    days = ",".join(sorted({*others, DAYS[start.weekday()]}))
    rule = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={days};WKST={week_begins}"
    rule += f";{end}" if end else ""
    seen = Window(*(BEGIN.date() + timedelta(days=day) for day in (window[0], sum(window))))
    found = read_rule(rule, start).starts(start, seen)
    whole_day = rule.replace("20270401", "20270401T235959")
    every = rrulestr(whole_day, dtstart=start.replace(tzinfo=None))
    wanted = takewhile(lambda one: one.date() <= seen.last, every)
    assert [one.replace(tzinfo=None) for one in found] == [
        one for one in wanted if one.date() >= seen.first
    ]


@pytest.mark.parametrize("until", ["20261026T070000Z", "20261026T080000", "20261026"])
def test_the_last_moment_of_a_rule_counts_in_any_zone(until: str) -> None:
    start = datetime(2026, 9, 7, 8, tzinfo=BERLIN)
    window = Window(date(2026, 1, 1), date(2027, 12, 31))
    last = datetime(2026, 10, 26, 7, tzinfo=UTC)
    *_, end = read_rule(f"FREQ=WEEKLY;UNTIL={until}", start).starts(start, window)
    assert end.astimezone(UTC) == last
