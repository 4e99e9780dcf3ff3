"""Follows faces from frame to frame by where they are and how they move."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, hypot, inf, log
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width, height in frame pixels; width and height > 0."""

_REACH = 0.6
"""A face is looked for within so many of its own sides of where it should be ..."""
_REACH_PER_S = 1.2
"""... and so many more for every second that it was not seen."""
_MAX_GROWTH = 2.0
"""A face of another size by more than this factor is another face."""
_STOPPED = 0.15
"""A face may have stopped while hidden: as likely as one so many sides off its way."""
_SMOOTHING_S = 0.15
"""A change of speed is believed to two thirds after this."""
_FORBIDDEN = 1e6


@dataclass
class _Path:
    """Where a face was last seen, and its speed in pixels a second."""

    box: Box
    at_s: float
    speed_x: float = 0.0
    speed_y: float = 0.0

    def follow(self, box: Box, at_s: float) -> None:
        passed_s = at_s - self.at_s
        if passed_s > 0:
            share = 1.0 - exp(-passed_s / _SMOOTHING_S)
            (x, y), (new_x, new_y) = _centre(self.box), _centre(box)
            self.speed_x += share * ((new_x - x) / passed_s - self.speed_x)
            self.speed_y += share * ((new_y - y) / passed_s - self.speed_y)
        self.box, self.at_s = box, at_s

    def misfit(self, box: Box, at_s: float) -> float:
        """How badly a box fits: 0 is where it should be, infinite is another face."""
        passed_s = at_s - self.at_s
        side = (self.box[2] * self.box[3]) ** 0.5
        growth = abs(log((box[2] * box[3]) ** 0.5 / side))
        if growth > log(_MAX_GROWTH):
            return inf
        (x, y), (new_x, new_y) = _centre(self.box), _centre(box)
        ahead_x, ahead_y = self.speed_x * passed_s, self.speed_y * passed_s
        moving = hypot(new_x - x - ahead_x, new_y - y - ahead_y) / side
        stopped = hypot(new_x - x, new_y - y) / side + _STOPPED
        off = min(moving, stopped)
        return inf if off > _REACH + _REACH_PER_S * passed_s else off + growth


@dataclass
class Tracker:
    """Gives each face in view a number that stays with it, also behind another for a moment.

    Attributes:
        forget_s: a face unseen for so long gets a new number when it comes back.
    """

    forget_s: float = 0.8
    _paths: dict[int, _Path] = field(default_factory=dict)
    _last_id: int = 0

    def update(self, boxes: Sequence[Box], at_s: float) -> list[int]:
        """Number the boxes of a frame taken at ``at_s`` (monotonic), all at once.

        Returns:
            One track id per box, all different.
        """
        self._paths = {
            track: path for track, path in self._paths.items() if at_s - path.at_s <= self.forget_s
        }
        tracks = list(self._paths)
        misfits = [[self._paths[track].misfit(box, at_s) for track in tracks] for box in boxes]
        found = {row: tracks[column] for row, column in assign(misfits)}
        return [self._follow(found.get(row), box, at_s) for row, box in enumerate(boxes)]

    def renumber(self, track_id: int) -> int:
        """Forget a track whose place another person took; return the id of the new track."""
        path = self._paths.pop(track_id)
        new_id = self._new_id()
        self._paths[new_id] = path
        return new_id

    @property
    def known(self) -> frozenset[int]:
        """Tracks that are in view or not yet forgotten."""
        return frozenset(self._paths)

    def _follow(self, track: int | None, box: Box, at_s: float) -> int:
        if track is None:
            track = self._new_id()
            self._paths[track] = _Path(box, at_s)
        else:
            self._paths[track].follow(box, at_s)
        return track

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Pair rows with columns: as many pairs as can be, and of those the cheapest together.

    Args:
        costs: a row of equally many numbers >= 0 each; infinite where a pair must not be.

    Returns:
        Pairs (row, column); every row and every column at most once.

    Source: the Hungarian algorithm with potentials, Kuhn 1955, Jonker and Volgenant 1987.
    """
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        return sorted((row, column) for column, row in assign(list(zip(*costs, strict=True))))
    finite = [[min(cost, _FORBIDDEN) for cost in row] for row in costs]
    row_of = [-1] * len(finite[0])
    row_costs, column_costs = [0.0] * len(finite), [0.0] * len(finite[0])
    for row in range(len(finite)):
        _place(row, finite, row_of, row_costs, column_costs)
    pairs = [(row, column) for column, row in enumerate(row_of) if row >= 0]
    return sorted(pair for pair in pairs if costs[pair[0]][pair[1]] < _FORBIDDEN)


def _place(
    new_row: int,
    costs: list[list[float]],
    row_of: list[int],
    row_costs: list[float],
    column_costs: list[float],
) -> None:
    """Find a column for one more row along the cheapest chain of moves; changes the last three."""
    columns = range(len(row_of))
    slack, came_from = [inf] * len(row_of), [-1] * len(row_of)
    visited: list[int] = []
    row, column = new_row, -1
    while row >= 0:
        for other in columns:
            reduced = costs[row][other] - row_costs[row] - column_costs[other]
            if other not in visited and reduced < slack[other]:
                slack[other], came_from[other] = reduced, column
        column = min((other for other in columns if other not in visited), key=slack.__getitem__)
        step = slack[column]
        row_costs[new_row] += step
        for other in columns:
            if other in visited:
                row_costs[row_of[other]] += step
                column_costs[other] -= step
            else:
                slack[other] -= step
        visited.append(column)
        row = row_of[column]
    while column >= 0:
        before = came_from[column]
        row_of[column] = new_row if before < 0 else row_of[before]
        column = before


def _centre(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
