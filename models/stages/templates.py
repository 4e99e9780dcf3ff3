"""Makes one template out of several pictures of a person, and one probe out of several frames.

Only the direction of an embedding says who it is of, also where the network gives embeddings of
different lengths and compares them by Euclidean distance. docs/measurements/accuracy.md has the
figures, and those of what was tried and is not done (nearest of several templates, weights,
cohorts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.errors import GalleryError

if TYPE_CHECKING:
    from models.stages.images import FloatArray, FloatVector
    from models.stages.match import Metric

_LEAST_PICTURES = 3  # of two that disagree, nobody can say which is the wrong one


@dataclass(frozen=True)
class SetAside:
    """A picture that does not look like the person's others.

    Attributes:
        index: its row.
        distance: from the fused template of the rows that were still kept.
    """

    index: int
    distance: float


@dataclass(frozen=True)
class FusedTemplate:
    """A person's template and what became of the pictures.

    Attributes:
        template: (D,) float32.
        kept: rows that are in it, ascending.
        set_aside: rows that are not, in the order in which they were found.
    """

    template: FloatVector
    kept: tuple[int, ...]
    set_aside: tuple[SetAside, ...]


def fuse_enrolment(
    embeddings: FloatArray,
    *,
    mirrored: FloatArray | None = None,
    weights: FloatVector | None = None,
    length: float = 1.0,
    outlier_limit: float | None = None,
    metric: Metric = "euclidean",
) -> FusedTemplate:
    """Make a person's template.

    Args:
        embeddings: (K, D) float32, one a picture, K > 0. Not modified.
        mirrored: (K, D) float32, of the same faces with left and right swapped: halves what
            light from one side and the pose do. Costs nothing where it matters, at enrolment.
        weights: (K,) >= 0, not all 0; equal where None.
        length: of the template, see `Matching.length` of the card.
        outlier_limit: see `set_aside_outliers`; None keeps every picture.
        metric: of the card; says what `outlier_limit` is measured in.

    Raises:
        GalleryError: shapes that do not fit, or numbers that have no direction.
    """
    views = _views(embeddings, mirrored)
    shares = _shares(weights, len(views))
    bound = float("inf") if outlier_limit is None else outlier_limit
    kept, aside = set_aside_outliers(views, bound, length=length, metric=metric)
    rows = list(kept)
    return FusedTemplate(_direction(shares[rows] @ views[rows]) * np.float32(length), kept, aside)


def fuse_probes(
    embeddings: FloatArray,
    *,
    mirrored: FloatArray | None = None,
    weights: FloatVector | None = None,
    length: float = 1.0,
) -> FloatVector:
    """Make one probe out of the frames of a track.

    Args:
        embeddings: (M, D) float32, one a frame, M > 0. Not modified.
        mirrored: (M, D) float32, of the same faces with left and right swapped, or None. Worth
            its time where there is one frame, not where there are several.
        weights: (M,) >= 0, not all 0; equal where None.
        length: see `fuse_enrolment`.

    Returns:
        (D,) float32, to be compared with templates of the same length.

    Raises:
        GalleryError: shapes that do not fit, or numbers that have no direction.
    """
    views = _views(embeddings, mirrored)
    return _direction(_shares(weights, len(views)) @ views) * np.float32(length)


def set_aside_outliers(
    embeddings: FloatArray, limit: float, *, length: float = 1.0, metric: Metric = "euclidean"
) -> tuple[tuple[int, ...], tuple[SetAside, ...]]:
    """Find the pictures that do not show the same person as the others.

    The picture furthest from the mean of the others is set aside while it is beyond the limit, at
    least three pictures are left to compare and most of the pictures stay. When another person's
    picture is among three or more, it is the furthest one in more than 99 of 100 cases.

    Args:
        embeddings: (K, D) float32, K > 0. Not modified.
        limit: distance at the given length, such as `Matching.uncertain` of the card.
        length: see `fuse_enrolment`; means nothing to `cosine`.
        metric: of the card.

    Returns:
        The rows to keep, ascending, and those set aside, furthest first.

    Raises:
        GalleryError: shapes that do not fit, or numbers that have no direction.
    """
    views = _views(embeddings, None)
    kept, aside = list(range(len(views))), []
    while len(kept) >= _LEAST_PICTURES and 2 * (len(kept) - 1) > len(views):
        distances = _to_the_others(views[kept], length, metric)
        worst = int(distances.argmax())
        if distances[worst] <= limit:
            break
        aside.append(SetAside(kept.pop(worst), float(distances[worst])))
    return tuple(kept), tuple(aside)


def _to_the_others(views: FloatArray, length: float, metric: Metric) -> FloatVector:
    others = views.sum(axis=0)[None] - views
    cosines = np.einsum("ij,ij->i", _directions(others), _directions(views))
    apart = np.clip(1.0 - cosines, 0.0, 2.0)
    return np.asarray(apart if metric == "cosine" else length * np.sqrt(2.0 * apart), np.float32)


def _views(embeddings: FloatArray, mirrored: FloatArray | None) -> FloatArray:
    """Directions of the pictures, (K, D); of both views together where there are two."""
    if embeddings.ndim != 2 or not embeddings.size:
        raise GalleryError(f"embeddings must be (K, D), not {embeddings.shape}")
    views = _directions(embeddings)
    if mirrored is None:
        return views
    if mirrored.shape != embeddings.shape:
        raise GalleryError(f"{mirrored.shape} mirrored do not belong to {embeddings.shape}")
    return _directions(views + _directions(mirrored))


def _shares(weights: FloatVector | None, count: int) -> FloatVector:
    if weights is None:
        return np.ones(count, np.float32)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise GalleryError(f"{count} pictures need as many weights, none below 0")
    return np.asarray(weights, np.float32)


def _direction(vector: FloatVector) -> FloatVector:
    return _directions(vector[None]).reshape(-1)


def _directions(rows: FloatArray) -> FloatArray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not (norms > np.finfo(np.float32).tiny).all():
        raise GalleryError("an embedding or their mean has no direction")
    return np.asarray(rows / norms, np.float32)
