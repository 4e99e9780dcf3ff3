"""Every text exists in every language, with the same places, and templates use only what exists."""

import re
from pathlib import Path
from string import Formatter

import pytest

import server
from server.web.translations import LANGUAGES, Translator, choose_language, translator

SERVER = Path(server.__file__).parent
TEMPLATES = sorted(SERVER.glob("*/templates/*.html"))
KEY = re.compile(r"""\bt\("([a-z_]+\.[A-Za-z_.]+[a-zA-Z_])"[,)]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_language_has_the_same_texts_as_english(language: str) -> None:
    english, other = translator("en").texts, translator(language).texts
    assert sorted(other) == sorted(english)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_language_has_the_same_places_as_english(language: str) -> None:
    other = translator(language).texts
    differing = {
        key for key, text in translator("en").texts.items() if places(text) != places(other[key])
    }
    assert differing == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: f"{p.parent.parent.name}/{p.name}")
def test_template_names_only_texts_that_exist(template: Path) -> None:
    used = set(KEY.findall(template.read_text(encoding="utf-8")))
    assert used <= set(translator("en").texts)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: f"{p.parent.parent.name}/{p.name}")
def test_template_has_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|\bstyle=|\son[a-z]+=|javascript:|hx-on", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)


@pytest.mark.parametrize(
    ("wanted", "accepted", "expected"),
    [
        ("ar", "en", "ar"),
        (None, "ar-EG,en;q=0.8", "ar"),
        (None, "fr,de;q=0.5", "en"),
        ("xx", "", "en"),
        (None, ",,;;q=", "en"),
    ],
)
def test_language_is_chosen_by_the_person_then_the_browser(
    wanted: str | None, accepted: str, expected: str
) -> None:
    assert choose_language(wanted, accepted, "en") == expected


def test_values_keep_their_own_direction_in_arabic() -> None:
    t = Translator("ar", {"a.b": "نص {date}"})
    assert t("a.b", date="2026-09") == "نص \u20682026-09\u2069"


WAYS = {
    "en": ("code", "card", "PIN", "roll-call"),
    "ar": ("بالرمز", "البطاقة", "الرقم السري", "المعلّم"),
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("text", ["record_text", "explain.refused"])
def test_texts_about_consent_name_every_other_way(language: str, text: str) -> None:
    words = translator(language)(f"enrollment.consent.{text}")
    assert [way for way in WAYS[language] if way not in words] == []
