"""Dates and times keep their order in a sentence of either direction."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web import dates
from server.web.dates import day_words, isolated, moment_words, time_words
from server.web.translations import LANGUAGES, translator

ZONE = ZoneInfo("Asia/Riyadh")
AT = datetime(2026, 11, 26, 5, 5, tzinfo=UTC)
WEB = Path(dates.__file__).parents[1]


@pytest.mark.parametrize("language", LANGUAGES)
@given(at=st.datetimes(timezones=st.just(UTC)))
def test_words_are_isolated_where_the_language_runs_from_right_to_left(
    language: str, at: datetime
) -> None:
    t = translator(language)
    said = [day_words(at.date(), t), time_words(at, t, ZONE), moment_words(at, t, ZONE)]
    said.append(isolated("2026-11-26 08:05", t))
    marks = [re.findall("[\u2066-\u2069]", words) for words in said]

    expected = ["\u2068", "\u2069"] if t.direction == "rtl" else []
    assert marks == [expected] * 4
    if expected:
        assert all(words[0] == "\u2068" and words[-1] == "\u2069" for words in said)


def test_sentence_with_a_date_keeps_the_date_together() -> None:
    t = translator("ar")
    sentence = t("attendance.lost_events", count=3, at=moment_words(AT, t, ZONE, this_year=2026))

    isolated = re.findall("\u2068([^\u2068\u2069]*)\u2069", sentence)
    assert isolated[0] == "3"
    assert isolated[1].endswith("08:05")


def test_english_words_are_as_before() -> None:
    assert moment_words(AT, translator("en"), ZONE, this_year=2026) == "Thursday 26 November, 08:05"


def test_templates_write_no_date_of_their_own() -> None:
    """A date that no function of `dates` made is not isolated."""
    own = re.compile(r"strftime|%H:%M|\.isoformat\(\)")
    found = [
        f"{path.name}: {line.strip()}"
        for path in WEB.glob("*/templates/*.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if own.search(re.sub(r'(datetime|href|value|max|min)="[^"]*"', "", line))
    ]
    assert found == []
