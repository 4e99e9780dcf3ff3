"""Brings a face's landmarks to where an embedder expects them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from models.stages.images import Affine, BGRImage, FloatArray, cut_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.store import Alignment, InputSpec


class FaceAligner:
    """The alignment of one embedder."""

    def __init__(self, alignment: Alignment, spec: InputSpec) -> None:
        """Prepare the target points.

        Args:
            alignment: the card's [alignment].
            spec: the card's [input].
        """
        counts = [len(group) for group in alignment.mesh_points]
        self._points = np.concatenate(alignment.mesh_points)
        self._starts = np.cumsum([0, *counts[:-1]])
        self._counts = np.array(counts, np.float32)[:, None]
        self._targets = np.asarray(alignment.targets_px, np.float64)
        self._size_px = (spec.width_px, spec.height_px)

    def align(self, frame_bgr: BGRImage, points_px: FloatArray) -> BGRImage:
        """Cut the face out of its frame, in the embedder's size.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.
            points_px: (468, 3) or (468, 2) in frame pixels.

        Returns:
            (height, width, 3) uint8, BGR, black outside the frame.
        """
        chosen = points_px[self._points, :2]
        anchors = np.add.reduceat(chosen, self._starts, axis=0) / self._counts
        to_frame = similarity(self._targets, anchors)
        frame, to_frame = shrink(frame_bgr, to_frame)
        return cut_out(frame, to_frame, self._size_px, replicate=False)


def similarity(
    source: NDArray[np.float32] | NDArray[np.float64],
    target: NDArray[np.float32] | NDArray[np.float64],
) -> Affine:
    """Least-squares rotation, uniform scale and shift from one point set to another.

    In the plane and without reflection, Umeyama's estimate is one complex linear regression.

    Args:
        source: (N, 2), N >= 2, not all equal.
        target: (N, 2).

    Returns:
        (2, 3): maps source to target.

    Source: Umeyama, Least-squares estimation of transformation parameters, PAMI 1991.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    (xs, ys), (us, vs) = (source - source_mean).T, (target - target_mean).T
    spread = float(xs @ xs + ys @ ys)
    cos = float(xs @ us + ys @ vs) / spread
    sin = float(xs @ vs - ys @ us) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, target_mean - turn @ source_mean])


def shrink(frame_bgr: BGRImage, to_frame: Affine) -> tuple[BGRImage, Affine]:
    """Average pixels away where a window would skip every other pixel of the frame or more.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        to_frame: (2, 3): maps the window's pixels to the frame's.

    Returns:
        The frame, or a smaller one, and the map to its pixels.
    """
    factor = int(np.hypot(to_frame[0, 0], to_frame[1, 0]))
    if factor < 2:
        return frame_bgr, to_frame
    height, width = (max(side // factor, 1) for side in frame_bgr.shape[:2])
    small = cv2.resize(
        frame_bgr[: height * factor, : width * factor],
        (width, height),
        interpolation=cv2.INTER_AREA,
    )
    shifted = to_frame / factor
    shifted[:, 2] -= (factor - 1) / (2 * factor)
    return cast("BGRImage", small), shifted
