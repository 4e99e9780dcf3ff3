"""Error rates within parts of a data set: by sex and by the decade of birth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate.dataset import DataSetError
from models.evaluate.intervals import Interval, bound_by_count, interval_of, resampled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from models.evaluate.comparisons import Comparisons, Indices

LEAST_PEOPLE = 30
"""Smaller parts are left out."""
_SEXES = {"F": "women", "M": "men"}
_RESAMPLES = 500


@dataclass(frozen=True)
class PartRates:
    """What one limit does within a part.

    Attributes:
        people: with a template.
        false_matches: share of the comparisons of two people of the part that are nearer.
        missed: share of the comparisons within its people that are not; None without any.
    """

    people: int
    false_matches: Interval
    missed: Interval | None


def read_parts(path: Path) -> dict[str, frozenset[str]]:
    """Read who belongs to which part of a data set.

    Args:
        path: tab-separated, with a first line of `id`, `born` and `sex` in any order; years and
            `F` or `M`, empty where not known.

    Returns:
        Names by part: `women`, `men`, `born 1960-1969` and so on.

    Raises:
        DataSetError: the file has no such columns, or a year is not a number.
    """
    head, *lines = path.read_text("utf-8").splitlines() or [""]
    names = head.split("\t")
    if not {"id", "born", "sex"} <= set(names):
        raise DataSetError(f"{path.name} must have the columns id, born and sex")
    parts: dict[str, set[str]] = {}
    for number, line in enumerate(lines, start=2):
        fields = dict(zip(names, line.split("\t"), strict=False))
        for part in _parts_of(fields, f"{path.name}, line {number}"):
            parts.setdefault(part, set()).add(fields["id"])
    return {part: frozenset(parts[part]) for part in sorted(parts)}


def rates_within(found: Comparisons, among: Indices, limit: float) -> PartRates | None:
    """Return how often people of one part are mistaken for each other, and missed.

    Args:
        found: all comparisons.
        among: people of the part.
        limit: in the network's own metric.

    Returns:
        None where fewer than `LEAST_PEOPLE` of them have a template.
    """
    rows, columns = np.isin(found.probes, among), np.isin(found.templates, among)
    if np.count_nonzero(columns) < LEAST_PEOPLE:
        return None
    square = np.ix_(rows, columns)
    hits = np.mean([apart[square] < limit for apart in found.apart], axis=0)
    probes, templates = found.probes[rows], found.templates[columns]
    is_other = probes[:, None] != templates[None]
    own = found.is_genuine[square].any(axis=1)
    missed = 1.0 - hits[own][found.is_genuine[square][own]]
    weights = resampled(found.people, _RESAMPLES, 0)
    return PartRates(
        int(np.count_nonzero(columns)),
        _false_matches(np.where(is_other, hits, 0.0), is_other, weights, (probes, templates)),
        _mean(missed, weights[:, probes[own]]) if len(missed) else None,
    )


def named(names: list[str], part: frozenset[str]) -> Indices:
    """Return the numbers of the people of a part, in the order of `names`."""
    return np.array([number for number, name in enumerate(names) if name in part], np.intp)


def _parts_of(fields: Mapping[str, str], place: str) -> list[str]:
    sex, born = _SEXES.get(fields.get("sex", "")), fields.get("born", "")
    if born and not born.isdigit():
        raise DataSetError(f"{place}: {born} is not a year")
    decade = int(born) // 10 * 10 if born else None
    return [*([sex] if sex else []), *([f"born {decade}-{decade + 9}"] if decade else [])]


def _false_matches(
    hits: NDArray[np.float64],
    is_other: NDArray[np.bool_],
    weights: NDArray[np.float64],
    people: tuple[Indices, Indices],
) -> Interval:
    probes, templates = people
    every = np.vstack([np.ones(weights.shape[1]), weights])
    left, right = every[:, probes], every[:, templates]
    found = np.einsum("wp,pt,wt->w", left, hits, right, optimize=True)
    total = np.einsum("wp,pt,wt->w", left, is_other.astype(np.float64), right, optimize=True)
    return _interval(found / np.where(total > 0, total, np.nan), len(probes))


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Interval:
    every = np.vstack([np.ones(len(values)), weights])
    totals = every.sum(axis=1)
    return _interval(every @ values / np.where(totals > 0, totals, np.nan), len(values))


def _interval(shares: NDArray[np.float64], people: int) -> Interval:
    """The first share is the estimate, the others are resamples of it."""
    estimate = float(shares[0])
    low, high = interval_of(shares[1:])
    bound = 0.0 if estimate > 0 else bound_by_count(people)
    return Interval(estimate, float(low), max(float(high), bound))
