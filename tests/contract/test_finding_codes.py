"""The code that finds things names texts that exist, with their values; no text is left over."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import kiosk
import provisioning
from kiosk.doctor import CHECK_NAMES
from kiosk.domain.health import LinkHealth
from kiosk.domain.identity import IdentityFault
from kiosk.domain.keeping import KeyPlace
from kiosk.domain.sightings import Hint
from kiosk.ui.catalogue import available_languages
from protocol.v1.findings import finding_texts
from protocol.v1.tls import CertificateFault
from server.web.translations import LANGUAGES

ENGLISH = finding_texts("en")
PLACES = {
    code: {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
    for code, texts in ENGLISH.items()
}
MADE = {"coded": 0, "ok": 1, "skipped": 1, "warn": 1, "fail": 1}
"""Functions that take a code, and which argument it is."""
ENUMS = {
    "tls.": CertificateFault,
    "mqtt.": CertificateFault,
    "distance.": Hint,
    "identity.": IdentityFault,
    "key.": KeyPlace,
    "server.": LinkHealth,
}
"""What follows such a beginning in an f-string of the code."""
SOURCES = [
    (path, ast.parse(path.read_text(encoding="utf-8")))
    for package in (kiosk, provisioning)
    for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
]


def arguments() -> Iterator[tuple[str, ast.expr, set[str]]]:
    """Return where a code is named, the code, and the values given with it."""
    for path, tree in SOURCES:
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            at = MADE.get(node.func.id)
            if at is not None and len(node.args) > at:
                values = {one.arg for one in node.keywords if one.arg is not None}
                yield f"{path.name}:{node.lineno}", node.args[at], values


CALLS = list(arguments())
NAMED = [
    (place, str(code.value), values)
    for place, code, values in CALLS
    if isinstance(code, ast.Constant)
]
BEGINNINGS = {
    str(code.values[0].value)
    for _, code, _ in CALLS
    if isinstance(code, ast.JoinedStr) and isinstance(code.values[0], ast.Constant)
}
CONSTANTS = {
    node.value
    for _, tree in SOURCES
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def test_the_walk_finds_the_codes() -> None:
    assert len(NAMED) > 100


def test_every_code_that_is_named_has_words() -> None:
    assert [(place, code) for place, code, _ in NAMED if code not in ENGLISH] == []


def test_every_code_is_named_with_the_values_of_its_words() -> None:
    assert [(place, code) for place, code, given in NAMED if given != PLACES[code]] == []


def test_every_beginning_of_codes_has_its_enumeration() -> None:
    assert set(ENUMS) == BEGINNINGS


@pytest.mark.parametrize("beginning", sorted(ENUMS))
def test_every_member_of_an_enumeration_has_words(beginning: str) -> None:
    assert [one for one in ENUMS[beginning] if f"{beginning}{one.value}" not in ENGLISH] == []


def test_no_words_are_left_over() -> None:
    made = {f"{beginning}{one.value}" for beginning, kind in ENUMS.items() for one in kind}
    refused = {f"key.{one.value}_refused" for one in KeyPlace}
    assert sorted(set(ENGLISH) - CONSTANTS - made - refused) == []


@pytest.mark.parametrize("language", sorted({*LANGUAGES, *available_languages()}))
def test_every_language_of_kiosk_and_server_has_the_words(language: str) -> None:
    assert sorted(finding_texts(language)) == sorted(ENGLISH)


def test_every_check_has_words_for_a_machine_in_order() -> None:
    groups = {code.partition(".")[0] for code in ENGLISH}
    assert {name.replace(" ", "_") for name in CHECK_NAMES} - groups == set()
