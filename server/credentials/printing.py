"""Cards and PIN letters as PDF, to be printed on A4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import segno

from server.credentials.fonts import has_right_to_left, new_document
from server.web.qr import QUIET_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fpdf import FPDF

    from server.web.translations import Translator

PAGE_MM = (210.0, 297.0)
#: The size of a bank card. Source: ISO/IEC 7810, ID-1, rounded to tenths.
CARD_MM = (85.6, 54.0)
CARD_GRID = (2, 5)
LETTER_MM = (210.0, 99.0)
_LETTERS_A_PAGE = 3
_QR_MM = 36.0
_EDGE_MM = 5.0
_MARK_MM = 6.0
_MARK_GAP_MM = 1.5
_MM_OF_POINT = 25.4 / 72
_LINE_HEIGHT = 1.35
_GREY, _BLACK = 110, 0
_ISOLATES = re.compile("[\u2066-\u2069]")


@dataclass(frozen=True)
class PrintedCard:
    """One card: whose, and what its QR says."""

    name: str
    number: str
    text: str


@dataclass(frozen=True)
class PinLetter:
    """One letter: whose, and the PIN."""

    name: str
    number: str
    pin: str


@dataclass(frozen=True)
class PrintArea:
    """Where text is put, mm."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class PrintStyle:
    """How text is put: sizes in points, and the side at which it begins, `L` or `R`."""

    largest: int
    smallest: int
    side: str
    bold: bool = False
    grey: bool = False


def card_sheets(cards: Sequence[PrintedCard], school: str, t: Translator) -> bytes:
    """Return a PDF with ten cards on each page, with marks to cut along.

    Args:
        cards: in this order, line by line.
        school: its name.
        t: of the person who prints.

    Raises:
        FontsMissingError: the server has no font to print with.
    """
    hint = _plain(t("credentials.card.hint"))
    texts = [text for card in cards for text in (card.name, card.number)]
    with new_document("".join([school, hint, *texts])) as document:
        for at, card in enumerate(cards):
            _place_card(document, at, card, (school, hint), is_mirrored=t.direction == "rtl")
        return bytes(document.output())


def pin_letters(letters: Sequence[PinLetter], school: str, t: Translator) -> bytes:
    """Return a PDF with three letters on each page, with lines to cut along.

    Args:
        letters: in this order.
        school: its name.
        t: of the person who prints.

    Raises:
        FontsMissingError: the server has no font to print with.
    """
    words = [_plain(t(f"credentials.letter.{key}")) for key in ("title", "use", "secret")]
    texts = [text for one in letters for text in (one.name, one.number)]
    with new_document("".join([school, *words, *texts, "0123456789"])) as document:
        for at, letter in enumerate(letters):
            place = at % _LETTERS_A_PAGE
            if place == 0:
                document.add_page()
                _cut_lines(document)
            _letter(document, place * LETTER_MM[1], letter, (school, *words))
        return bytes(document.output())


def _place_card(
    document: FPDF, at: int, card: PrintedCard, words: tuple[str, str], *, is_mirrored: bool
) -> None:
    columns, rows = CARD_GRID
    left, top = (PAGE_MM[0] - columns * CARD_MM[0]) / 2, (PAGE_MM[1] - rows * CARD_MM[1]) / 2
    place = at % (columns * rows)
    if place == 0:
        document.add_page()
        _crop_marks(document, left, top)
    row, column = divmod(place, columns)
    if is_mirrored:
        column = columns - 1 - column
    area = PrintArea(left + column * CARD_MM[0], top + row * CARD_MM[1], *CARD_MM)
    _card(document, area, card, words, is_mirrored=is_mirrored)


def _card(
    document: FPDF, box: PrintArea, card: PrintedCard, words: tuple[str, str], *, is_mirrored: bool
) -> None:
    school, hint = words
    width = box.width - _QR_MM - 2 * _EDGE_MM
    qr_x = box.x + (_EDGE_MM / 2 if is_mirrored else box.width - _QR_MM - _EDGE_MM / 2)
    text_x = box.x + (_QR_MM + _EDGE_MM if is_mirrored else _EDGE_MM)
    _qr(document, card.text, qr_x, box.y + (box.height - _QR_MM) / 2, _QR_MM)
    side = "R" if is_mirrored else "L"
    _fit(
        document, school, PrintArea(text_x, box.y + 5, width, 9), PrintStyle(9, 6, side, grey=True)
    )
    _fit(
        document,
        card.name,
        PrintArea(text_x, box.y + 15, width, 18),
        PrintStyle(14, 5, side, bold=True),
    )
    _fit(document, card.number, PrintArea(text_x, box.y + 33.5, width, 5), PrintStyle(9, 4, side))
    _fit(
        document,
        hint,
        PrintArea(text_x, box.y + 39.5, width, 11),
        PrintStyle(7, 5, side, grey=True),
    )


def _letter(document: FPDF, top: float, letter: PinLetter, words: tuple[str, ...]) -> None:
    school, title, use, secret = words
    width = LETTER_MM[0] - 2 * 20
    side = "R" if has_right_to_left(title) else "L"
    put = [
        (school, 12, 7, PrintStyle(10, 7, side, grey=True)),
        (letter.name, 21, 16, PrintStyle(17, 7, side, bold=True)),
        (letter.number, 37, 6, PrintStyle(10, 6, side)),
        (title, 48, 6, PrintStyle(10, 7, side, grey=True)),
        (f"{letter.pin[:3]} {letter.pin[3:]}", 54, 15, PrintStyle(30, 30, side, bold=True)),
        (use, 72, 9, PrintStyle(10, 7, side)),
        (secret, 81, 9, PrintStyle(10, 7, side)),
    ]
    for text, y, height, style in put:
        _fit(document, text, PrintArea(20, top + y, width, height), style)


def _fit(document: FPDF, text: str, box: PrintArea, style: PrintStyle) -> None:
    """Write a text into a box in the largest size in which it fits; the rest is cut off."""
    document.set_text_color(_GREY if style.grey else _BLACK)
    lines, height = [""], box.height
    for size in range(style.largest, style.smallest - 1, -1):
        document.set_font("NotoSans", "B" if style.bold else "", size)
        height = size * _MM_OF_POINT * _LINE_HEIGHT
        lines = _lines(document, _plain(text), box.width)
        if len(lines) * height <= box.height:
            break
    for at, line in enumerate(lines[: max(1, int(box.height // height))]):
        document.set_xy(box.x, box.y + at * height)
        document.cell(box.width, height, line, align=style.side)


def _lines(document: FPDF, text: str, width: float) -> list[str]:
    """Break a text in the current font into lines of a width, mm."""
    lines = document.multi_cell(width, text=text, dry_run=True, output="LINES")
    assert isinstance(lines, list)
    return lines


def _plain(text: str) -> str:
    """Return a text without the marks that isolate a direction, which no font draws."""
    return _ISOLATES.sub("", text)


def _qr(document: FPDF, text: str, x: float, y: float, side_mm: float) -> None:
    """Draw a QR of squares, with its quiet zone inside the side."""
    rows = list(segno.make_qr(text, error="m").matrix)
    module = side_mm / (len(rows) + 2 * QUIET_MODULES)
    document.set_fill_color(0)
    for row, bits in enumerate(rows):
        for first, count in _runs(bits):
            document.rect(
                x + (QUIET_MODULES + first) * module,
                y + (QUIET_MODULES + row) * module,
                count * module,
                module,
                style="F",
            )


def _runs(bits: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the dark runs of a row: where each begins, and its length."""
    start = None
    for at, bit in enumerate([*bits, 0]):
        if bit and start is None:
            start = at
        if not bit and start is not None:
            yield start, at - start
            start = None


def _crop_marks(document: FPDF, left: float, top: float) -> None:
    """Draw the marks beside the cards, where every cut begins and ends."""
    document.set_draw_color(_GREY)
    document.set_line_width(0.15)
    right, bottom = PAGE_MM[0] - left, PAGE_MM[1] - top
    far, near = _MARK_GAP_MM + _MARK_MM, _MARK_GAP_MM
    for column in range(CARD_GRID[0] + 1):
        x = left + column * CARD_MM[0]
        document.line(x, top - far, x, top - near)
        document.line(x, bottom + near, x, bottom + far)
    for row in range(CARD_GRID[1] + 1):
        y = top + row * CARD_MM[1]
        document.line(left - far, y, left - near, y)
        document.line(right + near, y, right + far, y)


def _cut_lines(document: FPDF) -> None:
    document.set_draw_color(_GREY)
    document.set_line_width(0.15)
    for number in range(1, _LETTERS_A_PAGE):
        y = number * LETTER_MM[1]
        document.line(0, y, 8, y)
        document.line(LETTER_MM[0] - 8, y, LETTER_MM[0], y)
