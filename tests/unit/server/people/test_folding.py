"""What a search finds, whatever keyboard it was typed on."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.people.folding import (
    comparable_number,
    fold,
    misleads,
    search_text,
    search_words,
    words_either_way,
)
from tests.support.names import TypedName, typed_names

NAMES = typed_names()


def _finds(search: str, name: TypedName, number: str = "S-1") -> bool:
    text = search_text(name.given_name, name.family_name, name.display_name, number)
    words = search_words(search)
    return bool(words) and all(any(one in text for one in word) for word in words)


def test_there_are_two_hundred_names() -> None:
    assert len(NAMES) >= 200


def _unfound(name: TypedName, searches: list[str]) -> list[tuple[str, TypedName]]:
    return [(search, name) for search in searches if not _finds(search, name)]


def test_a_name_is_found_as_people_type_it() -> None:
    assert [_unfound(name, name.searches) for name in NAMES] == [[]] * len(NAMES)


def test_a_name_is_found_in_any_case_order_and_form() -> None:
    assert [_unfound(name, _forms(name)) for name in NAMES] == [[]] * len(NAMES)


def _forms(name: TypedName) -> list[str]:
    turned = f"{name.family_name} {name.given_name}"
    forms = [unicodedata.normalize(form, turned) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    return [*forms, name.display_name, turned.upper(), turned.lower(), turned.title()]


def test_the_first_letters_of_each_name_are_enough() -> None:
    assert [_unfound(name, [_beginnings(name)]) for name in NAMES] == [[]] * len(NAMES)


def _beginnings(name: TypedName) -> str:
    words = name.display_name.split()
    return " ".join(word[: max(1, len(word) // 2)] for word in words)


@pytest.mark.parametrize(
    ("search", "given_name", "family_name"),
    [
        ("ışık", "Işık", ""),
        ("IŞIK", "Işık", ""),
        ("lukasz", "Łukasz", ""),
        ("soren", "Søren", ""),
        ("dang", "Đặng", ""),
        ("thora", "Þóra", ""),
        ("o'neil", "", "O\u2019Neil"),
        ("oneil", "", "O\u2019Neil"),
        ("o neil", "", "O\u2019Neil"),
        ("anne\u2010marie", "Anne-Marie", ""),
        ("anne\u2011marie", "Anne-Marie", ""),
        ("anne\u2212marie", "Anne-Marie", ""),
        ("annemarie", "Anne\u2013Marie", ""),
        ("anne marie", "Annemarie", ""),
    ],
)
def test_the_examples_of_the_issue(search: str, given_name: str, family_name: str) -> None:
    name = TypedName(given_name, family_name, [])
    assert _finds(search, name)
    assert not _finds(f"{search}x", name)


@pytest.mark.parametrize(
    ("search", "given_name", "family_name"),
    [
        ("김민수", "민수", "김"),
        ("김민", "민수", "김"),
        ("山田さくら", "さくら", "山田"),
        ("佐藤エミリ", "エミリ", "佐藤"),
        ("エミリ佐藤", "エミリ", "佐藤"),
        ("王小明", "小明", "王"),
        ("aliyev", "", "Əliyev"),
        ("eliyev", "", "Əliyev"),
        ("ƏLİYEV", "", "Əliyev"),
        ("ǝliyev", "", "Əliyev"),
        ("Əliyev", "", "Aliyev"),
        ("gozal", "Gözəl", ""),
        ("goezel", "Gözəl", ""),
        ("Möller", "", "Moeller"),
        ("mo\u0308ller", "", "Moeller"),
        ("Müller-Lüdenscheidt", "", "Mueller Luedenscheidt"),
        ("Søren Åberg", "Soeren", "Aaberg"),
        ("عبدالرحمن", "عبد", "الرحمن"),
        ("عبد الرحمن", "عبد", "الرحمن"),
        ("عبدالرحمٰن", "محمد عبد", "الرحمن"),
    ],
)
def test_a_name_is_found_in_its_other_spelling(
    search: str, given_name: str, family_name: str
) -> None:
    assert _finds(search, TypedName(given_name, family_name, []))


def test_a_letter_with_two_dots_is_no_other_letter() -> None:
    assert not _finds("Möller", TypedName("", "Maller", []))
    assert not _finds("Moller", TypedName("", "Moeller", []))


@pytest.mark.parametrize("text", ["O\u2019Neil's", "O'Neil`s"])
def test_an_apostrophe_is_nothing_or_a_space(text: str) -> None:
    assert words_either_way(text) == {"oneils", "o", "neil", "s"}


@given(st.text())
def test_every_spelling_of_a_search_has_the_same_words(text: str) -> None:
    words = fold(text).split()
    found = search_words(text)
    assert all(word in spellings for word, spellings in zip(words, found, strict=True))


@pytest.mark.parametrize("search", ["a-100", "A100", "a\u2013100", "\u0661\u0660\u0660", "100"])
def test_a_number_is_found_with_any_hyphen_and_digits(search: str) -> None:
    assert _finds(search, TypedName("Ada", "", []), number="A-100")


@pytest.mark.parametrize("search", ["adam", "bad", "love  x", "aada"])
def test_other_names_are_not_found(search: str) -> None:
    assert not _finds(search, TypedName("Ada", "Lovelace", []))


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


@given(st.text(), st.text(), st.text(), st.text())
def test_every_name_finds_its_person(given_name: str, family: str, shown: str, number: str) -> None:
    text = search_text(given_name, family, shown, number)
    assert [
        word for word in fold(f"{given_name} {family} {number}").split() if word not in text
    ] == []


@given(st.text())
def test_a_number_is_compared_in_one_form(number: str) -> None:
    once = comparable_number(number)
    assert comparable_number(once) == once
    assert comparable_number("\u200b".join(number)) == once


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\uff11\uff12\uff13", "123"),
        ("12\u200b3\ufeff", "123"),
        ("A\u00ad1", "A1"),
        ("\u24b6", "A"),
        ("a\u0301", "á"),
        ("\u00a0 7 \u3000", "7"),
        ("\u200b\u2060", ""),
    ],
)
def test_a_number_has_only_what_can_be_seen(typed: str, kept: str) -> None:
    assert comparable_number(typed) == kept


@pytest.mark.parametrize(
    "character",
    [
        *map(chr, [0, 7, 9, 10, 27, 127, 0x85, 0x2028, 0x2029, 0xFFFE, 0xFDD0]),
        *map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]),
    ],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_control_characters_and_overrides_mislead(character: str) -> None:
    assert misleads(f"A{character}B")


@pytest.mark.parametrize(
    "name", ["علی\u200cرضا", "क्ष\u094d\u200dमा", "\u200fA\u200e", "O\u2019Neil"]
)
def test_joiners_and_plain_direction_marks_do_not_mislead(name: str) -> None:
    assert not misleads(name)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_is_folded_and_compared_as_any_other(text: str) -> None:
    assert fold(f"{text} é") == f"{fold(text)} e".strip()
    assert misleads(text) == misleads(f"{text}é")
    assert comparable_number(f"{text}é").removesuffix("é").strip() == comparable_number(text)
