"""Every error that a service raises has words in every language; English alone reaches no page."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest

import server
from server.errors import ConfigurationError, ConflictError, NotFoundError, ServerError
from server.web.problems import error_words, problem_text
from server.web.translations import LANGUAGES, translator

SERVER = Path(server.__file__).parent
#: Problems that are not written where the error is raised, and where their words come from.
NAMED_ELSEWHERE = {
    "exc.reason": "of a kiosk's batch; no page shows it",
    "self._problem": "a ServiceProblem; jobs and pages say it with words of recognition",
    "exc.problem": "the same",
    "ServiceProblem.KEY_REFUSED": "the same",
}
#: What is raised by a helper that gets a noun: `no_<noun>`.
FINDERS = {"found_or_404"}


def _import_all() -> None:
    for module in pkgutil.walk_packages(server.__path__, "server."):
        if not module.name.startswith("server.migrations."):
            importlib.import_module(module.name)


def family(kind: type[ServerError]) -> list[type[ServerError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in family(child))]


_import_all()
KINDS = sorted(
    {one for one in family(ServerError) if one.__module__.startswith("server.")}, key=str
)
NAMES = {one.__name__ for one in KINDS if not issubclass(one, ConfigurationError)}


@dataclass(frozen=True)
class Raised:
    """One error as it is written in the code."""

    place: str
    problem: str | None
    values: frozenset[str]
    has_sentence: bool


def raised_in(path: Path) -> Iterator[Raised]:
    place = str(path.relative_to(SERVER))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in FINDERS:
            noun = ast.literal_eval(node.args[1])
            yield Raised(f"{place}:{node.lineno}", f"no_{noun}", frozenset(), has_sentence=True)
        if name in NAMES:
            values = {word.arg: word.value for word in node.keywords if word.arg is not None}
            named = values.get("problem")
            yield Raised(
                f"{place}:{node.lineno}",
                _text(named) if named is not None else None,
                frozenset(values),
                has_sentence=bool(node.args),
            )


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ast.unparse(node)


FILES = sorted(path for path in SERVER.rglob("*.py") if path.name != "errors.py")
RAISED = [one for path in FILES for one in raised_in(path)]


def test_all_of_them_are_found() -> None:
    assert len(RAISED) > 100


def test_an_error_with_a_sentence_names_its_problem() -> None:
    nameless = [one.place for one in RAISED if one.has_sentence and one.problem is None]
    assert nameless == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_named_problem_has_words_with_places_that_are_filled(language: str) -> None:
    texts = translator(language).texts
    wordless, unfilled = [], []
    for one in RAISED:
        if one.problem is None or one.problem in NAMED_ELSEWHERE or one.problem.startswith("f'"):
            continue
        keys = [key for key in texts if key.startswith("problems.")]
        own = [key for key in keys if key.rpartition(".")[2] == one.problem]
        if f"problems.{one.problem}" not in own:
            wordless.append((one.place, one.problem))
        for key in own:
            places = {name for _, name, _, _ in Formatter().parse(texts[key]) if name}
            unfilled += [(one.place, place) for place in places - one.values]
    assert (wordless, unfilled) == ([], [])


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_code_has_words(kind: type[ServerError], language: str) -> None:
    texts = translator(language).texts
    assert {f"errors.{kind.code}.title", f"errors.{kind.code}.text"} <= set(texts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_english_of_an_error_reaches_no_arabic_page(kind: type[ServerError]) -> None:
    t = translator("ar")
    error = kind("An English sentence.")
    assert "English" not in error_words(t, error) + problem_text(t, error)


def test_words_of_a_problem_come_before_those_of_its_code() -> None:
    t = translator("en")
    error = ConflictError("Whatever.", problem="revoked_already")
    assert error_words(t, error) == t("problems.revoked_already")
    assert problem_text(t, NotFoundError()) == t("problems.missing")
