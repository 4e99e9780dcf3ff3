"""What a person's templates show beside each other and beside other people's. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.errors import GalleryError
from models.service.errors import ErrorCode, RefusalError
from models.service.native_schemas import (
    MAX_TEMPLATES,
    CheckLimits,
    GalleryCheckResponse,
    Neighbour,
    SetAsideAnswer,
)
from models.service.vectors import unpacked
from models.stages.fuse import fuse_people
from models.stages.limits import explained_limit
from models.stages.templates import fuse_enrolment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.service.native_schemas import GalleryCheckRequest, GalleryPerson
    from models.stages.images import FloatArray, FloatVector
    from models.store import Matching, ModelCard

DUPLICATE_FMR = 1e-5
"""Two of 500 people are taken for one with a chance of about one in a hundred."""
LOOK_ALIKE_FMR = 1e-3
_UNCALIBRATED = 0.84
"""Share of the card's confident distance that stands for `DUPLICATE_FMR` without a calibration."""
_MOST_NAMED = 50


def check_gallery(card: ModelCard, request: GalleryCheckRequest) -> GalleryCheckResponse:
    """Find templates unlike the others, and people who may be the same or are easily confused.

    Raises:
        RefusalError: templates that cannot be read, none, or too many.
    """
    matching = matching_of(card)
    refuse_too_many([request.person, *request.others])
    own = unpacked(request.person.templates, card.dimension)
    if not len(own):
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "The person has no templates.")
    limits = _limits(card, matching, len(own))
    try:
        enrolment = fuse_enrolment(
            own,
            length=matching.length,
            outlier_limit=matching.from_common_scale(limits.outlier),
            metric=matching.metric,
        )
        people, templates = fused(request.others, card)
    except GalleryError as error:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "Templates cancel out.") from error
    near = _neighbours(enrolment.template, people, templates, card, limits.look_alike)
    return GalleryCheckResponse(
        set_aside=[
            SetAsideAnswer(index=one.index, distance=matching.on_common_scale(one.distance))
            for one in enrolment.set_aside
        ],
        duplicates=[one for one in near if one.distance < limits.duplicate],
        look_alikes=[one for one in near if one.distance >= limits.duplicate],
        limits=limits,
    )


def matching_of(card: ModelCard) -> Matching:
    """The part of an embedder's card that says how templates compare."""
    if card.matching is None:
        raise ValueError(f"the card {card.id} does not say how its templates compare")
    return card.matching


def refuse_too_many(people: Sequence[GalleryPerson]) -> None:
    """Keep a question to what a worker answers in seconds.

    Raises:
        RefusalError: there are more templates than `MAX_TEMPLATES`.
    """
    if sum(len(person.templates) for person in people) > MAX_TEMPLATES:
        raise RefusalError(
            ErrorCode.TOO_MANY_TEMPLATES, f"More than {MAX_TEMPLATES} templates; ask in parts."
        )


def fused(people: Sequence[GalleryPerson], card: ModelCard) -> tuple[list[str], FloatArray]:
    """One template a person; who has none is left out, ids given twice are one person.

    Returns:
        Ids, sorted, and (P, D) float32.
    """
    owners = [person.id for person in people for _ in person.templates]
    rows = unpacked([text for person in people for text in person.templates], card.dimension)
    return fuse_people(owners, rows, matching_of(card).length)


def distances(probe: FloatVector, templates: FloatArray, card: ModelCard) -> FloatVector:
    """From one fused template to many, on the scale that all cards share: (P,) float32."""
    matching = matching_of(card)
    if matching.metric == "cosine":
        own = 1.0 - templates @ probe / matching.length**2
    else:
        own = np.linalg.norm(templates - probe, axis=1)
    return np.array([matching.on_common_scale(float(value)) for value in own], np.float32)


def _limits(card: ModelCard, matching: Matching, count: int) -> CheckLimits:
    if card.calibration is None:
        duplicate, look_alike = matching.confident * _UNCALIBRATED, matching.confident
    else:
        duplicate, look_alike = (
            matching.on_common_scale(
                explained_limit(
                    card.calibration, fmr, 1, counts=(count, 1), is_strict=False
                ).distance
            )
            for fmr in (DUPLICATE_FMR, LOOK_ALIKE_FMR)
        )
    return CheckLimits(outlier=matching.uncertain, duplicate=duplicate, look_alike=look_alike)


def _neighbours(
    probe: FloatVector,
    people: Sequence[str],
    templates: FloatArray,
    card: ModelCard,
    limit: float,
) -> list[Neighbour]:
    if not people:
        return []
    apart = distances(probe, templates, card)
    nearest = np.argsort(apart)[:_MOST_NAMED]
    return [
        Neighbour(id=people[index], distance=float(apart[index]))
        for index in nearest
        if apart[index] < limit
    ]
