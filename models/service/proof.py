"""Proves that a worker's models still compute what they computed when they were opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.errors import InferenceError
from models.stages.detect import Detection
from models.stages.parity import MIN_COSINE, parity_pictures

if TYPE_CHECKING:
    from models.pipeline import FacePipeline
    from models.stages.images import BGRImage, FloatVector

_PICTURE = "face"
_SIDE_PX = 256
# Where `parity_pictures` draws the face, in 128ths of the picture: its box, left, top, width and
# height; eyes, nose, mouth and ears, as detectors give them.
_BOX = (12.0, 12.0, 104.0, 112.0)
_KEYPOINTS = [(40, 58), (87, 58), (64, 80), (64, 105), (14, 64), (114, 64)]


class Proof:
    """A drawn face and what became of it at the start. Used by its worker's thread only."""

    def __init__(self, pipeline: FacePipeline) -> None:
        """Run every model once, which also takes the first run's extra time off the first request.

        Raises:
            InferenceError: a model failed, or gave no numbers.
        """
        self._pipeline = pipeline
        size = pipeline.embedder_card.input
        self._aligned_bgr = parity_pictures(size.width_px, size.height_px)[_PICTURE]
        self._picture_bgr: BGRImage = parity_pictures(_SIDE_PX, _SIDE_PX)[_PICTURE]
        self._face = _drawn_face(_SIDE_PX / 128)
        self._expected = self._compute()

    def run(self) -> None:
        """Run every model again.

        Raises:
            InferenceError: a model failed, or the embedding is another one than at the start.
        """
        computed = self._compute()
        if float(computed @ self._expected) < MIN_COSINE:
            raise InferenceError("the embedder computes something else than it did at the start")

    def _compute(self) -> FloatVector:
        self._pipeline.detect(self._picture_bgr)
        self._pipeline.landmarks(self._picture_bgr, self._face)
        embedding = self._pipeline.embed_aligned(self._aligned_bgr)
        length = float(np.linalg.norm(embedding))
        if not np.isfinite(length) or not length:
            raise InferenceError("the embedder gives no numbers")
        return np.asarray(embedding / length, np.float32)


def _drawn_face(scale: float) -> Detection:
    left, top, width, height = (edge * scale for edge in _BOX)
    keypoints = np.array(_KEYPOINTS, np.float32) * np.float32(scale)
    return Detection((left, top, width, height), keypoints, 1.0)
