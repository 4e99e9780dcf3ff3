"""Whether what no flat picture explains lies as a face's depth does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def relief(shapes: Floats) -> tuple[float, float]:
    """Factor a track into views of one rigid body, and look at its third dimension.

    Under weak perspective the points of a plane span two dimensions over all frames, those of a
    solid head three.

    Args:
        shapes: (F, P, 3), see `planarity.rigid_shapes`; the depth of each frame is the mesh's.

    Returns:
        The strength of the third dimension (rms, eye distances), and the correlation (-1 to 1)
        between it and the mesh's mean depth, both less what is flat in them.

    Source: Tomasi and Kanade, Shape and motion from image streams under orthography, 1992.
    """
    views = np.concatenate([shapes[..., 0], shapes[..., 1]])
    spread = views @ views.T  # (2F, 2F), smaller than the singular values of views itself
    values, vectors = np.linalg.eigh(spread)
    strength = float(np.sqrt(max(values[-3], 0.0) / views.size))
    if strength <= 1e-9:
        return 0.0, 0.0
    third = vectors[:, -3] @ views
    flat = np.column_stack([shapes[..., :2].mean(axis=0), np.ones(shapes.shape[1])])
    deep = shapes[..., 2].mean(axis=0)
    deep = deep - flat @ np.linalg.lstsq(flat, deep, rcond=None)[0]
    third = third - flat @ np.linalg.lstsq(flat, third, rcond=None)[0]
    length = float(np.linalg.norm(deep) * np.linalg.norm(third))
    return strength, abs(float(deep @ third) / length) if length > 1e-9 else 0.0
