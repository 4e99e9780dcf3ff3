"""Read a part of a workbook element by element. Nothing is kept but what a reader keeps.

Hostile XML costs no more than its size: there are no entities, and depth, length of one tag, number
of names and number of elements have limits.
"""

from typing import Protocol
from xml.parsers import expat

from server.imports.archives import damaged
from server.imports.sheets import MOST_CELLS, too_many_cells

#: What is given to the parser at once.
STEP_BYTES = 64 * 1024
#: Text comes in pieces, so only one tag, comment or the like can be longer.
LONGEST_TAG_BYTES = 1024 * 1024
_DEEPEST = 64
#: The parser keeps every name that it has met.
_MOST_NAMES = 2_000
#: Each cell has a value and may have a formula.
_MOST_ELEMENTS = 4 * MOST_CELLS


class XmlReader(Protocol):
    """What takes in elements. Names have no prefix."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take in the start of an element."""

    def end(self, name: str) -> None:
        """Take in its end."""

    def text(self, text: str) -> None:
        """Take in a piece of text."""


def read_xml(data: bytes, reader: XmlReader) -> None:
    """Give all elements of a part to a reader.

    Raises:
        UnreadableFileError: it is damaged, or built to cost much.
    """
    names: dict[str, str] = {}
    parser = _parser(reader, names)
    try:
        for start in range(0, len(data), STEP_BYTES):
            parser.Parse(data[start : start + STEP_BYTES])
            waiting = min(start + STEP_BYTES, len(data)) - max(0, parser.CurrentByteIndex)
            if waiting > LONGEST_TAG_BYTES or len(names) > _MOST_NAMES:
                raise damaged()
        parser.Parse(b"", True)  # noqa: FBT003 - it takes no name
    except (expat.ExpatError, LookupError, ValueError) as exc:
        raise damaged() from exc


def _parser(reader: XmlReader, names: dict[str, str]) -> expat.XMLParserType:
    parser = expat.ParserCreate(intern=names)
    depth = elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _DEEPEST:
            raise damaged()
        if elements > _MOST_ELEMENTS:
            raise too_many_cells()
        reader.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        reader.end(name.rpartition(":")[2])

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    """Refuse what could declare entities; no workbook has it.

    Raises:
        UnreadableFileError: always.
    """
    raise damaged()


class TextPiece:
    """Collects text up to a limit; what is longer is cut one character beyond it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        """Take in a piece."""
        if self._length <= self._most:
            self._pieces.append(text[: self._most + 1 - self._length])
            self._length += len(self._pieces[-1])

    def take(self) -> str:
        """Return the text, and begin anew."""
        text = "".join(self._pieces)
        self._pieces, self._length = [], 0
        return text
