"""The words of one language, with its plural forms and its direction of writing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from kiosk.errors import SettingsError

_FIRST_STRONG_ISOLATE = "\u2068"
_POP_DIRECTIONAL_ISOLATE = "\u2069"
"""Keep a room or a number from reordering the sentence around it. Source: Unicode UAX #9."""


def _one_or_other(count: int) -> str:
    return "one" if count == 1 else "other"


def _hindi(count: int) -> str:
    return "one" if count in (0, 1) else "other"


def _arabic(count: int) -> str:
    if count in (0, 1, 2):
        return ("zero", "one", "two")[count]
    last_two = count % 100
    if 3 <= last_two <= 10:
        return "few"
    return "many" if last_two >= 11 else "other"


PLURAL_RULES: Mapping[str, Callable[[int], str]] = {
    "ar": _arabic,
    "de": _one_or_other,
    "en": _one_or_other,
    "es": _one_or_other,
    "hi": _hindi,
}
"""Plural category of a whole number. Source: Unicode CLDR, language plural rules."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All words of one language. Immutable.

    Attributes:
        code: ISO 639-1, also the file name in translations/.
        name: the language in its own words.
        is_rtl: written from right to left; layouts mirror.
        entries: by key, a sentence or its plural forms.
        zone: of the times shown.
    """

    code: str
    name: str
    is_rtl: bool
    entries: Mapping[str, str | Mapping[str, str]]
    zone: ZoneInfo

    def __call__(self, key: str, **values: str) -> str:
        """The sentence for a key, with its values filled in.

        Raises:
            KeyError: no such key, or a key that needs a count.
        """
        entry = self.entries[key]
        if not isinstance(entry, str):
            raise KeyError(f"{key} needs a count")
        return entry.format_map({name: self._isolated(value) for name, value in values.items()})

    def count(self, key: str, number: int) -> str:
        """The sentence for a key in the plural form that ``number`` (>= 0) asks for."""
        forms = self.entries[key]
        if isinstance(forms, str):
            raise KeyError(f"{key} has no plural forms")
        form = forms[PLURAL_RULES[self.code](number)]
        return form.format_map({"n": self._isolated(str(number))})

    def time(self, at: datetime) -> str:
        """A moment as the hour and minute of the kiosk's own zone, 24 hours."""
        return at.astimezone(self.zone).strftime("%H:%M")

    def time_range(self, starts_at: datetime, ends_at: datetime) -> str:
        """From when until when, in the kiosk's own zone."""
        return self("time.range", start=self.time(starts_at), end=self.time(ends_at))

    def _isolated(self, value: str) -> str:
        if not self.is_rtl:
            return value
        return f"{_FIRST_STRONG_ISOLATE}{value}{_POP_DIRECTIONAL_ISOLATE}"


def available_languages() -> tuple[str, ...]:
    """Codes of the languages there is a file for, in alphabetical order."""
    folder = files("kiosk.ui") / "translations"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def load_catalogue(code: str, zone: ZoneInfo) -> Catalogue:
    """Read the words of a language.

    Raises:
        SettingsError: there is no translation into that language.
    """
    if code not in available_languages():
        known = ", ".join(available_languages())
        raise SettingsError(f"language {code!r} is not translated; choose one of: {known}")
    text = (files("kiosk.ui") / "translations" / f"{code}.json").read_text(encoding="utf-8")
    content = json.loads(text)
    language = content["language"]
    return Catalogue(
        code=code,
        name=language["name"],
        is_rtl=language["direction"] == "rtl",
        entries=content["words"],
        zone=zone,
    )
