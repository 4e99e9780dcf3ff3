"""The ways of making templates and probes that are compared with each other.

`mirrored` is what the product does where it can, see `models.stages.templates`; the others show
what each part of it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.stages.templates import fuse_enrolment, fuse_probes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.evaluate.faces import Face
    from models.stages.images import FloatArray, FloatVector
    from models.stages.match import Metric


@dataclass(frozen=True)
class Rule:
    """How pictures become templates and probes.

    Attributes:
        name: for the command line and the card.
        words: for tables.
        templates: of the pictures of one person, at least one: (T, D) float32.
        probe: of the pictures of one scan, at least one: (D,) float32.
        is_normalised: whether both have length 1.
    """

    name: str
    words: str
    templates: Callable[[Sequence[Face]], FloatArray]
    probe: Callable[[Sequence[Face]], FloatVector]
    is_normalised: bool = True


def _plain(faces: Sequence[Face]) -> FloatArray:
    return np.stack([face.embedding for face in faces])


def _mirrored(faces: Sequence[Face]) -> FloatArray:
    return np.stack([face.mirrored for face in faces])


def _mean(faces: Sequence[Face]) -> FloatVector:
    return np.asarray(_plain(faces).mean(axis=0), np.float32)


def _fused(faces: Sequence[Face]) -> FloatVector:
    return fuse_probes(_plain(faces))


def _fused_both_ways(faces: Sequence[Face]) -> FloatVector:
    return fuse_probes(_plain(faces), mirrored=_mirrored(faces))


def _enrolled_both_ways(faces: Sequence[Face]) -> FloatVector:
    return fuse_enrolment(_plain(faces), mirrored=_mirrored(faces)).template


def _each(faces: Sequence[Face]) -> FloatArray:
    return np.stack([_fused_both_ways([face]) for face in faces])


def _each_and_fused(faces: Sequence[Face]) -> FloatArray:
    return np.concatenate([_each(faces), _fused_both_ways(faces)[None]])


def _one(
    template: Callable[[Sequence[Face]], FloatVector],
) -> Callable[[Sequence[Face]], FloatArray]:
    return lambda faces: template(faces)[None]


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("mean", "mean of the embeddings", _one(_mean), _mean, is_normalised=False),
        Rule("fused", "mean of the directions", _one(_fused), _fused),
        Rule(
            "mirrored-enrolment",
            "mean of the directions, enrolled pictures also mirrored",
            _one(_enrolled_both_ways),
            _fused,
        ),
        Rule(
            "mirrored",
            "mean of the directions, all pictures also mirrored",
            _one(_enrolled_both_ways),
            _fused_both_ways,
        ),
        Rule("nearest", "nearest of one template a picture, all mirrored", _each, _fused_both_ways),
        Rule(
            "nearest-or-fused",
            "nearest of those and of the fused one, all mirrored",
            _each_and_fused,
            _fused_both_ways,
        ),
    )
}


def distances(templates: FloatArray, probes: FloatArray, metric: Metric) -> FloatArray:
    """Compare all templates with all probes, as `models.stages.match.Gallery` does.

    Args:
        templates: (N, D).
        probes: (M, D).
        metric: of the card.

    Returns:
        (M, N) float32: Euclidean distances, or `1 - cosine`.
    """
    if metric == "cosine":
        templates = templates / np.linalg.norm(templates, axis=1, keepdims=True)
        probes = probes / np.linalg.norm(probes, axis=1, keepdims=True)
        return np.asarray(np.maximum(1.0 - probes @ templates.T, 0.0), np.float32)
    squares = np.einsum("ij,ij->i", probes, probes)[:, None] - 2.0 * probes @ templates.T
    squares += np.einsum("ij,ij->i", templates, templates)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), np.float32)
