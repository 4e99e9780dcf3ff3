"""Compares an embedder on this machine with numbers that its publisher's own runtime gave.

The pictures are drawn, not stored: by whole-number arithmetic, so they are the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.stages.images import Normaliser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.stages.embed import FaceEmbedder
    from models.stages.images import BGRImage, FloatArray, FloatVector
    from models.store import InputSpec

MIN_COSINE = 0.999
"""Below it a machine computes something else than the recorded numbers."""

_Grid = NDArray[np.int64]


def parity_pictures(width_px: int, height_px: int) -> dict[str, BGRImage]:
    """Draw the pictures.

    Returns:
        By name, (height_px, width_px, 3) uint8, BGR.
    """
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.int64)
    # In units of a 128th of the picture.
    x, y = x * 128 // width_px, y * 128 // height_px
    planes = {
        "blobs": [(x * x + 3 * y * y + 40 * c * x) // 173 % 256 for c in range(3)],
        "stripes": [(x * (c + 2) + y * (5 - c)) // 2 % 256 for c in range(3)],
        "face": [_face(x, y) - 20 * c for c in range(3)],
        "wide-face": [_face((x - 64) * 4 // 5 + 64, y) * (3 + c) // 5 for c in range(3)],
    }
    return {
        name: np.stack(channels, axis=2).clip(0, 255).astype(np.uint8)
        for name, channels in planes.items()
    }


def accelerator_inputs(spec: InputSpec) -> list[FloatArray]:
    """Draw what an accelerator is compared with the CPU on: soft faces, and their mirror images.

    Hard edges everywhere are no face's, and fixed int8 ranges do not hold what they excite.

    Args:
        spec: of the network's input.

    Returns:
        Inputs of the network, each (1, height_px, width_px, 3) float32.
    """
    normalise = Normaliser(spec)
    drawn = parity_pictures(spec.width_px, spec.height_px)
    soft = [_softened(drawn[name], spec.width_px // 16) for name in ("face", "wide-face")]
    return [normalise(picture) for face in soft for picture in (face, _mirrored(face))]


def _softened(picture: BGRImage, side_px: int) -> BGRImage:
    """Take the mean of the square around each pixel, in whole numbers; the edge is repeated."""
    before = side_px // 2
    planes = picture.astype(np.int64)
    for axis in (0, 1):
        pads = [(0, 0)] * 3
        pads[axis] = (before + 1, side_px - before - 1)
        sums = np.pad(planes, pads, mode="edge").cumsum(axis)
        length = picture.shape[axis]
        ends, starts = np.arange(length) + side_px, np.arange(length)
        planes = (np.take(sums, ends, axis) - np.take(sums, starts, axis)) // side_px
    return planes.astype(np.uint8)


def _mirrored(picture: BGRImage) -> BGRImage:
    return np.ascontiguousarray(picture[:, ::-1])


def lowest_cosine(
    embedder: FaceEmbedder, spec: InputSpec, recorded: Mapping[str, Sequence[float]]
) -> float:
    """Embed the pictures and compare.

    Args:
        embedder: of the card that the numbers are of.
        spec: the card's [input].
        recorded: embeddings by picture's name; at least one.

    Returns:
        The cosine of the picture that agrees least, at most 1.

    Raises:
        InferenceError: the runtime failed.
        KeyError: a recorded picture is not one of those drawn here.
    """
    pictures = parity_pictures(spec.width_px, spec.height_px)
    return min(
        _cosine(embedder.embed_aligned(pictures[name]), np.asarray(vector, np.float32))
        for name, vector in recorded.items()
    )


def _cosine(first: FloatVector, second: FloatVector) -> float:
    if first.shape != second.shape or not np.isfinite(first).all():
        return -1.0
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else -1.0


def _face(x: _Grid, y: _Grid) -> _Grid:
    """Oval, eyes, nose and mouth in one plane, at 128x128: enough to excite a network."""
    plane = np.full(x.shape, 60, dtype=np.int64) + x // 4
    plane[(x - 64) ** 2 * 4 + (y - 64) ** 2 * 3 < 11600] = 190
    for eye_x in (40, 87):
        plane[(x - eye_x) ** 2 + (y - 58) ** 2 * 4 < 160] = 40
    plane[(abs(x - 64) < (y - 58) // 4) & (y < 84)] = 160
    plane[(x - 64) ** 2 + (y - 105) ** 2 * 9 < 440] = 90
    return plane
