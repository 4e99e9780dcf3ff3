"""The parts of a workbook beside its sheets: where they are, texts that cells share, formats."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from server.imports.archives import damaged
from server.imports.number_formats import NumberFormat, number_format
from server.imports.sheets import LONGEST_CELL, MOST_CELLS, too_many_cells
from server.imports.xml_parts import TextPiece, read_xml

#: Excel allows 31 characters.
_LONGEST_NAME = 120
_MOST_SHEETS = 1_000
#: Excel allows 65,490.
_MOST_FORMATS = 100_000
#: How Excel writes characters that XML does not have.
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_FORMAT = re.compile("[0-9]{1,9}")
START = "_rels/.rels"


@dataclass(frozen=True)
class PartLink:
    """A relationship of a part: what it is, and the name of the part that it leads to."""

    kind: str
    target: str


class _Links:
    def __init__(self, folder: str) -> None:
        self.found: dict[str, PartLink] = {}
        self._folder = folder

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        path = posixpath.normpath(posixpath.join("/", self._folder, target)).lstrip("/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.found[attributes.get("Id", "")] = PartLink(kind, path)

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


def links_of(part: str, data: bytes | None) -> dict[str, PartLink]:
    """Return the relationships of a part by their id, from the part that lists them."""
    reader = _Links(posixpath.dirname(part))
    read_xml(data or b"", reader)
    return reader.found


def links_part(part: str) -> str:
    """Return where the relationships of a part are."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


class _Sheets:
    def __init__(self) -> None:
        self.found: list[tuple[str, str, bool]] = []
        self.since_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in {"1", "true"}
        if name != "sheet":
            return
        ids = (value for key, value in attributes.items() if key.rpartition(":")[2] == "id")
        is_visible = attributes.get("state", "visible") == "visible"
        self.found.append((attributes.get("name", ""), next(ids, ""), is_visible))
        if len(self.found[-1][0]) > _LONGEST_NAME or len(self.found) > _MOST_SHEETS:
            raise damaged()

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


@dataclass(frozen=True)
class BookParts:
    """What a workbook says about itself.

    Attributes:
        sheets: part of each sheet by its name; visible ones first.
        others: names of other parts by what they are.
        since_1904: whether days are counted from 1904 on.
    """

    sheets: Mapping[str, str]
    others: Mapping[str, str]
    since_1904: bool


def contents_of(workbook: bytes, links: Mapping[str, PartLink]) -> BookParts:
    """Return what a workbook says about itself."""
    reader = _Sheets()
    read_xml(workbook, reader)
    sheets: dict[str, str] = {}
    for name, link_id, _ in sorted(reader.found, key=lambda one: not one[2]):
        link = links.get(link_id)
        if link and link.kind == "worksheet":
            sheets.setdefault(name, link.target)
    others = {link.kind: link.target for link in links.values()}
    return BookParts(sheets, others, reader.since_1904)


class _Texts:
    """Texts that cells share; only the start of one that is too long for any cell."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._piece = TextPiece(LONGEST_CELL)
        self._inside: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        self._inside.append(name)

    def end(self, name: str) -> None:
        self._inside.pop()
        if name == "si":
            self.found.append(plain_text(self._piece.take()))
            if len(self.found) > MOST_CELLS:
                raise too_many_cells()

    def text(self, text: str) -> None:
        if self._inside[-1:] == ["t"] and "rPh" not in self._inside:
            self._piece.add(text)


def shared_texts(data: bytes | None) -> list[str]:
    """Return the texts that cells name by number."""
    reader = _Texts()
    if data is not None:
        read_xml(data, reader)
    return reader.found


def plain_text(text: str) -> str:
    """Return a text without spaces around it, with the characters that Excel spelled out."""
    if "_x" in text:
        text = _ESCAPED.sub(_unescaped, text)
    return text.strip()


def _unescaped(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char.isprintable() or char in "\t\r\n" else found[0]


@dataclass
class _Formats:
    codes: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    _is_cells: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._is_cells = True
        elif name == "xf" and self._is_cells:
            self.used.append(attributes.get("numFmtId", "0"))
        if len(self.codes) + len(self.used) > _MOST_FORMATS:
            raise damaged()

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._is_cells = False

    def text(self, text: str) -> None:
        pass


def number_formats(data: bytes | None) -> list[NumberFormat]:
    """Return the formats that cells name by number."""
    reader = _Formats()
    if data is not None:
        read_xml(data, reader)
    return list(_formats(reader))


def _formats(reader: _Formats) -> Iterator[NumberFormat]:
    known: dict[str, NumberFormat] = {}
    for used in reader.used:
        if used not in known:
            number = int(used) if _FORMAT.fullmatch(used) else 0
            known[used] = number_format(number, reader.codes.get(used))
        yield known[used]
