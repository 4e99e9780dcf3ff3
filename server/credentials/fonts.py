"""The fonts of what is printed: Noto, as Debian packages it, for names in any script.

The libraries for PDF and fonts are loaded by the first print: they take a quarter of the time in
which a server starts, and most processes never print.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from server.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpdf import FPDF

_ROOT = Path("/usr/share/fonts")
_NOTO = _ROOT / "truetype" / "noto"
_LATIN = "NotoSans"
_FIRST = (_NOTO / f"{_LATIN}-Regular.ttf", _NOTO / f"{_LATIN}-Bold.ttf")
#: Scripts of names, beside Latin, Greek and Cyrillic, which the first font has.
_SCRIPTS = (
    "Arabic",
    "Hebrew",
    "Devanagari",
    "Bengali",
    "Gurmukhi",
    "Gujarati",
    "Tamil",
    "Telugu",
    "Kannada",
    "Malayalam",
    "Sinhala",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Georgian",
    "Armenian",
    "Ethiopic",
    "Thaana",
    "Syriac",
    "Mongolian",
)
#: Chinese, Japanese and Korean are one file.
_EAST_ASIAN = _ROOT / "opentype" / "noto" / "NotoSansCJK-Regular.ttc"
_BIDI_FIRST, _BIDI_LAST = 0x0590, 0x08FF


class FontsMissingError(UnavailableError):
    """The server has no font to print with; the technician installs Debian's fonts-noto-core."""

    code = "fonts_missing"
    default_message = "Printing needs Debian's packages fonts-noto-core and fonts-noto-cjk."


@contextmanager
def new_document(text: str) -> Iterator[FPDF]:
    """Open an empty A4 document with the fonts that a text needs; the first is current.

    A character that no installed font has is printed as a box. The files of the fonts are closed
    with the block, so that is where the document is written.

    Args:
        text: everything that will be printed.

    Raises:
        FontsMissingError: not even the first font is installed.
    """
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

    require_fonts()
    regular, bold = _FIRST
    document = FPDF(format="A4")
    document.set_auto_page_break(False)
    document.set_margin(0)
    document.c_margin = 0
    document.add_font(_LATIN, "", regular)
    document.add_font(_LATIN, "B", bold)
    further = _fonts_for(frozenset(map(ord, text)) - _characters(regular))
    for font in further:
        for style in ("", "B"):
            document.add_font(font.stem, style, _styled(font, style))
    document.set_fallback_fonts([font.stem for font in further], exact_match=False)
    document.set_text_shaping(use_shaping_engine=True)
    document.set_font(_LATIN)
    try:
        yield document
    finally:
        for one in document.fonts.values():
            if isinstance(one, TTFFont):
                one.ttfont.close()


def require_fonts() -> None:
    """Check that something can be printed, before anything is made that is shown only in print.

    Raises:
        FontsMissingError: not even the first font is installed.
    """
    if not all(font.is_file() for font in _FIRST):
        raise FontsMissingError


def has_right_to_left(text: str) -> bool:
    """Whether the first letter of a text is written from right to left."""
    first = next((one for one in text if one.isalpha()), "")
    return bool(first) and _BIDI_FIRST <= ord(first) <= _BIDI_LAST


def _fonts_for(missing: frozenset[int]) -> list[Path]:
    """Return the installed fonts that have further characters, as few as are needed."""
    found = []
    for font in (*(_NOTO / f"{_LATIN}{script}-Regular.ttf" for script in _SCRIPTS), _EAST_ASIAN):
        if not missing:
            break
        if font.is_file() and (has := _characters(font) & missing):
            found.append(font)
            missing -= has
    return found


def _styled(font: Path, style: str) -> Path:
    bold = font.with_name(font.name.replace("-Regular", "-Bold"))
    return bold if style and bold.is_file() else font


@cache
def _characters(font: Path) -> frozenset[int]:
    """Return the code points of a font's glyphs."""
    from fontTools.ttLib import TTFont

    try:
        with TTFont(font, fontNumber=0, lazy=True) as opened:
            return frozenset(opened.getBestCmap())
    except Exception as exc:  # a damaged font fails in many ways
        raise ConfigurationError(f"the font {font} cannot be read") from exc
