"""Registers as PDF on A4: one lesson as a list, the lessons of a course as a grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from server.credentials.fonts import new_document
from server.reports.csv_file import plain_text
from server.reports.standing import status_key
from server.web.dates import day_words, moment_words, time_words

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    from fpdf import FPDF

    from server.people.tables import Person
    from server.reports.lines import LessonFacts, LineFacts
    from server.reports.service import Report
    from server.web.translations import Translator

Listed = TypeVar("Listed")
_LONG_MM, _SHORT_MM, _EDGE_MM = 297.0, 210.0, 14.0
_ROW_MM, _HEAD_MM, _FOOT_MM = 6.4, 36.0, 10.0
_NAME_MM, _NUMBER_MM, _LESSON_MM = 62.0, 24.0, 8.4
_LARGE, _USUAL, _SMALL, _SMALLEST = 15, 9, 7, 5
_GREY, _BLACK, _SHADE = 110, 0, 243
_KINDS = ("in_time", "late", "absent", "excused", "open", "cancelled")
_ELLIPSIS, _DASH = "...", "\u2013"
_FAMILY = "NotoSans"


@dataclass(frozen=True)
class PrintedRegister:
    """What is printed.

    Attributes:
        people: those of the lines.
        report: with its lessons.
        room: of the one lesson; empty for a grid.
        notice: what every page says beside its days, where something is missing.
    """

    school: str
    course: str
    people: Mapping[uuid.UUID, Person]
    report: Report
    room: str = ""
    notice: str = ""

    @property
    def lessons(self) -> list[LessonFacts]:
        """The lessons, by start."""
        return self.report.lessons or []


@dataclass
class _Paper:
    """An open document with what every page of it says.

    Attributes:
        width: of the page, mm.
        height: of the page, mm.
        fitted: what `_fitted` answered; names come again on every page.
        marks: font, points and width of each mark of `mark`.
        current: the font and points that the last mark was written in; None after other text.
    """

    document: FPDF
    t: Translator
    heads: tuple[str, ...]
    width: float
    height: float
    fitted: dict[tuple[str, float, int, bool], tuple[str, int]] = field(default_factory=dict)
    marks: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)
    current: tuple[str, int] | None = None

    @property
    def is_mirrored(self) -> bool:
        return self.t.direction == "rtl"

    def begin(self) -> None:
        """Begin a page with its head."""
        document = self.document
        document.add_page(orientation="landscape" if self.width > self.height else "portrait")
        wide = self.width - 2 * _EDGE_MM
        for number, text in enumerate(self.heads):
            size = _LARGE if number == 1 else _USUAL
            self.put(text, (0, 10.0 + 6.4 * number, wide, 6.4), size=size, bold=number == 1)
        self.put(
            self.t("exports.print.page", number=document.page_no()),
            (0, self.height - _FOOT_MM - 4, wide, 5),
            size=_SMALL,
            grey=True,
        )

    def put(
        self,
        text: str,
        box: tuple[float, float, float, float],
        *,
        size: int = _USUAL,
        bold: bool = False,
        grey: bool = False,
        is_centred: bool = False,
    ) -> None:
        """Write one line into a box: x from the side at which reading begins, y, width, height."""
        x, y, width, height = box
        document = self.document
        document.set_text_color(_GREY if grey else _BLACK)
        key = (text, width, size, bold)
        if key not in self.fitted:
            plain = plain_text(text)
            self.fitted[key] = _fitted(document, plain, width - 1, size=size, bold=bold)
        shown, points = self.fitted[key]
        _set_size(document, points, bold=bold)
        side = "C" if is_centred else "R" if self.is_mirrored else "L"
        document.set_xy(self._left(x, width), y)
        document.cell(width, height, shown, align=side)
        self.current = None

    def mark(
        self, text: str, box: tuple[float, float, float, float], *, size: int = _USUAL
    ) -> None:
        """Write a letter or a number of ours into the middle of a box.

        A fifth of the work of `put`: such text is in one font and needs no shaping.
        """
        document = self.document
        if (text, size) not in self.marks:
            family = _family_of(document, text)
            document.set_font(family, "", size)
            self.marks[text, size] = family, document.get_string_width(text)
            self.current = None
        family, wide = self.marks[text, size]
        if self.current != (family, size):
            _set_size(document, size, family=family)
            document.set_text_color(_BLACK)
            self.current = family, size
        x, y, width, height = box
        x = self._left(x, width) + (width - wide) / 2
        # The same line as that of a cell of the same height.
        document.text(x, y + 0.5 * height + 0.3 * document.font_size, text)

    def shade(self, y: float) -> None:
        """Shade a row."""
        self.document.set_fill_color(_SHADE)
        self.document.rect(_EDGE_MM, y, self.width - 2 * _EDGE_MM, _ROW_MM, style="F")

    def rule(self, y: float) -> None:
        """Draw a line across."""
        self.document.set_draw_color(_GREY)
        self.document.set_line_width(0.2)
        self.document.line(_EDGE_MM, y, self.width - _EDGE_MM, y)

    def _left(self, x: float, width: float) -> float:
        return self.width - _EDGE_MM - x - width if self.is_mirrored else _EDGE_MM + x


def lesson_register(printed: PrintedRegister, t: Translator) -> bytes:
    """Return the register of one lesson: a row for each student.

    Raises:
        FontsMissingError: the server has no font to print with.
    """
    (lesson,) = printed.lessons
    zone = printed.report.scope.span.zone
    times = f"{time_words(lesson.starts_at, t, zone)}{_DASH}{time_words(lesson.ends_at, t, zone)}"
    heads = (
        printed.school,
        printed.course,
        " · ".join((day_words(lesson.day, t), times, printed.room)),
        _counts_line(printed, t),
    )
    columns = [("name", 78.0), ("number", 28.0), ("status", 40.0), ("seen", 20.0), ("left", 16.0)]
    names = [t(f"exports.column.{name}") for name, _width in columns]
    rows = [_lesson_row(printed, lesson, line, t) for line in lesson.lines]
    fixed = _fixed_words(t, heads)
    with new_document("".join((*fixed, *names, *(text for row in rows for text in row)))) as made:
        paper = _Paper(made, t, heads, _SHORT_MM, _LONG_MM)
        for page in _pages(rows, paper):
            paper.begin()
            _row(paper, names, columns, _HEAD_MM + 4, is_head=True)
            for number, row in enumerate(page, 1):
                _row(paper, row, columns, _HEAD_MM + 4 + number * _ROW_MM, number=number)
        return bytes(made.output())


def course_register(printed: PrintedRegister, t: Translator) -> bytes:
    """Return the registers of a course: a row for each student, a column for each lesson.

    Raises:
        FontsMissingError: the server has no font to print with.
    """
    span = printed.report.scope.span
    days = f"{day_words(span.first, t)} {_DASH} {day_words(span.last, t)}"
    heads = (
        printed.school,
        printed.course,
        " · ".join(filter(None, (days, printed.notice))),
        _legend(t),
    )
    people = sorted(printed.people.values(), key=lambda one: (one.sort_key, one.id))
    texts = [one.display_name + one.student_number for one in people]
    with new_document("".join((*_fixed_words(t, heads), *texts))) as made:
        paper = _Paper(made, t, heads, _LONG_MM, _SHORT_MM)
        wide = _LONG_MM - 2 * _EDGE_MM - _NAME_MM - _NUMBER_MM - 2 * _LESSON_MM
        at_a_time = int(wide // _LESSON_MM)
        for first in range(0, max(1, len(printed.lessons)), at_a_time):
            lessons = printed.lessons[first : first + at_a_time]
            for page in _pages(people, paper):
                paper.begin()
                _grid(paper, printed, lessons, page)
        return bytes(made.output())


def _grid(
    paper: _Paper,
    printed: PrintedRegister,
    lessons: Sequence[LessonFacts],
    people: Sequence[Person],
) -> None:
    t, zone = paper.t, printed.report.scope.span.zone
    top = _HEAD_MM + 4
    left = _NAME_MM + _NUMBER_MM
    for place, lesson in enumerate(lessons):
        x = left + place * _LESSON_MM
        paper.mark(f"{lesson.day:%m-%d}", (x, top - 3, _LESSON_MM, 4), size=_SMALL)
        starts = f"{lesson.starts_at.astimezone(zone):%H:%M}"
        paper.put(starts, (x, top + 1, _LESSON_MM, 4), size=_SMALLEST, grey=True, is_centred=True)
    total_x = left + len(lessons) * _LESSON_MM
    rate = t("exports.column.rate")
    paper.put(rate, (total_x, top, 2 * _LESSON_MM, 4), size=_SMALL, is_centred=True)
    paper.rule(top + _ROW_MM)
    marks = [_marks(lesson, t) for lesson in lessons]
    for number, person in enumerate(people, 1):
        y = top + number * _ROW_MM
        if number % 2 == 0:
            paper.shade(y)
        paper.put(person.display_name, (0, y, _NAME_MM, _ROW_MM))
        paper.put(person.student_number, (_NAME_MM, y, _NUMBER_MM, _ROW_MM), size=_SMALL, grey=True)
        for place, own in enumerate(marks):
            if letter := own.get(person.id):
                paper.mark(letter, (left + place * _LESSON_MM, y, _LESSON_MM, _ROW_MM))
        lines = printed.report.tally.people[person.id].lines
        share = _DASH if lines.rate is None else f"{1000 * lines.attended // lines.judged / 10} %"
        paper.mark(share, (total_x, y, 2 * _LESSON_MM, _ROW_MM), size=_SMALL)


def _marks(lesson: LessonFacts, t: Translator) -> dict[uuid.UUID, str]:
    """Return the letter of each student in a lesson."""
    return {
        line.person_id: t.texts[f"exports.letter.{lesson.standing(line) or 'cancelled'}"]
        for line in lesson.lines
    }


def _lesson_row(
    printed: PrintedRegister, lesson: LessonFacts, line: LineFacts, t: Translator
) -> list[str]:
    zone = printed.report.scope.span.zone
    person = printed.people.get(line.person_id)
    word = t("attendance.cancelled") if lesson.is_cancelled else t(status_key(line.status))
    seen, left = (
        time_words(at, t, zone) if at else "" for at in (line.first_seen_at, line.left_at)
    )
    if not seen and line.minutes_late is not None:
        seen = t("attendance.minutes_late", count=line.minutes_late)
    name = (person.display_name, person.student_number) if person else ("", "")
    return [*name, word, seen, left]


def _row(
    paper: _Paper,
    texts: Sequence[str],
    columns: Sequence[tuple[str, float]],
    y: float,
    *,
    number: int = 0,
    is_head: bool = False,
) -> None:
    if number and number % 2 == 0:
        paper.shade(y)
    x = 0.0
    for text, (_name, width) in zip(texts, columns, strict=True):
        paper.put(text, (x, y, width, _ROW_MM), size=_SMALL if is_head else _USUAL, bold=is_head)
        x += width
    if is_head:
        paper.rule(y + _ROW_MM)


def _pages(rows: Sequence[Listed], paper: _Paper) -> list[Sequence[Listed]]:
    """Divide rows into pages; there is one even where nobody is listed."""
    room = paper.height - _HEAD_MM - 4 - _FOOT_MM - 8
    at_a_time = int(room // _ROW_MM) - 1
    return [rows[first : first + at_a_time] for first in range(0, max(1, len(rows)), at_a_time)]


def _counts_line(printed: PrintedRegister, t: Translator) -> str:
    counts = printed.report.tally.total.lines
    words = [
        f"{t.texts[f'exports.kind.{kind}']} {getattr(counts, kind)}"
        for kind in _KINDS
        if getattr(counts, kind)
    ]
    zone = printed.report.scope.span.zone
    return " · ".join((*words, t("reports.as_of", at=moment_words(printed.report.as_of, t, zone))))


def _legend(t: Translator) -> str:
    return " · ".join(
        f"{t.texts[f'exports.letter.{kind}']} {t.texts[f'exports.kind.{kind}']}" for kind in _KINDS
    )


def _fixed_words(t: Translator, heads: Sequence[str]) -> list[str]:
    """Return every word of ours that a page may hold, so that its font is there."""
    ours = [text for key, text in t.texts.items() if key.startswith("exports.")]
    return [*heads, *ours, "0123456789:-%" + _DASH + _ELLIPSIS]


def _fitted(document: FPDF, text: str, width: float, *, size: int, bold: bool) -> tuple[str, int]:
    """Return what fits of a text, and in how many points: as many as possible up to `size`."""
    for points in range(size, _SMALLEST - 1, -1):
        _set_size(document, points, bold=bold)
        if document.get_string_width(text) <= width:
            return text, points
    kept = text
    while kept and document.get_string_width(kept + _ELLIPSIS) > width:
        kept = kept[: len(kept) * 9 // 10]
    return kept + _ELLIPSIS, _SMALLEST


def _family_of(document: FPDF, text: str) -> str:
    """Return the first font of a document that has every character of a text."""
    from fpdf.fonts import TTFFont

    for font in document.fonts.values():
        if not isinstance(font, TTFFont) or font.emphasis:
            continue
        if all(ord(one) in font.cmap for one in text):
            return font.fontkey
    return _FAMILY


def _set_size(document: FPDF, points: int, *, bold: bool = False, family: str = _FAMILY) -> None:
    """Set the font anew, also where it is current: a cell in a further font leaves its size."""
    for size in (points + 1, points):
        document.set_font(family, "B" if bold else "", size)
