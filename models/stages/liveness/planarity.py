"""How far a track's points are from being the views of one plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.images import FloatArray

Floats = NDArray[np.float64]

RIGID = (
    # Eye corners, bridge and tip of the nose, brow, forehead, temples and cheeks: what
    # neither speech nor a smile moves much. The jaw is left out.
    *(33, 133, 362, 263, 6, 197, 195, 5, 4, 1, 98, 327, 168, 8, 9, 151, 70, 300, 46, 276),
    *(105, 334, 50, 280, 205, 425, 10, 109, 338, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361),
    *(127, 234, 93, 132, 21, 54, 103, 67),
)
"""Face Mesh points that move as one body."""
_CHOSEN = np.array(sorted(set(RIGID)))
_RIGHT_CORNER, _LEFT_CORNER = np.searchsorted(_CHOSEN, (33, 263))  # of the eyes, outside


def rigid_shapes(tracked: FloatArray) -> Floats:
    """The rigid points of each frame about their centre, in eye distances.

    Args:
        tracked: (F, 468, 3). Not modified.

    Returns:
        (F, P, 3).
    """
    shapes = tracked[:, _CHOSEN].astype(np.float64)
    scales = np.linalg.norm(shapes[:, _LEFT_CORNER] - shapes[:, _RIGHT_CORNER], axis=1)
    shapes -= shapes.mean(axis=1, keepdims=True)
    return np.asarray(shapes / np.maximum(scales, 1e-6)[:, None, None], np.float64)


def central(shapes: Floats) -> int:
    """The frame most like the mean of all."""
    apart = (shapes[..., :2] - shapes[..., :2].mean(axis=0)) ** 2
    return int(apart.sum(axis=(1, 2)).argmin())


def plane_offsets(start: Floats, seen: Floats) -> Floats:
    """What the best homography from one frame to each other leaves over, point by point.

    Args:
        start: (P, 2) P > 4, of the frame.
        seen: (F, P, 2), of the others. Both in units of about the face's size.

    Returns:
        (F, P): distances between a point and where the homography puts it. A plane gives 0,
        whatever the camera does.
    """
    x, y = start[:, 0], start[:, 1]
    seen_x, seen_y = seen[..., 0], seen[..., 1]
    zero, one = np.zeros_like(seen_x), np.ones_like(seen_x)
    wide_x, wide_y = np.broadcast_to(x, seen_x.shape), np.broadcast_to(y, seen_x.shape)
    rows_x = [wide_x, wide_y, one, zero, zero, zero, -x * seen_x, -y * seen_x]
    rows_y = [zero, zero, zero, wide_x, wide_y, one, -x * seen_y, -y * seen_y]
    design = np.concatenate([np.stack(rows_x, axis=-1), np.stack(rows_y, axis=-1)], axis=1)
    target = np.concatenate([seen_x, seen_y], axis=1)[..., None]
    across = design.transpose(0, 2, 1)
    ridge = 1e-12 * np.eye(8)
    answer = np.linalg.solve(across @ design + ridge, across @ target)
    weight = 1.0 + x * answer[:, 6] + y * answer[:, 7]  # (F, P)
    off = (target - design @ answer)[..., 0].reshape(len(seen), 2, -1) / weight[:, None]
    return np.asarray(np.hypot(off[:, 0], off[:, 1]), np.float64)


def plane_residuals(shapes: Floats, reference: int) -> Floats:
    """The rms over the points of `plane_offsets`.

    Args:
        shapes: (F, P, 2 or more), P > 4; see `rigid_shapes`.
        reference: index of the frame.

    Returns:
        (F,) in the shapes' unit.
    """
    off = plane_offsets(shapes[reference, :, :2], shapes[..., :2])
    return np.asarray(np.sqrt((off**2).mean(axis=1)), np.float64)
