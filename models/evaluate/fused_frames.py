"""Whether fused frames of one track come nearer to other people than one frame does.

Photos of different days differ, and fused they lie nearer to everybody: a limit for one photo is
then too loose. Frames of one track differ little. Each clip is compared with every person of a
data set, once frame by frame and once fused; how far the limit for a share of these comparisons
moves is what fusing costs. The clips show few people, but both sides have the same ones, so that
the difference is known far better than the limits are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.intervals import Interval, interval_of, resampled
from models.evaluate.rules import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.faces import EmbeddedSet
    from models.evaluate.rules import Rule
    from models.evaluate.tracks import Track
    from models.stages.images import FloatArray

Floats = NDArray[np.float64]
_KEPT = 3.0  # times as many of the nearest comparisons are kept as the largest level needs
_RESAMPLES = 200


@dataclass(frozen=True)
class FusedLimit:
    """One level.

    Attributes:
        fmr: share of the comparisons of a clip's scans with other people.
        single: distance that so many single frames are nearer than.
        fused: the same of fused frames.
        shift: `fused` less `single`, with its interval over people and clips; below 0 where fused
            frames come nearer to other people.
    """

    fmr: float
    single: float
    fused: float
    shift: Interval


def fused_limits(
    tracks: Sequence[Track], others: EmbeddedSet, rule: Rule, fused: int, levels: Sequence[float]
) -> list[FusedLimit]:
    """Compare clips with other people, frame by frame and fused.

    Args:
        tracks: the clips.
        others: people who are in none of the clips; one picture each is a template.
        rule: makes templates and probes.
        fused: frames in a row that make a probe.
        levels: shares of comparisons, falling.
    """
    found = [[face for face in own if face] for own in others.faces.values()]
    templates = np.concatenate([rule.templates(own[:1]) for own in found if own])
    length = others.length if rule.is_normalised and others.metric == "euclidean" else 1.0
    tails = []
    for size in (1, fused):
        apart = [
            distances(templates, _windows(track, rule, size), others.metric) * np.float32(length)
            for track in tracks
        ]
        tails.append(_NearPairs(apart, levels))
    clips = np.array([track.person for track in tracks])
    weights = zip(_by_person(clips), resampled(len(templates), _RESAMPLES, 1), strict=True)
    shifts = np.array([tails[1].limits(*pair) - tails[0].limits(*pair) for pair in weights])
    low, high = interval_of(shifts)
    single, both = (tail.limits(np.ones(len(tracks)), np.ones(len(templates))) for tail in tails)
    return [
        FusedLimit(
            level,
            float(single[n]),
            float(both[n]),
            Interval(float(both[n] - single[n]), float(low[n]), float(high[n])),
        )
        for n, level in enumerate(levels)
    ]


def _by_person(clips: NDArray[np.str_]) -> Floats:
    """(resamples, clips): how often each clip counts when people are drawn again."""
    people, owner = np.unique(clips, return_inverse=True)
    return resampled(len(people), _RESAMPLES, 0)[:, owner]


def _windows(track: Track, rule: Rule, size: int) -> FloatArray:
    size = min(size, len(track.faces))
    starts = range(len(track.faces) - size + 1)
    return np.stack([rule.probe(track.faces[n : n + size]) for n in starts])


class _NearPairs:
    """The nearest comparisons, in order; every clip counts alike."""

    def __init__(self, apart: Sequence[FloatArray], levels: Sequence[float]) -> None:
        self._levels = np.asarray(levels)
        share = min(_KEPT * max(levels), 1.0)
        bound = np.quantile(np.concatenate([rows.ravel() for rows in apart]), share)
        clips, people, values, parts = [], [], [], []
        for number, rows in enumerate(apart):
            near = np.nonzero(rows <= bound)
            clips.append(np.full(len(near[0]), number))
            people.append(near[1])
            values.append(rows[near])
            parts.append(np.full(len(near[0]), 1.0 / len(rows)))
        joined = np.concatenate(values)
        order = np.argsort(joined, kind="stable")
        self._values = joined[order]
        self._clips, self._people = np.concatenate(clips)[order], np.concatenate(people)[order]
        self._parts = np.concatenate(parts)[order]

    def limits(self, clips: Floats, people: Floats) -> Floats:
        """For each level the limit when clips and people count as often as the weights say."""
        alarms = np.cumsum(self._parts * clips[self._clips] * people[self._people])
        total = clips.sum() * people.sum()
        places = np.searchsorted(alarms, self._levels * total, "right")
        return np.asarray(self._values[np.minimum(places, len(self._values) - 1)], np.float64)
