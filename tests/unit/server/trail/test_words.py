"""Every action, subject and detail of the audit trail has words in every language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import server
from server.audit.tables import AuditEntry
from server.db.types import now
from server.trail.words import TrailWords, actions
from server.web.translations import LANGUAGES, translator

SERVER = Path(server.__file__).parent
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SERVER.rglob("*.py"))]
NODES = [node for tree in TREES for node in ast.walk(tree)]
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
#: Functions that write an entry, or pass its action on to one that does.
WRITERS = {"record", "note", "_note", "_record", "_record_entry", "_audit", "_apply", "_store"}
#: Kinds of subjects that are no word of their own in the code.
PERSON = "11111111-1111-1111-1111-111111111111"


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def texts_in(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def assigned(name: str) -> Iterator[ast.AST]:
    """What the code assigns to a variable of this name, or passes as an argument of it."""
    for node in NODES:
        if isinstance(node, ast.Assign) and any(
            isinstance(one, ast.Name) and one.id == name for one in node.targets
        ):
            yield node.value
        if isinstance(node, ast.keyword) and node.arg == name:
            yield node.value
        if isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") == name:
            yield node.value


def recorded_actions() -> set[str]:
    calls = [one for one in NODES if isinstance(one, ast.Call) and called(one) in WRITERS]
    places = [*calls, *assigned("action")]
    return {text for place in places for text in texts_in(place) if ACTION.fullmatch(text)}


def detail_names() -> set[str]:
    dicts = [
        one for place in assigned("details") for one in ast.walk(place) if isinstance(one, ast.Dict)
    ]
    return {str(ast.literal_eval(key)) for one in dicts for key in one.keys if key is not None}


def subject_kinds() -> set[str]:
    """The words before the colon of every subject, or the whole of one without an id."""
    spelled = {
        text.partition(":")[0]
        for place in (*assigned("subject"), *assigned("SUBJECT"))
        for text in texts_in(place)
        if re.fullmatch(r"[a-z_]+:?", text)
    }
    built = {
        str(ast.literal_eval(one.args[0]))
        for one in NODES
        if isinstance(one, ast.Call) and called(one) == "subject_of"
        if isinstance(one.args[0], ast.Constant)
    }
    return spelled | built


def entry(action: str, subject: str, **details: Any) -> AuditEntry:
    return AuditEntry(
        seq=1,
        at=now(),
        actor="account:" + PERSON,
        action=action,
        subject=subject,
        details=details,
        correlation_id="",
        prev_hash=b"",
        hash=b"",
    )


def words(language: str = "en", **names: str) -> TrailWords:
    known = {key.replace("_", ":", 1): name for key, name in names.items()}
    return TrailWords(translator(language), known, lambda at: f"{at:%d.%m.%Y}")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_action_has_a_sentence_and_every_sentence_an_action(language: str) -> None:
    said = {key for group in actions(translator(language)).values() for key, _words in group}
    assert said == recorded_actions()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_sentences_name_only_who_and_what(language: str) -> None:
    texts = translator(language).texts
    said = [text for key, text in texts.items() if key.startswith("audit.did.")]
    places = {name for text in said for _, name, _, _ in Formatter().parse(text) if name}
    assert places == {"who", "what"}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_group_of_actions_has_a_title(language: str) -> None:
    t = translator(language)
    assert {f"audit.noun.{noun}" for noun in actions(t)} <= set(t.texts)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_detail_has_a_name(language: str) -> None:
    texts = translator(language).texts
    assert {name for name in detail_names() if f"audit.detail.{name}" not in texts} == set()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_kind_of_subject_has_words_where_it_is_gone(language: str) -> None:
    texts = translator(language).texts
    assert {kind for kind in subject_kinds() if f"audit.gone.{kind}" not in texts} == set()


def test_a_sentence_names_who_and_what() -> None:
    known = words(**{f"account_{PERSON}": "Mara Weber", f"person_{PERSON}": "Zoë Kern"})
    line = known.line(entry("person.create", f"person:{PERSON}"))
    assert line.sentence == "Mara Weber added Zoë Kern."
    assert line.person_path == f"/people/{PERSON}"


def test_who_and_what_are_gone() -> None:
    line = words().line(entry("person.create", f"person:{PERSON}"))
    assert line.sentence == "An unknown account added a person who is gone."
    assert line.person_path == ""


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (f"account:{PERSON}", "A person tried to sign in as Mara Weber with a wrong"),
        ("account:unknown", "A person tried to sign in as a name that does not exist with a wrong"),
    ],
)
def test_a_refused_sign_in_says_at_which_account(subject: str, said: str) -> None:
    known = words(**{f"account_{PERSON}": "Mara Weber"})
    line = known.line(entry("account.refuse_sign_in", subject, guesses=3))
    assert line.sentence.startswith(said)


def test_an_action_of_a_later_version_is_named_by_its_code() -> None:
    line = words("ar").line(entry("moon.land", "moon"))
    assert "moon.land" in line.sentence


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("status", "excused", "Excused"),
        ("role", "dpo", "Data protection"),
        ("role", "parent", "parent or guardian"),
        ("fields", ["given_name", "year_of_birth"], "given name, year of birth"),
        ("from", "2026-11-27T08:00:00+00:00", "27.11.2026"),
        ("from", 7, "7"),
        ("collects_scans", True, "yes"),
        ("person", PERSON, "Zoë Kern"),
        ("room", PERSON, PERSON),
        ("unheard_of", None, "None"),
    ],
)
def test_values_are_said_in_words(name: str, value: object, said: str) -> None:
    known = words(**{f"person_{PERSON}": "Zoë Kern"})
    ((_, shown),) = known.line(entry("person.change", "person:", **{name: value})).details
    assert shown == said
