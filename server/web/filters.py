"""Filters above a list: what can be chosen, what is chosen, and the addresses without each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from pydantic import BeforeValidator

from server.web.translations import Translator

T = TypeVar("T")
#: A filter that a form sends empty is not set.
Chosen = Annotated[T | None, BeforeValidator(lambda text: text or None)]


@dataclass(frozen=True)
class Filter:
    """One choice.

    Attributes:
        name: of its parameter.
        label: its words.
        options: values and their words, without "any".
        value: the chosen one; empty where all rows are wanted.
        hint: what stands below it.
    """

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    value: str
    hint: str = ""

    @property
    def shown(self) -> str:
        """The words of the chosen value; a dash where it is not among the options."""
        return next((words for value, words in self.options if value == self.value), "\u2013")


@dataclass(frozen=True)
class FilterBar:
    """All filters of a list.

    Attributes:
        path: of the list.
        filters: in the order of the form.
        kept: what else the list's address holds, such as the week: names and values.
    """

    path: str
    filters: tuple[Filter, ...]
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def chosen(self) -> list[Filter]:
        """The filters that are set."""
        return [one for one in self.filters if one.value]

    def offers(self, name: str) -> bool:
        """Return whether there is anything to choose in a filter."""
        return any(one.options for one in self.filters if one.name == name)

    @property
    def query(self) -> str:
        """What the address of each page of the list asks for, ending in `&` unless it is empty."""
        return _open_query(self.values())

    def query_without(self, name: str) -> str:
        """Return the same without one parameter, to put another value behind it."""
        return _open_query(one for one in self.values() if one[0] != name)

    @property
    def address(self) -> str:
        """The address of the list with these filters."""
        return _address(self.path, self.values())

    @property
    def cleared(self) -> str:
        """The address of the list without any filter."""
        return _address(self.path, self.kept)

    def values(self, *, without: str = "") -> list[tuple[str, str]]:
        """Return names and values of what is set, one filter left out where it is named."""
        found = ((one.name, one.value) for one in self.chosen if one.name != without)
        return [*self.kept, *found]

    def without(self, name: str) -> str:
        """Return the address of the list without one filter."""
        return _address(self.path, self.values(without=name))


def choices(kind: type[StrEnum], t: Translator, prefix: str) -> list[tuple[str, str]]:
    """Return the values of an enumeration with their words, `<prefix>.<value>`."""
    return [(one.value, t(f"{prefix}.{one.value}")) for one in kind]


def _open_query(values: Iterable[tuple[str, str]]) -> str:
    asked = urlencode(list(values))
    return f"{asked}&" if asked else ""


def _address(path: str, values: Iterable[tuple[str, str]]) -> str:
    asked = urlencode(list(values))
    return f"{path}?{asked}" if asked else path
