"""Exact intervals of a share."""

from __future__ import annotations

from math import exp, lgamma, log
from typing import TYPE_CHECKING

from models.evaluate.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

_HALVINGS = 60
_TAIL = 0.025


def exact_interval(hits: int, trials: int) -> Interval:
    """A share and its 95 % interval.

    Args:
        hits: 0 to `trials`.
        trials: > 0. Those that are not independent, as visits of one person, make the interval too
            narrow.

    Source: Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 1934.
    """

    def at_most(count: int, share: float) -> float:
        odds = log(share), log(1 - share)
        return sum(
            exp(_log_ways(trials, k) + k * odds[0] + (trials - k) * odds[1])
            for k in range(count + 1)
        )

    low = 0.0 if hits == 0 else _crossing(lambda share: 1 - at_most(hits - 1, share) < _TAIL)
    high = 1.0 if hits == trials else _crossing(lambda share: at_most(hits, share) > _TAIL)
    return Interval(hits / trials, low, high)


def _log_ways(trials: int, hits: int) -> float:
    """Logarithm of the number of ways to choose so many."""
    return lgamma(trials + 1) - lgamma(hits + 1) - lgamma(trials - hits + 1)


def _crossing(is_below: Callable[[float], bool]) -> float:
    """The share at which a claim that holds below it ends."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2
