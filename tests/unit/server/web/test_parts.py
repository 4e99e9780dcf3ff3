"""Pieces of HTML that are drawn once: equal values of other types must not share a piece."""

import uuid
from dataclasses import dataclass

import pytest
from markupsafe import Markup

from server.web.pages import environment
from server.web.parts import avatar, listed_name, remembered

BOLD = "<b>Door</b>"


@dataclass(frozen=True)
class Someone:
    given_name: str
    family_name: str


@pytest.mark.parametrize("safe_first", [True, False])
def test_text_that_is_not_safe_never_gets_the_piece_of_text_that_is(safe_first: bool) -> None:
    badge = remembered(environment(), "drawn_badge")
    texts = [Markup(BOLD), BOLD] if safe_first else [BOLD, Markup(BOLD)]
    drawn = {type(text): badge(text, "ok") for text in texts}
    assert BOLD in drawn[Markup]
    assert BOLD not in drawn[str]
    assert "&lt;b&gt;" in drawn[str]


def test_pieces_are_drawn_once_for_equal_values() -> None:
    badge = remembered(environment(), "drawn_badge")
    assert badge("Late", "warn", "clock") is badge("Late", "warn", "clock")
    assert badge("Late", "warn") != badge("Late", "ok")


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ada", "A"),
        ("Ada Lovelace", "AL"),
        ("Ada King Lovelace", "AL"),
        ("", ""),
        ("<b> &c", "&lt;&amp;"),
    ],
)
def test_avatar_shows_escaped_initials(name: str, initials: str) -> None:
    key = uuid.UUID("00000000-0000-0000-0000-00000000001f")
    drawn = avatar(name, key)
    assert f">{initials}</span>" in drawn
    assert "avatar-3 " in drawn  # the last digit, f, of six tints


@pytest.mark.parametrize(
    ("given", "family", "expected"),
    [
        ("Ada", "Lovelace", "<strong>Lovelace</strong>, Ada"),
        ("Ada", "", "<strong>Ada</strong>"),
        ("", "Lovelace", "<strong>Lovelace</strong>"),
        ("<i>", "O'Neil", "<strong>O&#39;Neil</strong>, &lt;i&gt;"),
    ],
)
def test_a_person_of_one_name_has_no_comma(given: str, family: str, expected: str) -> None:
    assert listed_name(Someone(given, family)) == f"<bdi>{expected}</bdi>"
