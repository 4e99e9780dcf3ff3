"""Finds faces: letterbox, BlazeFace, decode, weighted non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.stages.images import Affine, BGRImage, FloatArray, Normaliser, check_frame, cut_out

if TYPE_CHECKING:
    from models.runtime import InferenceSession
    from models.store import DetectorSpec, InputSpec, ModelCard

_MAX_LOGIT = 100.0  # Source: face_detection_*.pbtxt, score_clipping_thresh
_RIGHT_EYE, _LEFT_EYE = 0, 1


@dataclass(frozen=True)
class Detection:
    """One face in a frame.

    Attributes:
        box_px: left, top, width, height in frame pixels; may reach past the frame.
        keypoints_px: (6, 2) float32 in frame pixels: the person's right eye, left eye, nose tip,
            mouth, right ear, left ear.
        score: 0 to 1.
    """

    box_px: tuple[float, float, float, float]
    keypoints_px: FloatArray
    score: float

    @property
    def area_px(self) -> float:
        """Area of the box, square pixels."""
        return self.box_px[2] * self.box_px[3]

    @property
    def roll_rad(self) -> float:
        """Angle of the line from the right to the left eye, clockwise on the picture."""
        dx, dy = self.keypoints_px[_LEFT_EYE] - self.keypoints_px[_RIGHT_EYE]
        return float(np.arctan2(dy, dx))


class FaceDetector:
    """A BlazeFace network with its anchors laid out once."""

    def __init__(
        self, card: ModelCard, session: InferenceSession, *, min_score: float | None = None
    ) -> None:
        """Prepare the anchors.

        Args:
            card: of role detector.
            session: the card's model; returns boxes, then scores.
            min_score: replaces the card's limit, 0 to 1.
        """
        if card.detector is None:
            raise ValueError(f"the card {card.id} does not describe a detector")
        limit = card.detector.min_score if min_score is None else min_score
        self._session = session
        self._normalise = Normaliser(card.input)
        self._size_px = (card.input.width_px, card.input.height_px)
        self._min_logit = float(np.log(limit / (1.0 - limit)))
        self._merge_iou = card.detector.merge_iou
        self._anchors = lay_anchors(card.input, card.detector)

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Find the faces of a frame, surest first.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.

        Raises:
            FrameError: the frame is not such a picture.
            InferenceError: the runtime failed.
        """
        check_frame(frame_bgr)
        to_frame = letterbox(frame_bgr.shape[1], frame_bgr.shape[0], *self._size_px)
        window = cut_out(frame_bgr, to_frame, self._size_px, replicate=False)
        raw, logits = self._session.run(self._normalise(window))
        points, scores = self._decode(raw[0], logits[0, :, 0])
        if not scores.size:
            return []
        points = points * np.diag(to_frame) + to_frame[:, 2]
        merged, kept = merge_overlapping(points.astype(np.float32), scores, self._merge_iou)
        return [_detection(face, float(score)) for face, score in zip(merged, kept, strict=True)]

    def _decode(self, raw: FloatArray, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turn raw outputs above the limit into points, in network pixels.

        Returns:
            (N, 2 + keypoints, 2): top left, bottom right, keypoints; and (N,) scores.
        """
        (chosen,) = np.nonzero(logits >= self._min_logit)
        values = raw.reshape(len(raw), -1, 2)[chosen]
        anchors = self._anchors[chosen, None, :]
        points = np.empty_like(values)
        half = values[:, 1:2] / 2
        points[:, 0:1] = values[:, 0:1] - half + anchors
        points[:, 1:2] = values[:, 0:1] + half + anchors
        points[:, 2:] = values[:, 2:] + anchors
        clipped = np.clip(logits[chosen], -_MAX_LOGIT, _MAX_LOGIT)
        return points, np.reciprocal(1.0 + np.exp(-clipped), dtype=np.float32)


def letterbox(frame_width_px: int, frame_height_px: int, width_px: int, height_px: int) -> Affine:
    """Fit a frame into a window, centred, keeping its proportions.

    Returns:
        (2, 3): maps window pixels to frame pixels, without rotation.
    """
    scale = max(frame_width_px / width_px, frame_height_px / height_px)
    left = (frame_width_px - width_px * scale) / 2
    top = (frame_height_px - height_px * scale) / 2
    return np.array([[scale, 0.0, left], [0.0, scale, top]])


def lay_anchors(spec: InputSpec, detector: DetectorSpec) -> FloatArray:
    """Lay out the anchors: cell centres of every layer, row by row.

    Returns:
        (N, 2) float32: x, y in network pixels.
    """
    layers = []
    for stride, count in zip(detector.strides, detector.anchors_per_cell, strict=True):
        xs = (np.arange(spec.width_px // stride) + 0.5) * stride
        ys = (np.arange(spec.height_px // stride) + 0.5) * stride
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(grid, count, axis=0))
    return np.concatenate(layers, dtype=np.float32, casting="same_kind")


def merge_overlapping(
    points: FloatArray, scores: FloatArray, min_iou: float
) -> tuple[FloatArray, FloatArray]:
    """Weighted non-maximum suppression: boxes that overlap the surest one become their mean.

    Args:
        points: (N, P, 2): each row's first two points are the box's corners. Not modified.
        scores: (N,), > 0: the weights.
        min_iou: boxes whose intersection over union with the surest exceeds it are merged.

    Returns:
        (M, P, 2) merged points and (M,) scores of the surest of each, surest first.
    """
    order = np.argsort(-scores, kind="stable")
    merged: list[FloatArray] = []
    kept: list[float] = []
    while order.size:
        overlap = iou_with_first(points[order, :2])
        same = overlap > min_iou
        same[0] = True
        group = order[same]
        weights = scores[group] / scores[group].sum()
        merged.append(np.tensordot(weights, points[group], axes=1))
        kept.append(float(scores[order[0]]))
        order = order[~same]
    shape = (len(merged), *points.shape[1:])
    return np.asarray(merged, np.float32).reshape(shape), np.asarray(kept, np.float32)


def iou_with_first(corners: FloatArray) -> FloatArray:
    """Intersection over union of each box with the first.

    Args:
        corners: (N, 2, 2): top left and bottom right, x and y.

    Returns:
        (N,), 0 to 1.
    """
    top_left = np.maximum(corners[:, 0], corners[0, 0])
    bottom_right = np.minimum(corners[:, 1], corners[0, 1])
    shared = np.prod(np.maximum(bottom_right - top_left, 0.0), axis=1)
    areas = np.prod(np.maximum(corners[:, 1] - corners[:, 0], 0.0), axis=1)
    union = areas + areas[0] - shared
    overlap = np.zeros(len(corners), np.float32)
    return np.divide(shared, union, out=overlap, where=union > 0)


def _detection(points: FloatArray, score: float) -> Detection:
    left, top = (float(value) for value in points[0])
    width, height = (float(value) for value in points[1] - points[0])
    return Detection((left, top, width, height), points[2:], score)
