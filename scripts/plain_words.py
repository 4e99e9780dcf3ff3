"""Fail on words that readers stumble over: in the English catalogues, docstrings and log calls."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

from scripts.size_ratchet import ROOT, tracked_sources

LIST = ROOT / "scripts" / "plain_words.toml"
_PRODUCT = ("kiosk", "server", "models", "provisioning", "protocol", "intake")
_CATALOGUES = (
    "server/web/locales/en/*.toml",
    "kiosk/ui/translations/en.json",
    "protocol/v1/locales/en/*.toml",
)
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def pattern(phrases: dict[str, str]) -> re.Pattern[str]:
    """Return what finds any of the phrases as whole words, whatever their case."""
    words = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"\b({words})\b", re.IGNORECASE)


def sentences(node: Any) -> Iterator[str]:
    """Return every text of a catalogue, however deep it lies."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from sentences(value)


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Return docstrings and the fixed texts of log calls of a source, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text
        elif isinstance(node, ast.Call) and (text := _logged(node)):
            yield node.lineno, text


def _logged(call: ast.Call) -> str | None:
    """Return the fixed text of a log call; None where the call is something else."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in _LOG_METHODS and call.args):
        return None
    first = call.args[0]
    is_text = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return str(first.value) if is_text and isinstance(first, ast.Constant) else None


def in_catalogues(words: re.Pattern[str]) -> list[str]:
    """Return one sentence for each word found in an English catalogue."""
    found = []
    for path in (path for place in _CATALOGUES for path in sorted(ROOT.glob(place))):
        text = path.read_text(encoding="utf-8")
        catalogue = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        for sentence in sentences(catalogue):
            found += [
                f"{path.relative_to(ROOT)}: {hit} in {sentence!r}"
                for hit in words.findall(sentence)
            ]
    return found


def in_code(words: re.Pattern[str]) -> list[str]:
    """Return one place for each word found in a docstring or log call of the product."""
    found = []
    for path in tracked_sources():
        is_landed = "migrations" in path.parts  # a landed migration is never edited
        if path.suffix == ".py" and path.parts[0] in _PRODUCT and not is_landed:
            for line, text in texts_of((ROOT / path).read_text(encoding="utf-8")):
                found += [f"{path}:{line}: {hit}" for hit in words.findall(text)]
    return found


def main() -> int:
    """Check the product; `--all` lists what is left in the code. 1 when there is too much."""
    rules = tomllib.loads(LIST.read_text(encoding="utf-8"))
    words = pattern(rules["phrases"])
    wrong, left = in_catalogues(words), in_code(words)
    if "--all" in sys.argv or len(left) > rules["left"]:
        wrong += left
    if len(left) < rules["left"]:
        wrong.append(f"plain_words.toml: {len(left)} are left, lower the number")
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
