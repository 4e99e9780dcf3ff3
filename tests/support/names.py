"""Two hundred names of many languages, and how people type them."""

import re
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parent.parent / "unit/server/people/names.txt"


class TypedName(NamedTuple):
    """A name and the searches that must find it."""

    given_name: str
    family_name: str
    searches: list[str]

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


def typed_names() -> list[TypedName]:
    """Return the names of the list, in its order."""
    lines = _FILE.read_text().splitlines()
    rows = [_shown(line).split("|") for line in lines if line and not line.startswith("#")]
    return [TypedName(row[0], row[1], row[2:]) for row in rows]


def _shown(line: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), line)
