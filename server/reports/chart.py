"""A chart of the weeks of a report as SVG; the same figures stand in a table beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

from server.reports.standing import LineCounts
from server.reports.tally import ReportTally

#: Of the drawing; the page scales it.
WIDTH, HEIGHT = 720, 180
_LEFT, _BOTTOM, _TOP = 64, 28, 12
_GAP = 0.28
#: Room for one date below the bars.
_LABEL = 124
_WIDEST = 44.0
#: From the bottom up.
_PARTS = ("in_time", "late", "excused", "absent", "open")


@dataclass(frozen=True)
class ChartPart:
    """One piece of a bar; `kind` names its colour and pattern."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ChartWeek:
    """A bar with its week.

    Attributes:
        label_x: the middle of the bar.
        has_label: whether there is room for its date below it.
    """

    monday: date
    counts: LineCounts
    parts: tuple[ChartPart, ...]
    label_x: float
    has_label: bool


@dataclass(frozen=True)
class WeekChart:
    """The chart: bars that stack to 100 %, so that short weeks can be compared with long ones."""

    weeks: tuple[ChartWeek, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    #: Height of 0, 50 and 100 %.
    lines: tuple[tuple[int, float], ...] = tuple((share, 0.0) for share in (0, 50, 100))

    def bars(self, t: Callable[[str], str]) -> Markup:
        """Draw the bars and the dates below them; a template takes longer for a term."""
        return Markup("".join(self._marks(t)))  # noqa: S704 - words are escaped

    def rows(self, day_words: Callable[[date], str]) -> Markup:
        """Write the same figures as rows of a table."""
        rows = (_row(escape(day_words(week.monday)), week.counts) for week in self.weeks)
        return Markup("".join(rows))  # noqa: S704 - words are escaped

    def _marks(self, t: Callable[[str], str]) -> Iterator[str]:
        for week in self.weeks:
            for part in week.parts:
                yield (
                    f'<rect class="bar-{part.kind}" x="{part.x}" y="{part.y}"'
                    f' width="{part.width}" height="{part.height}"/>'
                )
            if week.has_label:
                day = f"{week.monday.day} {escape(t(f'dates.month.{week.monday.month}'))}"
                place = f'x="{week.label_x}" y="{self.height - 6}"'
                yield f'<text class="week-label" {place}>{day}</text>'


def week_chart(tally: ReportTally, *, is_mirrored: bool = False) -> WeekChart | None:
    """Draw the weeks of a report; None where fewer than two have lines.

    Args:
        tally: of the report.
        is_mirrored: the first week stands on the right, for languages from right to left.
    """
    weeks = tally.weeks()
    if len(weeks) < 2:
        return None
    step = (WIDTH - _LEFT) / len(weeks)
    every = max(1, -(-len(weeks) * _LABEL // (WIDTH - _LEFT)))
    drawn = []
    for place, (monday, counts) in enumerate(weeks.items()):
        turn = len(weeks) - 1 - place if is_mirrored else place
        middle = _LEFT + step * (turn + 0.5)
        width = min(step * (1 - _GAP), _WIDEST)
        parts = tuple(_parts(counts, middle - width / 2, width))
        drawn.append(ChartWeek(monday, counts, parts, round(middle, 1), place % every == 0))
    lines = tuple((share, _height_of(share / 100)) for share in (0, 50, 100))
    return WeekChart(tuple(drawn), lines=lines)


def _row(week: str, counts: LineCounts) -> str:
    figures = (counts.attended, counts.late, counts.absent, counts.excused, counts.open)
    cells = (*figures, f"<bdi>{counts.rate_text}</bdi>")
    written = "".join(f'<td class="number">{one}</td>' for one in cells)
    return f"<tr><td>{week}</td>{written}</tr>"


def _parts(counts: LineCounts, x: float, width: float) -> list[ChartPart]:
    found, below = [], 0
    for kind in _PARTS:
        number = getattr(counts, kind)
        if number:
            bottom, top = (
                _height_of(below / counts.lines),
                _height_of((below + number) / counts.lines),
            )
            found.append(
                ChartPart(kind, round(x, 1), round(top, 1), round(width, 1), round(bottom - top, 1))
            )
        below += number
    return found


def _height_of(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)
