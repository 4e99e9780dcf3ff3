"""The alphabetical order of names, by language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.people.ordering import sort_key

# In the order of each language's own dictionary or telephone book.
SORTED = {
    "en": ["Åberg", "Ahmed", "Ilk", "Işık", "Öberg", "Zebra"],
    "sv": ["Ahmed", "Ilk", "Işık", "Zebra", "Åberg", "Öberg"],
    "tr": ["Cem", "Çetin", "Irmak", "Işık", "İnce", "Öz", "Şahin", "Ünal"],
    "da": ["Ahmed", "Zebra", "Ærø", "Ørsted", "Aagaard"],
    "ar": ["أحمد", "بدر", "فاطمة", "Ahmed"],
    "es": ["Nadal", "Nuñez", "Ñáñez", "Ortiz"],
    "cs": ["Cihla", "Čapek", "Hora", "Chalupa", "Ivan"],
    "vi": ["Dung", "Đặng", "Em"],
    "de-u-co-phonebk": ["Ad", "Äpfel", "Af"],
}


def _key(locale: str, family_name: str, given_name: str = "") -> bytes:
    return sort_key(locale, family_name=family_name, given_name=given_name)


@pytest.mark.parametrize("locale", SORTED)
def test_names_stand_in_the_order_of_the_language(locale: str) -> None:
    expected = SORTED[locale]
    assert sorted(sorted(expected), key=lambda name: _key(locale, name)) == expected


def test_the_given_name_decides_only_within_one_family_name() -> None:
    names = [("Li", "Zoe"), ("Lia", "Ann"), ("Li", "Ann"), ("Lí", "Bea"), ("", "Lib")]
    ordered = sorted(names, key=lambda one: _key("en", *one))
    assert ordered == [("Li", "Ann"), ("Lí", "Bea"), ("Li", "Zoe"), ("Lia", "Ann"), ("", "Lib")]


def test_a_person_of_one_name_stands_where_it_belongs() -> None:
    assert _key("en", "Adams") < _key("en", "", "Suharto") < _key("en", "Tan")
    assert _key("en", "Suharto") == _key("en", "", "Suharto")


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_key_fits_an_index_of_postgresql(family_name: str, given_name: str) -> None:
    assert len(_key("zh", family_name, given_name)) <= 1000
