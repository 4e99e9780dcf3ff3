"""What a kiosk finds: a code with its values, which each side puts into its reader's language.

The English sentences go over the wire beside the code. A reader that does not know the code,
because the kiosk is newer, shows those.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "locales"
CODE_PATTERN = r"^[a-z0-9_.]{0,60}$"
_ENGLISH = "en"
_RIGHT_TO_LEFT = frozenset({"ar"})
_REASON = "why"
_FOREIGN = re.compile(r"`([^`]*)`")
"""A command, a path, or a number with its unit: reads from left to right in every language."""
_LEFT_TO_RIGHT_ISOLATE, _POP_DIRECTIONAL_ISOLATE = "\u2066", "\u2069"
_FIRST_STRONG_ISOLATE = "\u2068"
_CONTROLS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Would reorder the sentence around a value. Source: Unicode UAX #9."""


@dataclass(frozen=True, slots=True)
class CodedText:
    """Two sentences in English, and what says the same in any language.

    Attributes:
        words: what was found.
        fix: what to do; empty where nothing has to be done.
        code: names the sentences in `locales/`; empty: there is only English.
        values: what stands in their places.
    """

    words: str = ""
    fix: str = ""
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def in_language(self, language: str) -> "CodedText | None":
        """Return this in a language; None: only English can be shown.

        Args:
            language: ISO 639-1.
        """
        if language == _ENGLISH:
            return self
        try:
            words, fix = _filled(self.code, self.values, language)
        except KeyError:
            return None
        return CodedText(words, fix, self.code, self.values)


def coded(code: str, **values: "str | int | CodedText") -> CodedText:
    """Return what a code says.

    Args:
        code: one of `locales/en/findings.toml`.
        **values: for its places. Only `why` may be another coded text, whose words stand there.

    Raises:
        KeyError: there is no such code, or a value is missing.
    """
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, CodedText):
            flat = {**value.values, **flat, name: value.code or value.words}
        else:
            flat[name] = str(value)
    words, fix = _filled(code, flat, _ENGLISH)
    return CodedText(words, fix, code, flat)


@cache
def finding_texts(language: str) -> Mapping[str, tuple[str, str]]:
    """Return words and fix of every code, with their places; empty: not translated."""
    texts: dict[str, tuple[str, str]] = {}
    file = FOLDER / language / "findings.toml"
    if file.is_file():
        for group, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for name, entry in entries.items():
                texts[f"{group}.{name}"] = entry["words"], entry.get("fix", "")
    return texts


def _filled(code: str, values: Mapping[str, str], language: str) -> tuple[str, str]:
    texts = finding_texts(language)
    words, fix = texts[code]
    is_rtl = language in _RIGHT_TO_LEFT
    shown = {name: _isolated(value) if is_rtl else value for name, value in values.items()}
    if values.get(_REASON) in texts:
        inner = {name: value for name, value in values.items() if name != _REASON}
        shown[_REASON] = _filled(values[_REASON], inner, language)[0]
    mark = rf"{_LEFT_TO_RIGHT_ISOLATE}\1{_POP_DIRECTIONAL_ISOLATE}" if is_rtl else r"\1"
    words, fix = (_FOREIGN.sub(mark, text).format_map(shown) for text in (words, fix))
    return words, fix


def _isolated(value: str) -> str:
    return f"{_FIRST_STRONG_ISOLATE}{value.translate(_CONTROLS)}{_POP_DIRECTIONAL_ISOLATE}"
