"""Findings in the reader's language: every code has words, values survive, English stays."""

import re
from string import Formatter

import pytest

from protocol.v1.findings import (
    CODE_PATTERN,
    FOLDER,
    CodedText,
    coded,
    finding_texts,
)

LANGUAGES = sorted(path.name for path in FOLDER.iterdir())
ENGLISH = finding_texts("en")
ARABIC = re.compile("[\u0600-\u06ff]")
ISOLATES = str.maketrans("", "", "\u2066\u2068\u2069")


def places(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def example(code: str, language: str) -> CodedText:
    """Return what a code says, with the name of each place as its value."""
    values = {name: name for text in ENGLISH[code] for name in places(text)}
    found = coded(code, **values).in_language(language)
    assert found is not None
    return found


def test_english_and_arabic_are_there() -> None:
    assert {"en", "ar"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_code_with_the_same_places(language: str) -> None:
    other = finding_texts(language)
    assert sorted(other) == sorted(ENGLISH)
    differing = {
        code: (place, places(other[code][place]))
        for code, texts in ENGLISH.items()
        for place in (0, 1)
        if places(texts[place]) != places(other[code][place])
        or bool(texts[place]) != bool(other[code][place])
    }
    assert differing == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_whole(language: str) -> None:
    odd = [
        code
        for code, texts in finding_texts(language).items()
        if any(text.count("`") % 2 or text.strip() != text for text in texts)
    ]
    assert odd == []


@pytest.mark.parametrize("code", sorted(ENGLISH))
def test_every_code_can_be_sent_and_is_said_in_every_language(code: str) -> None:
    assert re.fullmatch(CODE_PATTERN, code)
    said = [example(code, language) for language in LANGUAGES]
    assert not [one for one in said if re.search("[`{}]", one.words + one.fix)]
    assert {(one.code, bool(one.fix)) for one in said} == {(code, bool(ENGLISH[code][1]))}


@pytest.mark.parametrize("code", sorted(ENGLISH))
def test_arabic_sentences_are_arabic(code: str) -> None:
    texts = [text for text in finding_texts("ar")[code] if text not in ("", "{why}", "{why}.")]
    assert [text for text in texts if not ARABIC.search(text)] == []


def test_a_value_keeps_its_own_direction_in_arabic() -> None:
    found = coded("mqtt.good", host="10.20.0.4", port=8883).in_language("ar")
    assert found is not None
    assert "\u206810.20.0.4\u2069" in found.words
    assert "\u20688883\u2069" in found.words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (coded("network.wifi_weak", percent=23), "\u206623 %\u2069"),
        (coded("temperature.hot", degrees=83), "\u206683 °C\u2069"),
        (coded("accelerator.slow_port", speed="480"), "\u2066480 Mbit/s\u2069"),
    ],
)
def test_a_number_stays_before_its_unit_in_arabic(text: CodedText, shown: str) -> None:
    found = text.in_language("ar")
    assert found is not None
    assert shown in re.sub("\u2068([^\u2069]*)\u2069", r"\1", found.words)


def test_a_command_is_one_piece_from_left_to_right_in_arabic() -> None:
    found = coded("permissions.open_folder", folder="/var/lib/rollcall").in_language("ar")
    assert found is not None
    assert "\u2066sudo chmod 700 \u2068/var/lib/rollcall\u2069\u2069" in found.fix


def test_english_has_neither_marks_nor_isolates() -> None:
    text = coded("permissions.open_folder", folder="/var/lib/rollcall")
    assert text.fix == "Close it: sudo chmod 700 /var/lib/rollcall."


def test_a_value_cannot_reorder_the_sentence_around_it() -> None:
    found = coded("dns.unknown", host="a\u2069\u202eb").in_language("ar")
    assert found is not None
    assert "\u2068ab\u2069" in found.words


def test_a_reason_is_said_in_the_language_of_the_sentence() -> None:
    why = coded("report.failed", detail="disk full")
    text = coded("claim.no_report", why=why)
    assert text.words == "The claim was not checked: rollcall-kiosk status failed: disk full."
    assert text.values == {"why": "report.failed", "detail": "disk full"}
    found = text.in_language("ar")
    assert found is not None
    plain = found.words.translate(ISOLATES)
    assert plain == "لم يُفحص الربط: فشل rollcall-kiosk status: disk full."


def test_a_reason_without_a_code_is_said_as_it_is() -> None:
    text = coded("claim.no_report", why=CodedText("it is away"))
    found = text.in_language("ar")
    assert found is not None
    assert (text.words, "it is away" in found.words) == (
        "The claim was not checked: it is away.",
        True,
    )


@pytest.mark.parametrize(
    "text",
    [
        CodedText("Only English.", "Do it."),
        CodedText("Of a newer kiosk.", "Do it.", "camera.on_fire", {"device": "x"}),
        CodedText("A value is missing.", "Do it.", "camera.missing"),
        CodedText("Its reason lacks a value.", "", "claim.no_report", {"why": "report.failed"}),
        CodedText("Its reason is itself.", "", "claim.no_report", {"why": "claim.no_report"}),
    ],
)
def test_what_cannot_be_said_in_arabic_stays_english(text: CodedText) -> None:
    assert text.in_language("ar") is None
    assert text.in_language("en") is text


def test_a_language_that_nobody_translated_has_no_words() -> None:
    assert coded("camera.pipeline").in_language("fr") is None


def test_a_code_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError):
        coded("camera.on_fire")
