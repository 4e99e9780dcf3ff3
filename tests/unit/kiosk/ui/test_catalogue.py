import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kiosk.ui
from kiosk.errors import SettingsError
from kiosk.ui.catalogue import PLURAL_RULES, Catalogue, available_languages, load_catalogue

LANGUAGES = available_languages()
CATEGORIES = {"ar": {"zero", "one", "two", "few", "many", "other"}}
SOURCES = Path(kiosk.ui.__file__).parent


def catalogue(code: str) -> Catalogue:
    return load_catalogue(code, ZoneInfo("UTC"))


def placeholders(entry: str | Mapping[str, str]) -> set[str]:
    text = entry if isinstance(entry, str) else entry["other"]
    return set(re.findall(r"{(\w+)}", text))


def test_english_and_arabic_are_there() -> None:
    assert {"en", "ar"} <= set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_everything_with_the_same_values(code: str) -> None:
    english, other = catalogue("en").entries, catalogue(code).entries
    assert set(english) == set(other)
    assert {key: placeholders(entry) for key, entry in english.items()} == {
        key: placeholders(entry) for key, entry in other.items()
    }


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_counted_entry_has_all_plural_forms_of_its_language(code: str) -> None:
    counted = [entry for entry in catalogue(code).entries.values() if not isinstance(entry, str)]
    assert counted
    assert all(set(entry) == CATEGORIES.get(code, {"one", "other"}) for entry in counted)


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_entry_is_empty_or_holds_a_forbidden_picture(code: str) -> None:
    texts = [
        text
        for entry in catalogue(code).entries.values()
        for text in ([entry] if isinstance(entry, str) else entry.values())
    ]
    assert all(text.strip() for text in texts)
    assert not [text for text in texts if re.search("[\U0001f000-\U0001faff\u2600-\u27bf]", text)]


@given(count=st.integers(0, 100_000), code=st.sampled_from(LANGUAGES))
def test_every_count_has_a_sentence(count: int, code: str) -> None:
    assert catalogue(code).count("health.waiting", count)


@pytest.mark.parametrize(
    ("code", "count", "category"),
    [
        ("en", 0, "other"), ("en", 1, "one"), ("en", 2, "other"), ("de", 1, "one"),
        ("hi", 0, "one"), ("hi", 2, "other"), ("es", 1, "one"),
        ("ar", 0, "zero"), ("ar", 1, "one"), ("ar", 2, "two"), ("ar", 3, "few"), ("ar", 10, "few"),
        ("ar", 11, "many"), ("ar", 99, "many"), ("ar", 100, "other"), ("ar", 102, "other"),
        ("ar", 103, "few"), ("ar", 111, "many"), ("ar", 1000, "other"),
    ],
)  # fmt: skip
def test_plural_categories_follow_cldr(code: str, count: int, category: str) -> None:
    assert PLURAL_RULES[code](count) == category


def test_times_are_those_of_the_kiosks_zone() -> None:
    words = load_catalogue("en", ZoneInfo("Asia/Dubai"))
    start, end = datetime(2026, 3, 1, 5, 0, tzinfo=UTC), datetime(2026, 3, 1, 5, 50, tzinfo=UTC)
    assert words.time_range(start, end) == "09:00 \u2013 09:50"


def test_values_in_arabic_sentences_are_isolated(arabic: Catalogue) -> None:
    assert "\u2068R14\u2069" in arabic("elsewhere.title", room="R14")
    assert arabic.is_rtl


def test_values_in_english_sentences_are_as_they_are(words: Catalogue) -> None:
    assert words("elsewhere.title", room="R14") == "You are expected in R14"


def test_a_language_without_translation_is_refused_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="choose one of: ar, en"):
        catalogue("fr")


def test_a_key_of_the_wrong_kind_is_refused(words: Catalogue) -> None:
    with pytest.raises(KeyError, match="needs a count"):
        words("welcome.late")
    with pytest.raises(KeyError, match="no plural forms"):
        words.count("welcome.present", 1)


def test_no_words_stand_in_the_scene_itself() -> None:
    scenes = [*(SOURCES / "qml").glob("*.qml")]
    literals = [
        (scene.name, literal)
        for scene in scenes
        for literal in re.findall(r'\btext: "([^"]+)"', scene.read_text())
    ]
    assert literals == []


def test_no_property_of_a_scene_is_named_like_a_signal_handler() -> None:
    """QML takes `onAccent:` for the handler of a signal `accent`, and the colour stays black."""
    scenes = [*(SOURCES / "qml").glob("*.qml")]
    named = [
        (scene.name, name)
        for scene in scenes
        for name in re.findall(r"\bproperty\s+[\w.<>]+\s+(on[A-Z]\w*)", scene.read_text())
    ]
    assert named == []
