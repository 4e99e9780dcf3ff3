"""All text of the pages, by key, one folder of TOML files per language."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "locales"
LANGUAGES = {"en": "English", "ar": "العربية"}
_RIGHT_TO_LEFT = {"ar"}


@dataclass(frozen=True, eq=False)
class Translator:
    """Text in one language. There is one for each language, so they are told apart as objects.

    Attributes:
        language: BCP 47 tag.
        texts: flattened key to text.
    """

    language: str
    texts: dict[str, str]

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its `{places}` filled.

        Raises:
            KeyError: no such key; tests walk every template for it.
        """
        if self.direction == "rtl":
            # A name or date of the other direction keeps its own order inside the sentence.
            values = {name: f"\u2068{value}\u2069" for name, value in values.items()}
        return self.texts[key].format(**values)

    def or_else(self, key: str, fallback: str) -> str:
        """The text of a key that may not exist, such as one made from an error's code."""
        return self.texts.get(key, fallback)


@cache
def translator(language: str) -> Translator:
    """The translator of a language we have."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.toml")):
        _flatten(
            tomllib.loads(path.read_text(encoding="utf-8")), f"{path.stem}.", texts.__setitem__
        )
    return Translator(language, texts)


def choose_language(wanted: str | None, accept_language: str, fallback: str) -> str:
    """The person's own choice, else the first language of the browser that we have."""
    if wanted in LANGUAGES:
        return wanted
    for part in accept_language.split(","):
        tag = part.split(";")[0].strip().lower().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return fallback


def _flatten(tree: dict[str, Any], prefix: str, put: Callable[[str, str], None]) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", put)
        else:
            put(prefix + key, value)
