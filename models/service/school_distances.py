"""How far the people of one school are from each other and from themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.service.gallery_check import fused, matching_of
from models.service.vectors import unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.service.native_schemas import Member
    from models.stages.images import FloatArray, FloatVector
    from models.store import Matching, ModelCard

    Floats = NDArray[np.float64]

_BLOCK = 500  # rows of the square at a time
_LEAST_LENGTH = 1e-12


@dataclass(frozen=True)
class SchoolTemplates:
    """Distances among people, on the scale that all cards share.

    Attributes:
        ids: of the people, in the order of the rows.
        between: (P, P) float32; infinite on the diagonal.
        within: (P,) float32: of the worst of a person's own pictures to the others; NaN with one.
    """

    ids: list[str]
    between: FloatArray
    within: FloatVector


def school_of(card: ModelCard, people: Sequence[Member]) -> SchoolTemplates:
    """Compare everybody with everybody else.

    Args:
        card: of an embedder.
        people: with templates each; ids given twice are one person.

    Raises:
        RefusalError: templates that cannot be read.
        GalleryError: a person's templates cancel out.
    """
    ids, templates = fused(people, card)
    row_of = {name: row for row, name in enumerate(ids)}
    owners = np.array([row_of[one.id] for one in people for _ in one.templates], np.intp)
    rows = unpacked([text for one in people for text in one.templates], card.dimension)
    photos = np.bincount(owners, minlength=len(ids))
    return SchoolTemplates(
        ids,
        _between(matching_of(card), templates),
        np.where(photos > 1, _worst(matching_of(card), rows, owners), np.nan).astype(np.float32),
    )


def _between(matching: Matching, templates: FloatArray) -> FloatArray:
    found = np.empty((len(templates), len(templates)), np.float32)
    units = _units(templates.astype(np.float64))
    for start in range(0, len(units), _BLOCK):
        found[start : start + _BLOCK] = _apart(matching, units[start : start + _BLOCK] @ units.T)
    np.fill_diagonal(found, np.inf)
    return found


def _worst(matching: Matching, rows: FloatArray, owners: NDArray[np.intp]) -> Floats:
    """Of each person's pictures the one furthest from the others fused."""
    units = _units(rows.astype(np.float64))
    sums = np.zeros((owners.max() + 1, units.shape[1]))
    np.add.at(sums, owners, units)
    others = _units(sums[owners] - units)
    worst = np.zeros(len(sums))
    np.maximum.at(worst, owners, _apart(matching, np.einsum("nd,nd->n", units, others)))
    return worst


def _units(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Floats = rows / np.maximum(lengths, _LEAST_LENGTH)
    return units


def _apart(matching: Matching, cosines: Floats) -> Floats:
    """Distances of templates of the card's length from the cosines of their angles."""
    apart = np.maximum(1.0 - cosines, 0.0)
    if matching.metric == "euclidean":
        apart = matching.length * np.sqrt(2.0 * apart)
    if not matching.scale:
        return apart
    own, common = np.array(matching.scale).T
    right = np.clip(np.searchsorted(own, apart, side="right"), 1, len(own) - 1)
    slopes = np.diff(common) / np.diff(own)
    found: Floats = common[right - 1] + (apart - own[right - 1]) * slopes[right - 1]
    return found
