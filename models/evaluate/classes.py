"""Strangers at the door of one class: of people drawn at random, of one sex, or who look alike.

A class has 30 people, and the stranger is another person of the same kind:

- `random`: everybody is drawn from the whole data set.
- `women`, `men`: everybody is of that sex.
- `similar`: a person and the 30 people who look most like them by all their pictures; each of the
  30 in turn is the stranger, and the others are the class. The network judges the likeness that it
  is then tried on, so this is its own worst case.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.evaluate.identification import TooFewPeopleError
from models.evaluate.intervals import Interval, bound_by_count, interval_of, resampled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.evaluate.comparisons import Comparisons, Indices
    from models.stages.images import FloatArray

Kind = Literal["random", "similar", "women", "men"]
CLASS_SIZE = 30
_LEAST_CLASSES = 50  # a round; people are drawn again until there are so many
_RESAMPLES = 200


@dataclass(frozen=True)
class ClassScans:
    """Scans of strangers; people are numbered.

    Attributes:
        people: how many the data set has.
        members: that classes and strangers were drawn from.
        stranger: (S,) who was scanned.
        nearest: (S,) the person of the class who was nearest.
        distance: (S,) float32, in the network's own metric.
    """

    people: int
    members: int
    stranger: Indices
    nearest: Indices
    distance: FloatArray

    def alarms(self, limit: float) -> Interval:
        """Return the share of scans nearer than a limit, with its interval over people.

        Args:
            limit: in the network's own metric.
        """
        near = np.flatnonzero(self.distance < limit)
        shares = [self._share(near, weights) for weights in resampled(self.people, _RESAMPLES, 0)]
        low, high = interval_of(np.array(shares))
        estimate = self._share(near, np.ones(self.people))
        bound = 0.0 if len(near) else bound_by_count(len(np.unique(self.stranger)))
        return Interval(estimate, min(float(low), estimate), max(float(high), estimate, bound))

    def _share(self, near: Indices, weights: NDArray[np.float64]) -> float:
        total = weights[self.stranger] @ weights[self.nearest]
        hits = weights[self.stranger[near]] @ weights[self.nearest[near]]
        return float(hits / total) if total > 0 else float("nan")


def scan_drawn(found: Comparisons, among: Indices, seed: int) -> ClassScans:
    """Put every person among some before classes drawn from the others.

    Args:
        found: all comparisons.
        among: people that classes and strangers are drawn from.
        seed: of the drawing.

    Raises:
        TooFewPeopleError: they do not fill a class and leave a stranger.
    """
    columns = np.flatnonzero(np.isin(found.templates, among))
    rows = np.flatnonzero(np.isin(found.probes, among))
    if len(columns) <= CLASS_SIZE:
        raise TooFewPeopleError(f"{len(columns)} people are too few for a class and a stranger")
    random = np.random.default_rng(seed)
    parts: list[tuple[Indices, Indices, FloatArray]] = []
    for apart in found.apart:
        for _ in range(ceil(_LEAST_CLASSES / (len(columns) // CLASS_SIZE))):
            order = random.permutation(columns)
            starts = range(0, len(order) - CLASS_SIZE + 1, CLASS_SIZE)
            drawn = [order[start : start + CLASS_SIZE] for start in starts]
            parts += [_scan(found, apart, rows, one) for one in drawn]
    return _joined(found, len(columns), parts)


def scan_similar(found: Comparisons, likeness: FloatArray) -> ClassScans:
    """Put people before classes of those who look most like them.

    Args:
        found: all comparisons.
        likeness: (people, people), infinite on the diagonal, see `resemblance`.

    Raises:
        TooFewPeopleError: there are fewer people with templates than a class and a stranger take.
    """
    known = np.intersect1d(found.templates, found.probes)
    if len(known) <= CLASS_SIZE:
        raise TooFewPeopleError(f"{len(known)} people are too few for a class and a stranger")
    near = np.argsort(likeness[np.ix_(known, known)], axis=1, kind="stable")[:, :CLASS_SIZE]
    parts = list(_scan_neighbours(found, known, near))
    return _joined(found, len(known), parts)


def _scan_neighbours(
    found: Comparisons, known: Indices, near: Indices
) -> Iterator[tuple[Indices, Indices, FloatArray]]:
    for apart in found.apart:
        for person, neighbours in enumerate(near):
            strangers = known[neighbours]
            rows = np.searchsorted(found.probes, strangers)
            group = np.array([known[person], *strangers])
            yield _scan(found, apart, rows, np.searchsorted(found.templates, group))


def _scan(
    found: Comparisons, apart: FloatArray, rows: Indices, columns: Indices
) -> tuple[Indices, Indices, FloatArray]:
    """Strangers, the nearest people and their distances.

    Each row that is a column too is a stranger to the others of the columns where there is one
    more of them than a class has, and no stranger where there is not.
    """
    block = apart[np.ix_(rows, columns)]
    is_own = found.probes[rows][:, None] == found.templates[columns][None]
    if len(columns) == CLASS_SIZE:
        keep = ~is_own.any(axis=1)
        block, rows = block[keep], rows[keep]
    else:
        block = np.where(is_own, np.float32(np.inf), block)
    nearest = block.argmin(axis=1)
    distance = block[np.arange(len(block)), nearest]
    return found.probes[rows], found.templates[columns][nearest], distance


def _joined(
    found: Comparisons, members: int, parts: list[tuple[Indices, Indices, FloatArray]]
) -> ClassScans:
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ClassScans(found.people, members, *columns)
