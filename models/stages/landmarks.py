"""Places the 468 Face Mesh points on a detected face."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from models.stages.images import Affine, BGRImage, FloatArray, Normaliser, check_frame, cut_out

if TYPE_CHECKING:
    from models.runtime import InferenceSession
    from models.stages.detect import Detection
    from models.store import ModelCard

_MOST_LOG_ODDS = 30.0


@dataclass(frozen=True)
class Landmarks:
    """The points of one face.

    Attributes:
        points_px: (468, 3) float32: x, y in frame pixels; z, depth in the same unit, smaller is
            nearer.
        presence: 0 to 1, how surely there is a face.
    """

    points_px: FloatArray
    presence: float

    @property
    def log_odds(self) -> float:
        """How surely there is a face, as logarithm of the odds, -30 to 30."""
        if not 0.0 < self.presence < 1.0:
            return _MOST_LOG_ODDS if self.presence >= 1.0 else -_MOST_LOG_ODDS
        odds = log(self.presence / (1.0 - self.presence))
        return min(max(odds, -_MOST_LOG_ODDS), _MOST_LOG_ODDS)


class FaceLandmarker:
    """The Face Mesh network."""

    def __init__(self, card: ModelCard, session: InferenceSession) -> None:
        """Prepare the network's input.

        Args:
            card: of role landmarks.
            session: the card's model; returns points, then presence.
        """
        if card.landmarks is None:
            raise ValueError(f"the card {card.id} does not describe a landmark model")
        self._session = session
        self._spec = card.landmarks
        self._normalise = Normaliser(card.input)
        self._side_px = card.input.width_px

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """Place the points of a detected face.

        Args:
            frame_bgr: the frame it was detected in. Not modified.
            detection: the face.

        Returns:
            The points, or None where the network sees no face.

        Raises:
            FrameError: the frame is not a picture.
            InferenceError: the runtime failed.
        """
        check_frame(frame_bgr)
        to_frame = face_window(detection, self._side_px, self._spec.crop_ratio)
        size_px = (self._side_px, self._side_px)
        window = cut_out(frame_bgr, to_frame, size_px, replicate=True)
        raw, logit = self._session.run(self._normalise(window))
        # In 64 bits, in which the surest faces still differ.
        presence = float(1.0 / (1.0 + np.exp(-float(logit.ravel()[0]))))
        if presence < self._spec.min_presence:
            return None
        return Landmarks(_to_frame(raw.reshape(self._spec.points, 3), to_frame), presence)


def face_window(detection: Detection, side_px: int, ratio: float) -> Affine:
    """Say where the square window around a face lies, turned so that the eyes are level.

    Args:
        detection: the face.
        side_px: edge of the window in its own pixels.
        ratio: edge of the window over the larger side of the face's box.

    Returns:
        (2, 3): maps window pixels to frame pixels.
    """
    left, top, width, height = detection.box_px
    scale = max(width, height) * ratio / side_px
    cos, sin = np.cos(detection.roll_rad) * scale, np.sin(detection.roll_rad) * scale
    turn = np.array([[cos, -sin], [sin, cos]])
    centre = np.array([left + width / 2, top + height / 2])
    offset = centre - turn @ np.array([side_px / 2, side_px / 2])
    return np.column_stack([turn, offset])


def _to_frame(points: FloatArray, to_frame: Affine) -> FloatArray:
    scale = np.hypot(to_frame[0, 0], to_frame[1, 0])
    placed = np.empty_like(points)
    placed[:, :2] = points[:, :2] @ to_frame[:, :2].T + to_frame[:, 2]
    placed[:, 2] = points[:, 2] * scale
    return placed
