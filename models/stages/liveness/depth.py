"""Whether what no flat picture explains lies as a face's depth does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ITERATIONS = 12


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
    flat = np.column_stack([shapes[..., :2].mean(axis=0), np.ones(shapes.shape[1])])
    basis = np.linalg.qr(flat)[0]
    views = _without(np.concatenate([shapes[..., 0], shapes[..., 1]]), basis)
    third = _strongest(views)
    strength = float(np.linalg.norm(views @ third) / np.sqrt(views.size))
    if strength <= 1e-9:
        return 0.0, 0.0
    deep = _without(shapes[..., 2].mean(axis=0)[None], basis)[0]
    length = float(np.linalg.norm(deep))
    return strength, abs(float(deep @ third)) / length if length > 1e-9 else 0.0


def _without(rows: Floats, basis: Floats) -> Floats:
    """(N, P) rows less their part in the (P, B) orthonormal basis."""
    return np.asarray(rows - (rows @ basis) @ basis.T, np.float64)


def _strongest(rows: Floats) -> Floats:
    """(P,) unit vector that most of the (N, P) rows' length lies along, by power iteration."""
    vector = rows[int((rows**2).sum(axis=1).argmax())]
    for _ in range(_ITERATIONS):
        length = np.linalg.norm(vector)
        if length <= 1e-12:
            break
        vector = (rows @ (vector / length)) @ rows
    length = np.linalg.norm(vector)
    return np.asarray(vector / length if length > 1e-12 else vector, np.float64)
