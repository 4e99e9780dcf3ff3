"""Detection error trade-off curves as PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import ModelsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.evaluate.intervals import Interval

_LEAST = 1e-4  # what is 0 is drawn here


class PlotError(ModelsError):
    """Curves cannot be drawn."""


@dataclass(frozen=True)
class Curve:
    """One curve with its 95 % band.

    Attributes:
        label: for the legend.
        false_alarms: shares, rising.
        misses: one for each of them.
    """

    label: str
    false_alarms: Sequence[float]
    misses: Sequence[Interval]


def draw_det(path: Path, curves: Sequence[Curve], axes: tuple[str, str], title: str) -> None:
    """Draw curves, both axes logarithmic.

    Args:
        path: of the PNG to write.
        curves: with at least two points each.
        axes: names of false alarms and misses.
        title: above them.

    Raises:
        PlotError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise PlotError("plots need matplotlib: uv sync --group evaluate") from error
    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    plot = figure.add_subplot()
    for curve in curves:
        low, high = ([max(v, _LEAST) for v in side] for side in _band(curve.misses))
        middle = [max(miss.estimate, _LEAST) for miss in curve.misses]
        (line,) = plot.plot(curve.false_alarms, middle, label=curve.label)
        plot.fill_between(curve.false_alarms, low, high, alpha=0.15, color=line.get_color())
    plot.set(xscale="log", yscale="log", xlabel=axes[0], ylabel=axes[1], title=title)
    plot.set_ylim(_LEAST, 1)
    plot.grid(visible=True, which="both", linewidth=0.3)
    plot.legend(fontsize="small")
    figure.savefig(path)


def _band(misses: Sequence[Interval]) -> tuple[list[float], list[float]]:
    return [miss.low for miss in misses], [miss.high for miss in misses]
