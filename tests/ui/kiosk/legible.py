"""Checks of the texts of any screen: whole, inside, apart, no broken word, no missing letter."""

from collections.abc import Callable, Iterator
from itertools import combinations

from PySide6.QtCore import QCoreApplication, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QTextLayout, QTextOption
from PySide6.QtQuick import QQuickItem

from kiosk.ui.shell import KioskWindow
from tests.ui.kiosk.windows import visible_items

SLACK_PX = 2.0
_ENDLESS = 1e6
_INVISIBLE = dict.fromkeys(map(ord, "\u2068\u2069\u2028\n"))


def texts(window: KioskWindow) -> list[QQuickItem]:
    """Return the texts on screen, the letters on buttons included."""
    return [
        item
        for item in visible_items(window.view.contentItem())
        if item.metaObject().indexOfProperty("truncated") >= 0 and item.property("text")
    ]


def faults_of_texts(window: KioskWindow, name: str = "") -> list[str]:
    """Return what is wrong with the texts on screen, each fault with its text.

    Args:
        window: shows the screen already.
        name: of a student; all of it must be there, in letters as small as need be. It may be
            another text that matters as much.
    """
    QCoreApplication.processEvents()
    window.view.grabWindow()  # puts every item in its place
    shown = texts(window)
    faults = [f"{rule.__name__}: {said(item)}" for item in shown for rule in RULES if rule(item)]
    faults += [f"outside: {said(item)}" for item in shown if outside(item, window)]
    faults += [
        f"collide: {said(first)} | {said(second)}"
        for first, second in combinations(shown, 2)
        if collide(place(first), place(second))
    ]
    faults += [f"under a button: {said(item)}" for item in covered(window, shown)]
    whole = [said(item) for item in shown if not item.property("truncated")]
    if not any(name in text for text in whole):
        faults.append(f"no whole name: {name}")
    return faults


def said(item: QQuickItem) -> str:
    """Return the text of an item."""
    return str(item.property("text"))


def place(item: QQuickItem) -> QRectF:
    """Return the rectangle of an item in the window."""
    return item.mapRectToScene(QRectF(0, 0, item.width(), item.height()))


def overflows(item: QQuickItem) -> bool:
    """Whether letters stand outside the text's own rectangle."""
    overhang_px = SLACK_PX + item.width() / 100  # of a space that hangs at the end of a line
    is_too_wide = item.property("contentWidth") > item.width() + overhang_px
    height_px = item.property("lineCount") * item.property("lineHeight")
    return bool(is_too_wide) or bool(height_px > item.height() + SLACK_PX)


def cut_too_early(item: QQuickItem) -> bool:
    """Whether the end is left out although the letters could be smaller."""
    return bool(item.property("truncated")) and not _is_smallest(item)


def broken_word(item: QQuickItem) -> bool:
    """Whether a word stands on two lines that would be whole in smaller letters."""
    if item.property("lineCount") == 1 or _is_smallest(item):
        return False
    font = _font(item)
    metrics = QFontMetricsF(font)
    widest = max(metrics.horizontalAdvance(word) for word in unbreakable(said(item)))
    return widest > item.width() + SLACK_PX


def boxes_for_letters(item: QQuickItem) -> bool:
    """Whether a letter is missing in every font, so that a box is drawn in its place."""
    return bool(missing_letters(said(item), _font(item)))


RULES: tuple[Callable[[QQuickItem], bool], ...] = (
    overflows,
    cut_too_early,
    broken_word,
    boxes_for_letters,
)


def outside(item: QQuickItem, window: KioskWindow) -> bool:
    """Whether a text leaves the window."""
    frame = QRectF(0, 0, window.view.width(), window.view.height())
    return not frame.contains(place(item).adjusted(1, 1, -1, -1))


def collide(first: QRectF, second: QRectF) -> bool:
    """Whether two rectangles share more than their edges."""
    shared = first.intersected(second)
    return shared.width() > SLACK_PX and shared.height() > SLACK_PX


def covered(window: KioskWindow, shown: list[QQuickItem]) -> Iterator[QQuickItem]:
    """Yield texts that a button covers which they do not belong to."""
    areas = [item for item in visible_items(window.view.contentItem()) if _is_button(item)]
    for item in shown:
        for area in areas:
            button = area.parentItem()
            if not button.isAncestorOf(item) and collide(place(item), place(button)):
                yield item


def missing_letters(text: str, font: QFont) -> int:
    """Return the number of letters of a text that no font has (glyph 0)."""
    layout = _laid_out(text.translate(_INVISIBLE), font, _ENDLESS)
    return sum(run.glyphIndexes().count(0) for run in layout.glyphRuns())


def unbreakable(text: str) -> Iterator[str]:
    """Yield the parts of a text between which a line may break."""
    layout = _laid_out(text, QFont(), 0)
    for number in range(layout.lineCount()):
        line = layout.lineAt(number)
        end = line.textStart() + line.textLength()
        yield utf16_slice(text, line.textStart(), end).rstrip()


def utf16_slice(text: str, start: int, end: int) -> str:
    """Return a part of a text by Qt's positions, which count UTF-16 units."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def _laid_out(text: str, font: QFont, width_px: float) -> QTextLayout:
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WordWrap)
    layout.setTextOption(option)
    layout.beginLayout()
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width_px)
    layout.endLayout()
    return layout


def _is_button(item: QQuickItem) -> bool:
    return item.objectName() == "area" and item.parentItem() is not None


def _is_smallest(item: QQuickItem) -> bool:
    smallest = item.property("smallestPx")
    is_fitted = bool(item.property("fitted"))
    return smallest is not None and (is_fitted or _font(item).pixelSize() <= smallest)


def _font(item: QQuickItem) -> QFont:
    """Return the font of a text; a single line that is fitted may be drawn smaller."""
    return QFont(item.property("font"))
