"""Reads the CSV file that lists kiosks and their rooms."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from provisioning.errors import ProvisioningError

MOST_ROWS = 1000
_MOST_BYTES = 1 << 20
#: Of a kiosk's name. Source: server/kiosks/schemas.py.
_MOST_CHARS = 80


@dataclass(frozen=True)
class ListedRow:
    """One line of the file.

    Attributes:
        line: its number in the file, from 1.
        fault: why it cannot be used; empty where it can.
    """

    line: int
    name: str
    room: str
    fault: str = ""


def read_rows(path: Path) -> list[ListedRow]:
    """Read a file with the columns `name` and `room`, separated by commas or semicolons.

    Raises:
        ProvisioningError: it cannot be read, or has other columns.
    """
    text = _text(path)
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        columns = [column.strip().lower() for column in next(lines, [])]
        if columns.count("name") != 1 or columns.count("room") != 1:
            raise ProvisioningError(f"{path} must begin with the line: name,room")
        places = columns.index("name"), columns.index("room")
        rows = [
            _row(lines.line_num, cells, places) for cells in lines if any(map(str.strip, cells))
        ]
    except csv.Error as exc:
        raise ProvisioningError(f"{path} is not a CSV file: {exc}") from exc
    if not rows:
        raise ProvisioningError(f"{path} lists no kiosks")
    if len(rows) > MOST_ROWS:
        raise ProvisioningError(f"{path} lists more than {MOST_ROWS} kiosks")
    return _without_doubles(rows)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise ProvisioningError(f"cannot read {path}: {exc.strerror}") from exc
    if len(raw) > _MOST_BYTES:
        raise ProvisioningError(f"{path} is too large for a list of kiosks")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ProvisioningError(
            f"cannot read {path}: not UTF-8 text; save it as CSV (UTF-8)"
        ) from exc


def _row(line: int, cells: list[str], places: tuple[int, int]) -> ListedRow:
    name, room = (cells[place].strip() if place < len(cells) else "" for place in places)
    return ListedRow(line, name, room, _fault(name, room))


def _fault(name: str, room: str) -> str:
    if not name:
        return "the name is missing"
    if not room:
        return "the room is missing"
    if len(name) > _MOST_CHARS:
        return f"the name has more than {_MOST_CHARS} characters"
    if not (name.isprintable() and room.isprintable()):
        return "the name or the room has characters that cannot be shown"
    return ""


def _without_doubles(rows: list[ListedRow]) -> list[ListedRow]:
    times = Counter(row.name for row in rows)
    return [
        ListedRow(row.line, row.name, row.room, "this name is in the file more than once")
        if not row.fault and times[row.name] > 1
        else row
        for row in rows
    ]
