"""Pairs of pictures: are they of one person?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.identification import NEVER
from models.evaluate.intervals import Interval, bound_by_count, interval_of, resampled
from models.evaluate.rules import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.dataset import Pair, Picture
    from models.evaluate.faces import EmbeddedSet, Face
    from models.evaluate.rules import Rule
    from models.stages.images import FloatArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairScores:
    """What pairs gave; people are numbered.

    Attributes:
        people: how many there are.
        distance: (P,) float32, NEVER where a picture shows no face.
        is_same: (P,) bool.
        owners: (P, 2): whose pictures they are.
    """

    people: int
    distance: FloatArray
    is_same: NDArray[np.bool_]
    owners: NDArray[np.intp]


@dataclass(frozen=True)
class VerificationResult:
    """How well one limit tells the pairs apart.

    Attributes:
        balanced_accuracy: mean of the shares of pairs told right, of one and of two people; every
            pair is judged by the limit that is best for the other folds.
        limit: mean of the folds' limits.
        fmr: rising shares of pairs of two people mistaken for one person.
        fnmr: at each of them, the share of pairs of one person mistaken for two people.
    """

    balanced_accuracy: Interval
    limit: float
    fmr: Floats
    fnmr: tuple[Interval, ...]


def score_pairs(embedded: EmbeddedSet, pairs: Sequence[Pair], rule: Rule) -> PairScores:
    """Compare pairs, the first picture as a template, the second as a probe.

    Args:
        embedded: the faces.
        pairs: of pictures in it.
        rule: makes templates and probes.
    """
    numbers = {name: number for number, name in enumerate(sorted(embedded.faces))}
    stretches = rule.is_normalised and embedded.metric == "euclidean"
    length = np.float32(embedded.length if stretches else 1.0)

    def face(picture: Picture) -> Face | None:
        return embedded.faces[picture.person][picture.number - 1]

    def distance(pair: Pair) -> np.float32:
        first, second = face(pair.first), face(pair.second)
        if first is None or second is None:
            return NEVER
        templates, probe = rule.templates([first]), rule.probe([second])
        return np.float32(distances(templates, probe[None], embedded.metric).min() * length)

    return PairScores(
        people=len(numbers),
        distance=np.array([distance(pair) for pair in pairs], np.float32),
        is_same=np.array([pair.is_same for pair in pairs], np.bool_),
        owners=np.array([(numbers[p.first.person], numbers[p.second.person]) for p in pairs]),
    )


def verify(
    scores: PairScores, *, folds: int = 10, resamples: int = 500, seed: int = 0
) -> VerificationResult:
    """Measure verification.

    Args:
        scores: at least `folds` pairs of either kind.
        folds: > 1.
        resamples: of the bootstrap over people, > 0.
        seed: of folds and bootstrap.

    Raises:
        ValueError: there are fewer pairs of a kind than folds.
    """
    limits, is_right = _judged(scores, folds, seed)
    weights = _pair_weights(scores, resampled(scores.people, resamples, seed))
    accuracy = _interval(scores, weights, _share(scores, is_right))
    fmr = _supported(scores)
    bands = np.stack([_fnmr_at(scores, fmr, row) for row in weights])
    low, high = interval_of(bands)
    rates = _fnmr_at(scores, fmr, np.ones(len(scores.distance)))
    fnmr = tuple(
        Interval(float(rate), float(a), float(b))
        for rate, a, b in zip(rates, low, high, strict=True)
    )
    return VerificationResult(accuracy, float(limits.mean()), fmr, fnmr)


def balanced_errors(
    scores: PairScores, weights: Floats, *, folds: int = 10, seed: int = 0
) -> tuple[float, Floats]:
    """What is missing from the balanced accuracy, for all people and for each resample.

    Args:
        scores: see `verify`.
        weights: (resamples, people), see `models.evaluate.intervals.resampled`.
        folds: see `verify`.
        seed: of the folds.

    Returns:
        The estimate, and (resamples,).

    Raises:
        ValueError: there are fewer pairs of a kind than folds.
    """
    right = _share(scores, _judged(scores, folds, seed)[1])
    ones = np.ones((1, len(scores.distance)))
    return (
        float(1.0 - _accuracies(scores, ones, right)[0]),
        1.0 - _accuracies(scores, _pair_weights(scores, weights), right),
    )


def _judged(scores: PairScores, folds: int, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The folds' limits, and which pairs were told right by the other folds' limit."""
    fold = _folds(scores.is_same, folds, seed)
    limits = np.array(
        [best_limit(scores.distance[fold != k], scores.is_same[fold != k]) for k in range(folds)]
    )
    return limits, (scores.distance < limits[fold]) == scores.is_same


def best_limit(distance: FloatArray, is_same: NDArray[np.bool_]) -> float:
    """The limit of the highest balanced accuracy; the middle of the range that has it.

    Args:
        distance: (P,).
        is_same: (P,), both kinds present.
    """
    values = np.unique(distance[np.isfinite(distance)]).astype(np.float64)
    candidates = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, values[-1:] + 1e-6])
    same, different = np.sort(distance[is_same]), np.sort(distance[~is_same])
    accepted = np.searchsorted(same, candidates) / len(same)
    mistaken = np.searchsorted(different, candidates) / len(different)
    gain = accepted - mistaken
    best = candidates[gain >= gain.max() - 1e-12]
    return float((best[0] + best[-1]) / 2)


def _folds(is_same: NDArray[np.bool_], folds: int, seed: int) -> NDArray[np.intp]:
    random = np.random.default_rng(seed)
    fold = np.empty(len(is_same), np.intp)
    for kind in (True, False):
        rows = np.flatnonzero(is_same == kind)
        if len(rows) < folds:
            raise ValueError(f"{len(rows)} pairs of a kind are too few for {folds} folds")
        fold[random.permutation(rows)] = np.arange(len(rows)) % folds
    return fold


def _pair_weights(scores: PairScores, people: Floats) -> Floats:
    """(resamples, pairs): a person's weight, or both people's multiplied."""
    first, second = people[:, scores.owners[:, 0]], people[:, scores.owners[:, 1]]
    return np.where(scores.is_same, first, first * second)


def _share(scores: PairScores, is_right: NDArray[np.bool_]) -> Floats:
    """(pairs, 2): which pairs of one person, and of two, were told right."""
    return np.stack([is_right & scores.is_same, is_right & ~scores.is_same], axis=1).astype(float)


def _accuracies(scores: PairScores, weights: Floats, right: Floats) -> Floats:
    totals = np.stack([weights @ scores.is_same, weights @ ~scores.is_same], axis=1)
    return np.asarray((weights @ right / totals).mean(axis=1), np.float64)


def _interval(scores: PairScores, weights: Floats, right: Floats) -> Interval:
    low, high = interval_of(_accuracies(scores, weights, right))
    estimate = float(_accuracies(scores, np.ones((1, len(right))), right)[0])
    if estimate == 1.0:
        fewest = min(int(scores.is_same.sum()), int((~scores.is_same).sum()))
        low = np.minimum(low, 1.0 - bound_by_count(fewest))
    return Interval(estimate, float(low), float(high))


def _supported(scores: PairScores) -> Floats:
    """FMRs from 10 pairs of two people on, rising."""
    count = int((~scores.is_same).sum())
    least = min(10.0 / count, 0.5)
    return np.geomspace(least, 0.5, 40)


def _fnmr_at(scores: PairScores, fmr: Floats, weights: Floats) -> Floats:
    order = np.argsort(scores.distance, kind="stable")
    is_same, weight = scores.is_same[order], weights[order]
    alarms = np.cumsum(np.where(is_same, 0.0, weight))
    found = np.cumsum(np.where(is_same, weight, 0.0))
    places = np.searchsorted(alarms, fmr * alarms[-1] * (1 + 1e-12), side="right")
    before = np.concatenate([[0.0], found])[np.minimum(places, len(found))]
    return np.asarray(1.0 - before / found[-1], np.float64)
