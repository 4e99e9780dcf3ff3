"""A text that is kept for ever must not name a person, however the name is written."""

import pytest

from server.people.named import is_named
from server.people.tables import Person


def _person(given_name: str, family_name: str, number: str = "S-4711") -> Person:
    return Person(
        student_number=number,
        given_name=given_name,
        family_name=family_name,
        display_name=f"{given_name} {family_name}",
        search_text="",
        sort_key=b"",
    )


@pytest.mark.parametrize(
    ("given_name", "family_name", "text"),
    [
        ("Ada", "Lovelace", "Lovelace's parents asked for it"),
        ("Ada", "Lovelace", "Ada\u2019s data"),
        ("Ada", "Lovelace", "the Lovelaces asked"),
        ("Ada", "Lovelace", "ADA-LOVELACE"),
        ("Ada", "Lovelace", "letter about s4711"),
        ("Ada", "Lovelace", "letter about S-4711's photos"),
        ("Sin\u00e9ad", "O\u2019Neil", "Neil asked"),
        ("Sin\u00e9ad", "O\u2019Neil", "O Neil asked"),
        ("Sin\u00e9ad", "O\u2019Neil", "oneil asked"),
        ("Sin\u00e9ad", "O\u2019Neil", "O'Neil's parents"),
        ("Sin\u00e9ad", "O Neil", "O\u2019Neil asked"),
        ("Sin\u00e9ad", "ONeil", "O\u2019Neil asked"),
        ("Sin\u00e9ad", "ONeil", "O Neil asked"),
        ("Annemarie", "Ng", "Anne Marie asked"),
        ("Anne Marie", "Ng", "annemarie asked"),
        ("J\u00f6rg", "Moeller", "M\u00f6llers letter"),
        ("J\u00f6rg", "M\u00f6ller", "Moeller's letter"),
        ("J\u00f6rg", "M\u00f6ller", "Mollers"),
        ("\u018fli", "\u018fliyev", "Aliyev asked"),
        ("\ubbfc\uc218", "\uae40", "\uae40\ubbfc\uc218\uac00 \uc694\uccad"),
        ("\u3055\u304f\u3089", "\u5c71\u7530", "\u5c71\u7530\u3055\u3093\u306e\u5e0c\u671b"),
    ],
)
def test_a_text_names_a_person(given_name: str, family_name: str, text: str) -> None:
    assert is_named(_person(given_name, family_name), text)


@pytest.mark.parametrize(
    ("given_name", "family_name", "text"),
    [
        ("Ada", "Lovelace", "The parents asked for it by letter, and data went."),
        ("Sin\u00e9ad", "O\u2019Neil", "Asked for by letter of 4 May. It's done."),
        ("Jan", "de Vries", "demanded by the parents"),
        ("\uc774", "\uae40", "\uc694\uccad\uc774 \uc788\uc74c"),
    ],
)
def test_a_text_names_nobody(given_name: str, family_name: str, text: str) -> None:
    assert not is_named(_person(given_name, family_name), text)
