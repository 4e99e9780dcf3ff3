"""The chart of the weeks of a report: its bars and the same figures as rows."""

from datetime import date, timedelta

from server.reports.chart import WeekChart, week_chart
from server.reports.standing import LineCounts
from server.reports.tally import ReportTally, Sums

MONDAY = date(2026, 11, 16)


def _chart(*weeks: LineCounts) -> WeekChart:
    days = {MONDAY + timedelta(days=7 * place): Sums(one) for place, one in enumerate(weeks)}
    chart = week_chart(ReportTally(days=days))
    assert chart is not None
    return chart


def test_a_bar_has_a_part_for_each_kind_of_line() -> None:
    chart = _chart(LineCounts(in_time=3, absent=1), LineCounts(late=2))
    bars = str(chart.bars(lambda key: f"<{key}>"))
    assert [bars.count(f'class="bar-{kind}"') for kind in ("in_time", "absent", "late")] == [1] * 3
    assert bars.count("<rect ") == 3
    first = chart.weeks[0].parts[0]
    place = f'x="{first.x}" y="{first.y}" width="{first.width}" height="{first.height}"'
    assert f'<rect class="bar-in_time" {place}/>' in bars


def test_words_below_the_bars_and_in_the_rows_are_escaped() -> None:
    chart = _chart(LineCounts(in_time=1), LineCounts(in_time=1))
    bars, rows = chart.bars(lambda key: f"<{key}>"), chart.rows(lambda day: f"<{day}>")
    assert ">16 &lt;dates.month.11&gt;</text>" in bars
    assert rows.startswith("<tr><td>&lt;2026-11-16&gt;</td>")


def test_rows_say_the_figures_and_the_rate_rounded_down() -> None:
    chart = _chart(LineCounts(in_time=1, late=1, absent=1), LineCounts(open=4))
    rows = str(chart.rows(lambda day: day.isoformat()))
    figures = [2, 1, 1, 0, 0, "<bdi>66.6 %</bdi>"]
    first = "".join(f'<td class="number">{one}</td>' for one in figures)
    assert rows.startswith(f"<tr><td>2026-11-16</td>{first}</tr>")
    assert rows.endswith('<td class="number">4</td><td class="number"><bdi>–</bdi></td></tr>')
