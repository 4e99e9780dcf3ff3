"""Shares among the people of one school, with intervals of 95 %."""

from __future__ import annotations

from math import inf, log, log1p
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Interval = tuple[float, float]

_OUTSIDE = 0.025  # on each side of the interval
_Z = 1.96
_HALVINGS = 64


def pair_interval(share: float, people: int) -> Interval:
    """Return an interval for the share of all pairs of people, given the share among these people.

    A person who resembles many others is in many pairs but is one piece of evidence. So the pairs
    of P people count as P // 2 pairs that share no person. The interval holds whichever people
    resemble each other, and each further near pair raises both ends. A bootstrap of people does
    neither: most of its resamples miss a single near pair.

    Args:
        share: of the pairs, 0 to 1.
        people: who make them up, > 1.

    Source: Hoeffding, Probability inequalities for sums of bounded random variables, JASA 1963,
    theorem 1 and section 5a. Without a near pair it is Clopper and Pearson's of P // 2 trials.
    """
    needed = -log(_OUTSIDE) / (people // 2)
    return _furthest(share, 0.0, needed), _furthest(share, 1.0, needed)


def person_interval(flags: NDArray[np.bool_]) -> tuple[float, Interval]:
    """Share of people, with Wilson's interval."""
    count, share = len(flags), float(flags.mean())
    whole = 1 + _Z * _Z / count
    middle = (share + _Z * _Z / (2 * count)) / whole
    half = _Z * float(np.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count**2))) / whole
    return share, (max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share)))


def _furthest(share: float, end: float, needed: float) -> float:
    """The share nearest to `end` that what was seen does not rule out."""
    inside, outside = share, end
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if _divergence(share, middle) <= needed:
            inside = middle
        else:
            outside = middle
    return outside


def _divergence(seen: float, true: float) -> float:
    """Kullback and Leibler's, of two shares."""
    if (true <= 0.0 and seen > 0.0) or (true >= 1.0 and seen < 1.0):
        return inf
    of_hits = seen * log(seen / true) if seen > 0.0 else 0.0
    of_others = (1 - seen) * (log1p(-seen) - log1p(-true)) if seen < 1.0 else 0.0
    return of_hits + of_others
