"""Cards and PIN letters, looked at as a camera and a reader see them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray

from protocol.v1.checkin import make_printed_card
from server.credentials import fonts
from server.credentials.fonts import FontsMissingError, has_right_to_left
from server.credentials.printing import (
    CARD_GRID,
    CARD_MM,
    PAGE_MM,
    PinLetter,
    PrintedCard,
    card_sheets,
    pin_letters,
)
from server.web.translations import translator
from tests.support.names import typed_names

_DOTS_A_MM = 8
_POINTS_A_MM = 72 / 25.4
NAMES = {
    "latin": "Zaynab Ünsal",
    "greek": "Ελένη Παπαδοπούλου",
    "cyrillic": "Наталья Щукина",
    "arabic": "عبد الرحمن الخطيب",
    "hebrew": "נועה לוי",
    "devanagari": "अनुष्का श्रीवास्तव",
    "bengali": "অনন্যা চট্টোপাধ্যায়",
    "thai": "ณัฐวุฒิ",
    "tamil": "முத்துலட்சுமி",
    "chinese": "王小明",
    "japanese": "田中さくら",
    "korean": "김민준",
}


def pictures(pdf: bytes) -> list[NDArray[np.uint8]]:
    """Draw the pages, grey."""
    with pypdfium2.PdfDocument(pdf) as document:
        scale = _DOTS_A_MM / _POINTS_A_MM
        return [page.render(scale=scale, grayscale=True).to_numpy() for page in document]


def texts(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range() for page in document]


def cards_of(page: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut a page along its marks."""
    columns, rows = CARD_GRID
    left, top = (PAGE_MM[0] - columns * CARD_MM[0]) / 2, (PAGE_MM[1] - rows * CARD_MM[1]) / 2
    found = []
    for at in range(columns * rows):
        row, column = divmod(at, columns)
        x, y = left + column * CARD_MM[0], top + row * CARD_MM[1]
        edges = (y, y + CARD_MM[1], x, x + CARD_MM[0])
        first_y, last_y, first_x, last_x = (round(edge * _DOTS_A_MM) for edge in edges)
        found.append(np.ascontiguousarray(page[first_y:last_y, first_x:last_x]))
    return found


def read(picture: NDArray[np.uint8]) -> str:
    """Read with either of OpenCV's detectors: each misses a few codes that the other reads."""
    detectors = (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector())
    return next((text for one in detectors if (text := one.detectAndDecode(picture)[0])), "")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_card_is_read_and_the_longest_name_covers_no_code(language: str) -> None:
    names = [
        *list(NAMES.values())[:8],
        "W" * 160,
        "Wolfeschlegelsteinhausenbergerdorff " * 4,
        "王" * 160,
    ]
    cards = [PrintedCard(name, "N" * 40, make_printed_card()) for name in names]

    pages = pictures(card_sheets(cards, "S" * 120, translator(language)))

    seen = [text for page in pages for card in cards_of(page) if (text := read(card))]
    assert len(pages) == 2
    assert sorted(seen) == sorted(card.text for card in cards)


def test_nothing_is_printed_where_cards_are_cut() -> None:
    cards = [PrintedCard("W" * 160, "N" * 40, make_printed_card())] * 10
    (page,) = pictures(card_sheets(cards, "S" * 120, translator("en")))
    for card in cards_of(page):
        edge = 2 * _DOTS_A_MM
        inner = card[edge:-edge, edge:-edge]
        assert inner.min() < 100
        assert (card < 250).sum() == (inner < 250).sum()


def test_eleventh_card_begins_a_page() -> None:
    cards = [PrintedCard("Ana", str(at), make_printed_card()) for at in range(11)]
    first, second = texts(card_sheets(cards, "School", translator("en")))
    assert first.count("Ana") == 10
    assert second.count("Ana") == 1


def test_a_letter_holds_name_and_pin_and_three_fit_on_a_page() -> None:
    letters = [PinLetter(f"Person {at}", f"S-{at}", f"{at}23456") for at in range(4)]
    first, second = texts(pin_letters(letters, "Lindenhof School", translator("en")))
    for at, page in ((0, first), (1, first), (2, first), (3, second)):
        assert f"Person {at}" in page
        assert f"{at}23 456" in page
    assert "Lindenhof School" in second


@pytest.mark.parametrize("make", [card_sheets, pin_letters])
def test_nobody_s_name_becomes_the_title_of_the_file(make: Callable[..., bytes]) -> None:
    one = PrintedCard("Ana", "S-1", "x") if make is card_sheets else PinLetter("Ana", "S", "123456")
    with pypdfium2.PdfDocument(make([one], "School", translator("en"))) as document:
        assert "Ana" not in str(document.get_metadata_dict())


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_script_has_a_font(name: str) -> None:
    assert missing(name) == set()


def test_names_of_the_list_have_fonts() -> None:
    shown = "".join(one.display_name for one in typed_names())
    assert missing(shown) <= set(map(ord, "\u200c\u200d"))


def missing(text: str) -> set[int]:
    with fonts.new_document(text) as document:
        has = {key for font in document.fonts.values() for key in font.cmap}  # type: ignore[union-attr]
    return {ord(one) for one in text if not one.isspace()} - has


def test_a_server_without_fonts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_FIRST", (fonts._ROOT / "none.ttf",))
    with pytest.raises(FontsMissingError):
        pin_letters([PinLetter("Ana", "S-1", "123456")], "School", translator("en"))


def test_no_file_of_a_font_stays_open() -> None:
    folder = Path("/proc/self/fd")
    before = len(list(folder.iterdir()))
    for _ in range(3):
        pin_letters(
            [PinLetter(NAMES["arabic"] + NAMES["thai"], "S-1", "123456")],
            "School",
            translator("en"),
        )
    assert len(list(folder.iterdir())) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ana", False), ("رقمك", True), ("12 نועה", True), ("123", False), ("", False)],
)
def test_direction_is_that_of_the_first_letter(text: str, expected: bool) -> None:
    assert has_right_to_left(text) is expected
