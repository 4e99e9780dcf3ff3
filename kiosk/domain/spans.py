"""Runs of sequence numbers that are on their way, or were."""

from collections.abc import Iterable
from typing import NamedTuple

NO_END = 2**62


class SeqSpan(NamedTuple):
    """A run of sequence numbers, both ends included."""

    first: int
    last: int


def joined(spans: Iterable[SeqSpan]) -> list[SeqSpan]:
    """Return the same numbers as few runs, in order."""
    found: list[SeqSpan] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last + 1:
            found[-1] = SeqSpan(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return found


def between(spans: Iterable[SeqSpan]) -> list[SeqSpan]:
    """Return the runs of numbers that are in none of these, the highest first."""
    found, after = [], 0
    for span in joined(spans):
        found.append(SeqSpan(after + 1, span.first - 1))
        after = span.last
    found.append(SeqSpan(after + 1, NO_END))
    return [span for span in reversed(found) if span.first <= span.last]


def common(ones: Iterable[SeqSpan], others: Iterable[SeqSpan]) -> list[SeqSpan]:
    """Return the numbers that are in a run of each, in order."""
    right = joined(others)
    met = (
        SeqSpan(max(one.first, other.first), min(one.last, other.last))
        for one in joined(ones)
        for other in right
    )
    return [span for span in met if span.first <= span.last]
