"""Finds a network's scale: the distances that stand for the common ones, see `Matching.scale`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate.rules import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.evaluate.faces import EmbeddedSet
    from models.evaluate.rules import Rule

FMRS = (1e-2, 1e-3, 1e-4)
"""Shares of pairs of different people at which networks are compared too."""

LEVELS = (0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.80, 1.00)
"""Of the common scale; 0.50 and 0.60 mean confident and uncertain."""
_LEAST_PAIRS = 30  # Source: Doddington's rule of 30, as in models.evaluate.calibration.


@dataclass(frozen=True)
class ScalePoint:
    """One level of the common scale.

    Attributes:
        common: the level.
        own: the network's distance below which as many pairs of different people lie.
        different: share of pairs of different people below.
        same: share of pairs of one person above, in the network.
        same_reference: the same in the reference network.
    """

    common: float
    own: float
    different: float
    same: float
    same_reference: float


@dataclass(frozen=True)
class PairDistances:
    """All pairs of pictures, one as a template, one as a probe; in the metric of the card."""

    different: NDArray[np.float32]
    same: NDArray[np.float32]


def all_pairs(embedded: EmbeddedSet, rule: Rule) -> PairDistances:
    """Compare every picture with every later one.

    Args:
        embedded: the faces.
        rule: makes templates and probes, of one picture each.
    """
    faces = [
        (number, face)
        for number, name in enumerate(sorted(embedded.faces))
        for face in embedded.faces[name]
        if face is not None
    ]
    owners = np.array([number for number, _ in faces])
    templates = np.concatenate([rule.templates([face])[:1] for _, face in faces])
    probes = np.stack([rule.probe([face]) for _, face in faces])
    stretches = rule.is_normalised and embedded.metric == "euclidean"
    apart = distances(templates, probes, embedded.metric)
    apart *= np.float32(embedded.length if stretches else 1.0)
    is_later = np.tri(len(faces), k=-1, dtype=np.bool_)
    is_same = owners[:, None] == owners[None]
    return PairDistances(apart[is_later & ~is_same], apart[is_later & is_same])


def find_scale(
    pairs: PairDistances, reference: PairDistances, levels: Sequence[float] = LEVELS
) -> list[ScalePoint]:
    """Match the shares of pairs of different people.

    Args:
        pairs: of the network.
        reference: of the network whose distances are the common scale, on the same pictures.
        levels: of the common scale, rising.

    Returns:
        A point for each level that at least 30 pairs support.
    """
    own = np.sort(pairs.different)
    points = []
    for level in levels:
        below = int((reference.different < level).sum())
        place = round(below * len(own) / len(reference.different))
        if below < _LEAST_PAIRS or place >= len(own):
            continue
        limit = float(own[place])
        points.append(
            ScalePoint(
                level,
                limit,
                below / len(reference.different),
                float((pairs.same >= limit).mean()),
                float((reference.same >= level).mean()),
            )
        )
    return points


def levels_at(reference: PairDistances, fmrs: Sequence[float] = FMRS) -> list[float]:
    """Return the levels of the common scale below which these shares of different people lie.

    Args:
        reference: of the network whose distances are the common scale.
        fmrs: shares, each of at least one pair.
    """
    return [float(np.quantile(reference.different, fmr)) for fmr in fmrs]
