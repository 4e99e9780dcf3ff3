"""Read one sheet of an Excel workbook. Formulas are never evaluated; saved results are text."""

import re
import threading

from server.imports.archives import damaged, unpacked
from server.imports.number_formats import PLAIN, NumberFormat, shown
from server.imports.sheets import (
    LONGEST_CELL,
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    Sheet,
    SheetBuilder,
    SheetRow,
    UnreadableFileError,
    empty_file,
    too_many_cells,
    too_many_rows,
)
from server.imports.workbook_parts import (
    START,
    BookParts,
    contents_of,
    links_of,
    links_part,
    number_formats,
    plain_text,
    shared_texts,
)
from server.imports.xml_parts import TextPiece, read_xml

_REFERENCE = re.compile("([A-Z]{1,3})([0-9]{1,7})", re.IGNORECASE)
_NUMBER = re.compile("[0-9]{1,7}")
#: A workbook takes much memory while it is read, so there is one at a time.
_one_at_a_time = threading.Lock()


def read_workbook(data: bytes, sheet: str = "") -> Sheet:
    """Return the rows of a sheet; the first visible one where none is named.

    Raises:
        UnreadableFileError: there is no such sheet, or the workbook cannot be read.
    """
    with _one_at_a_time:
        contents = _contents(data)
        names = tuple(contents.sheets)
        if not names:
            raise empty_file()
        chosen = sheet or names[0]
        if chosen not in names:
            raise UnreadableFileError(
                "The workbook has no such sheet. Choose one of its sheets.", problem="file_no_sheet"
            )
        done = _read(data, contents, contents.sheets[chosen])
    return Sheet(done.header, done.rows, sheets=names, sheet=chosen)


def _contents(data: bytes) -> BookParts:
    """Return what is in the workbook; it says itself where its parts are."""
    links = links_of("", _parts(data, START).get(START)).values()
    name = next((one.target for one in links if one.kind == "officeDocument"), "")
    parts = _parts(data, name, links_part(name))
    if name not in parts:
        raise damaged()
    return contents_of(parts[name], links_of(name, parts.get(links_part(name))))


def _parts(data: bytes, *names: str) -> dict[str, bytes]:
    return unpacked(data, lambda name: name in names)


def _read(data: bytes, contents: BookParts, part: str) -> SheetBuilder:
    texts, styles = (contents.others.get(kind, "") for kind in ("sharedStrings", "styles"))
    parts = _parts(data, part, texts, styles)
    if part not in parts:
        raise damaged()
    cells = _Values(
        shared_texts(parts.pop(texts, None)),
        number_formats(parts.pop(styles, None)),
        since_1904=contents.since_1904,
    )
    rows = SheetRows(cells)
    read_xml(parts.pop(part, b""), rows)
    return rows.builder.checked()


class _Values:
    """Makes text of what cells hold."""

    def __init__(self, texts: list[str], formats: list[NumberFormat], *, since_1904: bool) -> None:
        self._texts = texts
        self._formats = formats
        self._since_1904 = since_1904

    def read(self, kind: str, style: str, value: str) -> tuple[str, bool]:
        """Return the text, and whether it may differ from what a person sees."""
        match kind:
            case "s":
                at = _number(value.strip())
                if at >= len(self._texts):
                    raise damaged()
                return self._texts[at], False
            case "str" | "inlineStr":
                return plain_text(value), False
            case "b":
                return ("true" if value.strip() == "1" else "false"), False
            case "e":
                return "", False
            case "d":
                return value.strip().removesuffix("T00:00:00"), False
        at = _number(style or "0")
        used = self._formats[at] if at < len(self._formats) else PLAIN
        return shown(value, used, since_1904=self._since_1904)


class SheetRows:
    """Takes in the elements of a sheet and gives its rows on, one at a time.

    Only cells with something in them are kept, so it does not matter how far apart they are.
    """

    def __init__(self, values: _Values) -> None:
        self.builder = SheetBuilder()
        self._values = values
        self._row, self._column, self._seen = 0, -1, 0
        self._cells: dict[int, str] = {}
        self._unsure: set[int] = set()
        self._kind = self._style = ""
        self._inside: list[str] = []
        self._piece = TextPiece(LONGEST_CELL)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take in the start of an element."""
        self._inside.append(name)
        if name == "row":
            self._begin_row(attributes.get("r", ""))
        elif name == "c":
            self._begin_cell(attributes)

    def text(self, text: str) -> None:
        """Take in the text of a value; readings of Japanese names are none."""
        inside = self._inside
        if inside and (inside[-1] == "v" or (inside[-1] == "t" and "rPh" not in inside)):
            self._piece.add(text)

    def end(self, name: str) -> None:
        """Take in the end of an element."""
        self._inside.pop()
        if name == "c":
            self._end_cell()
        elif name == "row":
            self._end_row()

    def _begin_row(self, stated: str) -> None:
        number = _number(stated) if stated else self._row + 1
        if number <= self._row:
            raise damaged()
        if self._row == 0 and number > 1:
            self.builder.add(SheetRow(1, ()))
        self._row, self._column = number, -1
        self._cells, self._unsure = {}, set()

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > MOST_CELLS:
            raise too_many_cells()
        reference = attributes.get("r")
        column = self._column + 1 if reference is None else _column(reference)
        if column <= self._column:
            raise damaged()
        self._column = column
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._piece.take()

    def _end_cell(self) -> None:
        value = self._piece.take()
        if not value:
            return
        text, is_unsure = self._values.read(self._kind, self._style, value)
        # The builder refuses a row with one column too many, however far that one is.
        at = min(self._column, MOST_COLUMNS)
        if text:
            self._cells[at] = text
        if is_unsure:
            self._unsure.add(at)

    def _end_row(self) -> None:
        if self._cells and self._row > MOST_ROWS + 1:
            raise too_many_rows()
        width = max(self._cells, default=-1) + 1
        cells = tuple(self._cells.get(at, "") for at in range(width))
        self.builder.add(SheetRow(self._row, cells, frozenset(self._unsure)))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise damaged()
    return int(text)


def _column(reference: str) -> int:
    """Return the number of the column of a cell; A is 0."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise damaged()
    number = 0
    for letter in found[1].upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
