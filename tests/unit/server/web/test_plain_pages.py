"""The Policy and Accuracy pages: short sentences, also on the Models page; figures in Details."""

import re
from pathlib import Path

import pytest

import server
from server.web.translations import translator

SERVER = Path(server.__file__).parent
MOST_WORDS = 20
FORBIDDEN = re.compile(
    r"\b(distances?|ceilings?|fpir|fnir|fmr|fnmr|probes?|templates?|gallery|embeddings?|models?"
    r"|calibrat\w*|intervals?)\b",
    re.IGNORECASE,
)
ARABIC_FORBIDDEN = re.compile(r"المسافة|سقف|قالب|قوالب|معاير|FPIR|FNIR|FNMR")
#: A share or a rate that somebody typed: figures come from measurements.
FIGURE = re.compile(r"\d+(\.\d+)? ?%|\b\d+ in \d|\b0\.\d|\bone in (?!three)")
#: Shown under "Details" only; `test_words_of_details_are_used_under_details_alone` keeps it so.
DETAILS = re.compile(
    r"^accuracy\.(detail\.|not_me\.interval)"
    r"|^policies\.(limit_ceiling|fixed_distance|minimum_margin|details_text)"
)
PAGES = ("accuracy.", "policies.")
SHORT = ("networks.", *PAGES)
EVERY = {key: text for key, text in translator("en").texts.items() if key.startswith(PAGES)}
SHOWN = {key: text for key, text in EVERY.items() if not DETAILS.match(key)}


def sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.?!:;؟؛])\s+", text) if one]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize(
    "key", sorted(key for key in translator("en").texts if key.startswith(SHORT))
)
def test_a_sentence_has_at_most_twenty_words(key: str, language: str) -> None:
    text = translator(language).texts[key]
    long = [one for one in sentences(text) if len(one.split()) > MOST_WORDS]
    assert long == []


@pytest.mark.parametrize("key", sorted(SHOWN))
def test_words_of_experts_stand_under_details_alone(key: str) -> None:
    assert FORBIDDEN.findall(SHOWN[key]) == []
    assert FIGURE.findall(SHOWN[key].replace("fewer than 1 in 100", "")) == []


def test_both_languages_have_the_same_words() -> None:
    arabic = {key for key in translator("ar").texts if key.startswith(PAGES)}
    assert arabic == set(EVERY)


@pytest.mark.parametrize("key", sorted(SHOWN))
def test_arabic_holds_no_word_of_experts_either(key: str) -> None:
    text = translator("ar").texts[key]
    assert ARABIC_FORBIDDEN.findall(text) == []
    assert FIGURE.findall(text.replace("أقل من 1 من كل 100", "")) == []


def test_words_of_details_are_used_under_details_alone() -> None:
    outside = ""
    for name in ("accuracy", "network"):
        page = (SERVER / "accuracy" / "templates" / f"{name}.html").read_text(encoding="utf-8")
        outside += re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert "accuracy.detail." not in outside
    assert "accuracy.not_me.interval" not in outside


def test_every_word_is_used() -> None:
    templates = SERVER.glob("*/templates/*.html")
    code = [*templates, *SERVER.glob("*/*.py")]
    used = "\n".join(path.read_text(encoding="utf-8") for path in code)
    prefixes = ("accuracy.group.", "accuracy.source.")
    unused = [
        key
        for key in EVERY
        if key.startswith("accuracy.") and key not in used and not key.startswith(prefixes)
    ]
    assert unused == []
