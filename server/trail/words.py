"""Say what an entry of the audit trail means: one sentence, and its details by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.audit.tables import AuditEntry
from server.trail.names import DETAIL_KINDS
from server.web.translations import Translator

#: Subject of guesses at names that do not exist.
NO_ACCOUNT = "account:unknown"
_ACTIONS = "audit.did."
#: Where the words for the values of a detail stand.
_VALUE_WORDS = {
    "status": ("attendance.status.",),
    "role": ("layout.role.", "enrollment.role."),
    "roles": ("layout.role.",),
    "from": ("layout.role.",),
    "to": ("layout.role.",),
    "fields": ("audit.field.",),
    "kind": ("jobs.kind.",),
    "rows_are": ("imports.kind.",),
    "answer": ("marks.answer_word.",),
}
#: Details that may hold a moment, as ISO 8601.
_MOMENTS = ("from", "since", "through")


@dataclass(frozen=True)
class TrailLine:
    """An entry in words.

    Attributes:
        sentence: what happened, who did it and to what.
        person_path: page of the person it is about; empty where it is about nobody.
        details: pairs of name and value.
    """

    entry: AuditEntry
    sentence: str
    person_path: str
    details: list[tuple[str, str]]


def actions(t: Translator) -> dict[str, list[tuple[str, str]]]:
    """Return every action by its noun, each with its words for the filter."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in t.texts:
        if key.startswith(_ACTIONS):
            noun, verb = key.removeprefix(_ACTIONS).split(".")
            words = t(key, who=t("audit.someone"), what="…")
            found.setdefault(noun, []).append((f"{noun}.{verb}", words))
    return found


@dataclass(frozen=True)
class TrailWords:
    """Puts entries into words.

    Attributes:
        t: the reader's translator.
        names: by what the audit trail calls a thing, such as `person:<id>`.
        say_moment: puts a moment into words.
    """

    t: Translator
    names: Mapping[str, str]
    say_moment: Callable[[datetime], str]

    def line(self, entry: AuditEntry) -> TrailLine:
        """Return an entry in words; an action of a later version is named by its code."""
        who, key = self.actor(entry.actor), f"{_ACTIONS}{entry.action}"
        if key in self.t.texts:
            sentence = self.t(key, who=who, what=self._subject(entry.subject))
        else:
            sentence = self.t("audit.unknown_action", who=who, action=entry.action)
        kind, _, identity = entry.subject.partition(":")
        is_person = kind == "person" and entry.subject in self.names
        details = [
            (self.t.or_else(f"audit.detail.{name}", name), self._value(name, value))
            for name, value in entry.details.items()
        ]
        return TrailLine(entry, sentence, f"/people/{identity}" if is_person else "", details)

    def actor(self, actor: str) -> str:
        """Return who did something."""
        kind, _, identity = actor.partition(":")
        if actor in self.names:
            name = self.names[actor]
            return self.t("audit.kiosk", name=name) if kind == "kiosk" else name
        if not identity:
            return self.t("audit.system")
        words = self.t.or_else(f"audit.gone.{kind}", actor)
        return words[:1].upper() + words[1:]

    def _subject(self, subject: str) -> str:
        kind = subject.partition(":")[0]
        if subject == NO_ACCOUNT:
            return self.t("audit.gone.unknown_account")
        return self.names.get(subject) or self.t.or_else(f"audit.gone.{kind}", subject)

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, bool):
            return self.t("audit.yes" if value else "audit.no")
        if isinstance(value, list):
            return ", ".join(self._value(name, one) for one in value)
        if name in DETAIL_KINDS:
            return self.names.get(f"{DETAIL_KINDS[name]}:{value}", str(value))
        if name in _MOMENTS and (at := _moment(value)) is not None:
            return self.say_moment(at)
        keys = (f"{prefix}{value}" for prefix in _VALUE_WORDS.get(name, ()))
        return next((self.t(key) for key in keys if key in self.t.texts), str(value))


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
