"""Who is nearest: embeddings against candidates (SD5, SD6). Pure arithmetic, no models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.service.errors import ErrorCode, RefusalError
from models.service.schemas import (
    BatchMatchRequest,
    BatchMatchResponse,
    FaceMatch,
    MatchAnswer,
    MatchFacesRequest,
    MatchFacesResponse,
    StudentDistance,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.service.schemas import Candidate, Certainty
    from models.stages.match import Scale
    from models.store import ModelCard

_Matrix = NDArray[np.float64]
FAR_APART = 2.0
"""The distance that is answered where nothing is compared: the plan's client expects a number."""
# Rows compared at a time: bounds the memory of many faces against many candidates.
_CHUNK = 4096


@dataclass(frozen=True)
class _Limits:
    confident: float
    uncertain: float


@dataclass(frozen=True)
class Matcher:
    """Compares embeddings of one network.

    Attributes:
        dimension: length of an embedding.
        is_cosine: the metric's own distance is 1 - cosine; else Euclidean.
        confident: in match-faces, distances below are confident.
        scale: brings the metric's own distance to the scale of the limits.
        batch_confident: the same in batch-match, unless the request says otherwise.
        uncertain: distances from here on are no match, unless the request says otherwise.
    """

    dimension: int
    is_cosine: bool
    confident: float
    scale: Scale = float
    batch_confident: float = 0.50
    uncertain: float = 0.60

    @classmethod
    def for_card(
        cls, card: ModelCard, *, confident: float | None = None, uncertain: float = 0.60
    ) -> Matcher:
        """Take dimension, metric and limit from an embedder's card.

        Args:
            card: of the embedder.
            confident: replaces the card's limit, and 0.50 in batch-match; None: neither.
            uncertain: distances from here on are no match.
        """
        if card.matching is None:
            raise ValueError(f"the card {card.id} does not say how its templates compare")
        matching = card.matching
        return cls(
            card.dimension,
            matching.metric == "cosine",
            matching.confident if confident is None else confident,
            matching.on_common_scale,
            min(0.50, uncertain) if confident is None else confident,
            uncertain,
        )

    def match(self, request: MatchFacesRequest) -> MatchFacesResponse:
        """Answer SD5.

        Raises:
            RefusalError: an embedding has another length.
        """
        ids, distances = self._distances([request.query_embedding], request.candidate_embeddings)
        per_student = sorted(zip(distances[0].tolist(), ids, strict=True))
        best = per_student[0] if per_student else None
        threshold = self.uncertain if request.threshold is None else request.threshold
        confident = min(self.confident, threshold)
        certainty = _certainty(best and best[0], confident, threshold)
        listed = [StudentDistance(student_id=name, min_distance=d) for d, name in per_student]
        return MatchFacesResponse(
            success=True,
            match=MatchAnswer(
                student_id=best[1] if best and certainty != "no_match" else None,
                distance=best[0] if best else FAR_APART,
                confidence=max(0.0, 1.0 - best[0]) if best else 0.0,
                status=certainty,
            ),
            all_distances=listed if request.return_all_distances else None,
        )

    def batch_match(self, request: BatchMatchRequest) -> BatchMatchResponse:
        """Answer SD6: a student is present once in a photo, where they are nearest.

        Raises:
            RefusalError: an embedding has another length, or the thresholds are out of order.
        """
        limits = self._limits(request)
        if limits.confident > limits.uncertain:
            raise RefusalError(
                ErrorCode.MALFORMED_REQUEST,
                "confident_threshold must not exceed uncertain_threshold.",
            )
        faces = [face.embedding for face in request.detected_faces]
        ids, distances = self._distances(faces, request.candidate_embeddings)
        if not ids:
            return BatchMatchResponse(success=True, matches=[_nobody(i) for i in range(len(faces))])
        is_fake = np.array([face.is_live is False for face in request.detected_faces], np.bool_)
        nearest = distances.argmin(axis=1)
        best = distances[np.arange(len(faces)), nearest]
        owners = _first_claims(nearest, np.where(is_fake, np.inf, best))
        matches = [
            _nobody(index)
            if is_fake[index]
            else _face_match(limits, index, ids[student], float(distance), is_owner=index in owners)
            for index, (student, distance) in enumerate(zip(nearest, best, strict=True))
        ]
        return BatchMatchResponse(success=True, matches=matches)

    def _limits(self, request: BatchMatchRequest) -> _Limits:
        confident, uncertain = request.confident_threshold, request.uncertain_threshold
        uncertain = self.uncertain if uncertain is None else uncertain
        default = min(self.batch_confident, uncertain)
        return _Limits(default if confident is None else confident, uncertain)

    def _distances(
        self, probes: Sequence[list[float]], candidates: Sequence[Candidate]
    ) -> tuple[list[str], _Matrix]:
        """Give each student's smallest distance to each probe.

        Returns:
            The ids of students with embeddings, each once, and (probes, students) distances.
        """
        rows_of: dict[str, list[list[float]]] = {}
        for candidate in candidates:
            if candidate.embeddings:
                rows_of.setdefault(candidate.student_id, []).extend(candidate.embeddings)
        self._check_lengths(probes)
        for rows in rows_of.values():
            self._check_lengths(rows)
        if not rows_of or not probes:
            return list(rows_of), np.empty((len(probes), len(rows_of)))
        starts = np.cumsum([0, *map(len, rows_of.values())])[:-1]
        templates = np.array([row for rows in rows_of.values() for row in rows])
        compared = self._compare(np.array(probes), templates)
        nearest = np.minimum.reduceat(compared, starts, axis=1)
        return list(rows_of), np.vectorize(self.scale, otypes=[np.float64])(nearest)

    def _check_lengths(self, rows: Sequence[list[float]]) -> None:
        if any(len(row) != self.dimension for row in rows):
            raise RefusalError(
                ErrorCode.WRONG_EMBEDDING_LENGTH,
                f"Every embedding must have {self.dimension} numbers.",
            )

    def _compare(self, probes: _Matrix, templates: _Matrix) -> _Matrix:
        if self.is_cosine:
            return 1.0 - _unit(probes) @ _unit(templates).T
        compared = np.empty((len(probes), len(templates)))
        for start in range(0, len(templates), _CHUNK):
            part = templates[start : start + _CHUNK]
            for number, probe in enumerate(probes):
                compared[number, start : start + _CHUNK] = np.linalg.norm(part - probe, axis=1)
        return compared


def _unit(rows: _Matrix) -> _Matrix:
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    unit: _Matrix = rows / lengths
    return unit


def _certainty(distance: float | None, confident: float, uncertain: float) -> Certainty:
    if distance is None or distance >= uncertain:
        return "no_match"
    return "confident" if distance < confident else "uncertain"


def _first_claims(nearest: NDArray[np.intp], best: _Matrix) -> set[int]:
    """Give the faces that are the nearest of all to their student; the earlier wins a tie."""
    claimed: dict[int, int] = {}
    for face in np.argsort(best, kind="stable").tolist():
        claimed.setdefault(int(nearest[face]), face)
    return set(claimed.values())


def _face_match(
    limits: _Limits, index: int, student_id: str, distance: float, *, is_owner: bool
) -> FaceMatch:
    certainty = _certainty(distance, limits.confident, limits.uncertain)
    is_present = certainty == "confident" and is_owner
    return FaceMatch(
        face_index=index,
        student_id=student_id if is_present else None,
        distance=distance,
        status="present" if is_present else "unknown",
        certainty=certainty,
        nearest_student_id=None if certainty == "no_match" else student_id,
    )


def _nobody(index: int) -> FaceMatch:
    return FaceMatch(
        face_index=index,
        student_id=None,
        distance=FAR_APART,
        status="unknown",
        certainty="no_match",
        nearest_student_id=None,
    )
