"""Times contestants frame by frame in turns, so that a busy moment hits all of them alike."""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from models.stages.images import BGRImage


@dataclass(frozen=True)
class Contestant:
    """One way from a frame to a name.

    Attributes:
        name: for the table.
        look: takes a frame, (H, W, 3) uint8, BGR, all the way; returns whether it had a face.
    """

    name: str
    look: Callable[[BGRImage], bool]


@dataclass(frozen=True)
class NotRun:
    """A contestant that is not here, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Ratio:
    """How many times as long one takes as another, frame by frame.

    Attributes:
        median: of the frames in which both found a face.
        low: 5 % of the frames are below.
        high: 5 % of the frames are above.
        frames: how many.
    """

    median: float
    low: float
    high: float
    frames: int


def take_turns(
    contestants: Sequence[Contestant],
    frames: Sequence[BGRImage],
    *,
    warm_up: int = 10,
    clock: Callable[[], float] = process_time,
) -> NDArray[np.float64]:
    """Let everyone look at every frame, each frame beginning with the next contestant.

    Args:
        contestants: at least one.
        frames: at least one.
        warm_up: frames that all look at before, without being timed.
        clock: in seconds; by default the CPU time of the whole process, all threads.

    Returns:
        (frames, contestants) milliseconds; NaN where a contestant found no face.
    """
    times = np.full((len(frames), len(contestants)), np.nan)
    for frame in frames[:warm_up]:
        for contestant in contestants:
            contestant.look(frame)
    for row, frame in enumerate(frames):
        for turn in range(len(contestants)):
            column = (row + turn) % len(contestants)
            started = clock()
            if contestants[column].look(frame):
                times[row, column] = (clock() - started) * 1e3
    return times


def ratio_of(times: NDArray[np.float64], others: NDArray[np.float64]) -> Ratio | None:
    """Compare two contestants on the frames in which both found a face; None without any.

    Args:
        times: (N,) milliseconds of the one that is divided.
        others: (N,) milliseconds of the one that it is divided by.
    """
    both = np.isfinite(times) & np.isfinite(others)
    if not both.any():
        return None
    ratios = times[both] / others[both]
    low, median, high = np.percentile(ratios, (5, 50, 95))
    return Ratio(float(median), float(low), float(high), int(both.sum()))
