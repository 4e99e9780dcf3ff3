"""The size at which a text fits its place: letters shrink before a word breaks or is cut."""

import math

from PySide6.QtCore import QObject, QSizeF, Slot
from PySide6.QtGui import QFont, QGuiApplication, QTextLayout, QTextOption
from PySide6.QtQml import qmlRegisterType

LINE_HEIGHT = 1.34
"""Of every text, in ems; Words.qml draws with the same."""
_EVERYWHERE = 1e6
_SAMPLE_PX = 100


def line_height_px(size_px: int) -> int:
    """Return the height of one line of text, in pixels."""
    return math.floor(size_px * LINE_HEIGHT + 0.5)


def fits(text: str, box_px: QSizeF, size_px: int, *, is_bold: bool) -> bool:
    """Return whether a text of this size stays in a box without a break inside a word.

    Args:
        text: without markup.
        box_px: width and height, in pixels.
        size_px: of the font.
        is_bold: as it is drawn.
    """
    layout = _laid_out(text, size_px, box_px.width(), is_bold=is_bold)
    lines = [layout.lineAt(number) for number in range(layout.lineCount())]
    is_low = len(lines) * line_height_px(size_px) <= box_px.height()
    return is_low and all(line.naturalTextWidth() <= box_px.width() for line in lines)


def fitting_px(text: str, box_px: QSizeF, sizes_px: range, *, is_bold: bool) -> int:
    """Return the largest of the sizes at which a text fits a box, or the smallest of all.

    Args:
        text: without markup.
        box_px: width and height, in pixels.
        sizes_px: to choose from, rising; at least one.
        is_bold: as it is drawn.
    """
    if fits(text, box_px, sizes_px[-1], is_bold=is_bold):
        return sizes_px[-1]
    low, high = 0, len(sizes_px) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if fits(text, box_px, sizes_px[middle], is_bold=is_bold):
            low = middle
        else:
            high = middle
    return sizes_px[low]


def ascent_em(text: str, *, is_bold: bool) -> float:
    """Return how far a text reaches above its baseline on one line, in ems.

    Fonts of different scripts differ widely, and a line has the highest of its fonts.
    """
    layout = _laid_out(text, _SAMPLE_PX, _EVERYWHERE, is_bold=is_bold)
    return layout.lineAt(0).ascent() / _SAMPLE_PX


def line_drops_px(text: str, width_px: float, size_px: int, *, is_bold: bool) -> list[int]:
    """Return how much lower each line must be drawn so that all baselines are equally far apart.

    Args:
        text: without markup.
        width_px: at which it breaks into lines.
        size_px: of the font.
        is_bold: as it is drawn.
    """
    layout = _laid_out(text, size_px, width_px, is_bold=is_bold)
    ascents = [layout.lineAt(number).ascent() for number in range(layout.lineCount())]
    return [round(max(ascents) - ascent) for ascent in ascents]


class TextFitter(QObject):
    """Gives QML the sizes of texts. Lives in the GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._dropped: tuple[str, bool, float, int] | None = None
        self._drops_px: list[int] = []

    @Slot(str, bool, QSizeF, int, int, result=int)
    def size(self, text: str, is_bold: bool, box_px: QSizeF, largest: int, smallest: int) -> int:
        """See ``fitting_px``; ``largest`` counts where it is below ``smallest``."""
        sizes_px = range(min(smallest, largest), largest + 1)
        return fitting_px(text, box_px, sizes_px, is_bold=is_bold)

    @Slot(str, bool, QSizeF, int, result=bool)
    def fits(self, text: str, is_bold: bool, box_px: QSizeF, size_px: int) -> bool:
        """See ``fits``."""
        return fits(text, box_px, size_px, is_bold=is_bold)

    @Slot(str, bool, result=float)
    def ascent(self, text: str, is_bold: bool) -> float:
        """See ``ascent_em``."""
        return ascent_em(text, is_bold=is_bold)

    @Slot(str, bool, result=bool)
    def mixes(self, text: str, is_bold: bool) -> bool:
        """Return whether lines of a text may have different ascents."""
        return any(line_drops_px(text, 0, _SAMPLE_PX, is_bold=is_bold))

    @Slot(str, bool, float, int, int, result=int)
    def drop(self, text: str, is_bold: bool, width_px: float, size_px: int, line: int) -> int:
        """Return one of ``line_drops_px``; 0 for a line that is not there."""
        if (text, is_bold, width_px, size_px) != self._dropped:
            self._dropped = (text, is_bold, width_px, size_px)
            self._drops_px = line_drops_px(text, width_px, size_px, is_bold=is_bold)
        return self._drops_px[line] if line < len(self._drops_px) else 0


def register_fitting() -> None:
    """Make the type known to QML: ``import Rollcall.Fitting 1.0``."""
    qmlRegisterType(TextFitter, "Rollcall.Fitting", 1, 0, "TextFitter")  # type: ignore[call-overload]


def _laid_out(text: str, size_px: int, width_px: float, *, is_bold: bool) -> QTextLayout:
    """Break a text into lines, as QML's Text does with wrapMode WordWrap."""
    font = QFont(QGuiApplication.font())
    font.setPixelSize(max(1, size_px))
    font.setBold(is_bold)
    layout = QTextLayout(text.replace("\n", "\u2028") or " ", font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WordWrap)
    option.setUseDesignMetrics(True)
    layout.setTextOption(option)
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width_px)
    layout.endLayout()
    return layout
