"""Sets of days as spans: unite, intersect and subtract them."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Days from the first to the last, both included; `date.max` where it goes on for good."""

    first: date
    last: date


def intersect(one: Span, other: Span) -> Span | None:
    """Return the days of both spans; None where there are none."""
    first, last = max(one.first, other.first), min(one.last, other.last)
    return Span(first, last) if first <= last else None


def unite(spans: Iterable[Span]) -> list[Span]:
    """Return spans with the same days, in order, that neither overlap nor touch."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and _reaches(found[-1], span):
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return the days of the spans that lie in none of the holes."""
    left = unite(spans)
    for hole in holes:
        left = [part for span in left for part in _without(span, hole)]
    return left


def _reaches(one: Span, later: Span) -> bool:
    return one.last == date.max or later.first <= one.last + _DAY


def _without(span: Span, hole: Span) -> list[Span]:
    if intersect(span, hole) is None:
        return [span]
    parts = []
    if span.first < hole.first:
        parts.append(Span(span.first, hole.first - _DAY))
    if hole.last < span.last:
        parts.append(Span(hole.last + _DAY, span.last))
    return parts
