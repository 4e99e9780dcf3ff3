"""Views of one face whose embeddings are fused: its mirror image, small turns and shifts.

Measured by scripts/bench/views.py on pairs of press photos with the dlib port: the mirror image
alone takes the false non-match rate at FMR 1 % from 1.0 % to 0.6 %; docs/ml-service.md has more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import cv2
import numpy as np

from models.stages.landmarks import Landmarks
from models.stages.templates import fuse_probes

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatVector
    from models.store import ModelCard

# Face Mesh points that alignments use, left and right of the face. Points on the middle line
# (1, 2 ...) are their own mirror image.
_PAIRS = np.array([(33, 263), (133, 362), (159, 386), (145, 374), (61, 291)])
MIRRORED_POINTS = frozenset(int(point) for pair in _PAIRS for point in pair)
MIDDLE_POINTS = frozenset((0, 1, 2, 4, 5, 6, 17, 152, 168))


class Embeds(Protocol):
    """An embedder with its alignment; a `FacePipeline` is one."""

    embedder_card: ModelCard

    def embed(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """See `models.stages.embed.FaceEmbedder.embed`."""
        ...


class _Shift(NamedTuple):
    turn_deg: float
    scale: float
    right: float  # of the face's width
    down: float


_SHIFTS = (
    _Shift(0.0, 1.00, 0.000, 0.000),
    _Shift(3.0, 1.00, 0.010, 0.000),
    _Shift(-3.0, 1.00, -0.010, 0.000),
    _Shift(0.0, 1.03, 0.000, 0.010),
    _Shift(0.0, 0.97, 0.000, -0.010),
    _Shift(2.0, 1.02, 0.015, 0.010),
    _Shift(-2.0, 0.98, -0.015, -0.010),
    _Shift(1.5, 0.98, 0.010, -0.010),
    _Shift(-1.5, 1.02, -0.010, 0.010),
)


def embed_views(network: Embeds, picture_bgr: BGRImage, face: Landmarks, views: int) -> FloatVector:
    """Make one embedding out of those of several views of a face, by their direction.

    Args:
        network: embeds; used by this thread only.
        picture_bgr: (H, W, 3) uint8. Not modified.
        face: its landmarks in the picture.
        views: >= 1; odd ones are mirrored, the first two are otherwise as the face is.

    Returns:
        (D,) float32, of the length that the embedder's card gives to templates and probes, so
        that its limits mean the same for every count of views.
    """
    matching = network.embedder_card.matching
    length = 1.0 if matching is None else matching.length
    rows = np.stack(_embeddings(network, picture_bgr, face, views))
    return fuse_probes(rows, length=length)


def _embeddings(
    network: Embeds, picture_bgr: BGRImage, face: Landmarks, views: int
) -> list[FloatVector]:
    if views == 1:
        return [network.embed(picture_bgr, face)]
    window_bgr, local = _cut_window(picture_bgr, face)
    mirror_bgr = cv2.flip(window_bgr, 1)
    turned = mirrored(local, window_bgr.shape[1])
    embeddings = []
    for number in range(views):
        shift = _SHIFTS[number // 2 % len(_SHIFTS)]
        frame, points = (mirror_bgr, turned) if number % 2 else (window_bgr, local)
        embeddings.append(network.embed(frame, _shifted(points, shift)))  # type: ignore[arg-type]
    return embeddings


def mirrored(face: Landmarks, width_px: int) -> Landmarks:
    """Move landmarks to where they lie in the picture's mirror image.

    Args:
        face: landmarks. Not modified.
        width_px: of the picture.
    """
    points = face.points_px.copy()
    points[:, 0] = width_px - 1 - points[:, 0]
    left, right = _PAIRS.T
    points[np.concatenate([left, right])] = points[np.concatenate([right, left])]
    return Landmarks(points, face.presence)


def _cut_window(picture_bgr: BGRImage, face: Landmarks) -> tuple[BGRImage, Landmarks]:
    """Cut the face and as much again on every side, so that mirroring a photo stays cheap."""
    height, width = picture_bgr.shape[:2]
    low, high = face.points_px[:, :2].min(axis=0), face.points_px[:, :2].max(axis=0)
    margin = float((high - low).max())
    left, top = (int(np.clip(value - margin, 0, None)) for value in low)
    right, bottom = (int(np.ceil(value + margin)) + 1 for value in high)
    right, bottom = min(max(right, left + 1), width), min(max(bottom, top + 1), height)
    if left >= width or top >= height:
        return picture_bgr, face
    points = face.points_px.copy()
    points[:, :2] -= np.array([left, top], np.float32)
    return picture_bgr[top:bottom, left:right], Landmarks(points, face.presence)


def _shifted(face: Landmarks, shift: _Shift) -> Landmarks:
    points = face.points_px.copy()
    centre = points[:, :2].mean(axis=0)
    face_width = float(np.ptp(points[:, 0]))
    angle = np.deg2rad(shift.turn_deg)
    turn = shift.scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32
    )
    offset = np.array([shift.right, shift.down], np.float32) * face_width
    points[:, :2] = (points[:, :2] - centre) @ turn.T + centre + offset
    return Landmarks(points.astype(np.float32), face.presence)
