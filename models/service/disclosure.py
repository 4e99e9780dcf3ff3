"""Which parts of a school may have figures, so that nothing is learned about fewer than 30."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEAST_PEOPLE = 30


def showable(
    cohorts: Mapping[str, NDArray[np.intp]], measured: NDArray[np.bool_]
) -> frozenset[str]:
    """Return the cohorts whose figures may be shown beside each other and beside the school's.

    A course of 30 and one with the same people and one more would give that one away, and so
    would the school beside classes that make up all of it but one. The cohorts shown divide the
    school into cells of people who are in the same ones; no sum or difference of their figures
    says anything of less than a cell. So a cohort is shown only while every cell has nobody or at
    least `LEAST_PEOPLE`. Larger cohorts come first, then by name.

    Args:
        cohorts: rows of each one's people, without repeats.
        measured: (P,): the people that the figure is about.

    Source: complementary suppression and differencing, Hundepool and others, Statistical
    Disclosure Control, Wiley 2012.
    """
    found = []
    cells = np.zeros(len(measured), np.intp)
    for name in sorted(cohorts, key=lambda name: (-len(cohorts[name]), name)):
        rows = cohorts[name]
        if np.count_nonzero(measured[rows]) < LEAST_PEOPLE:
            continue
        finer = 2 * cells
        finer[rows] += 1
        sizes = np.bincount(finer[measured])
        if sizes[sizes > 0].min() >= LEAST_PEOPLE:
            found.append(name)
            cells = np.unique(finer, return_inverse=True)[1]
    return frozenset(found)
