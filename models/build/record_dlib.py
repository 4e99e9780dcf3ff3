"""Records what dlib itself answers, for the tests: `python -m models.build.record_dlib`.

Run by hand with the bench group (dlib). Nothing of a photo is kept but its name, the transform
that cuts the chip out of it, and 128 numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from models.build.port_dlib import CARD_ID, installed_dat
from models.errors import FrameError
from models.store import default_store

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHIP_SIDE_PX = 150
PATTERNS = ("blobs", "stripes", "face")
_FIVE_POINTS = "shape_predictor_5_face_landmarks.dat"


def pattern_chip(name: str) -> NDArray[np.uint8]:
    """Draw a chip that needs no photo and is the same everywhere.

    Args:
        name: one of `PATTERNS`.

    Returns:
        (150, 150, 3) uint8, RGB.
    """
    y, x = np.mgrid[0:CHIP_SIDE_PX, 0:CHIP_SIDE_PX].astype(np.int64)
    if name == "blobs":
        planes = [(x * x + 3 * y * y + 40 * c * x) // 173 % 256 for c in range(3)]
    elif name == "stripes":
        planes = [(x * (c + 2) + y * (5 - c)) // 2 % 256 for c in range(3)]
    else:
        planes = [_drawn_face(x, y) - 20 * c for c in range(3)]
    chip: NDArray[np.uint8] = np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)
    return chip


def _drawn_face(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Oval, eyes, nose and mouth in one plane: enough to excite the network like a face."""
    plane = np.full(x.shape, 60, dtype=np.int64) + x // 4
    plane[(x - 75) ** 2 * 4 + (y - 75) ** 2 * 3 < 16000] = 190
    for eye_x in (48, 102):
        plane[(x - eye_x) ** 2 + (y - 48) ** 2 * 4 < 220] = 40
    plane[(abs(x - 75) < (y - 55) // 4) & (y < 90)] = 160
    plane[(x - 75) ** 2 + (y - 110) ** 2 * 9 < 600] = 90
    return plane


def cut_chip(photo_bgr: NDArray[np.uint8], matrix: list[list[float]]) -> NDArray[np.uint8]:
    """Cut an aligned chip out of a photo.

    Args:
        photo_bgr: (H, W, 3) uint8, BGR.
        matrix: 2x3, photo pixels to chip pixels.

    Returns:
        (150, 150, 3) uint8, RGB.
    """
    transform = np.array(matrix, dtype=np.float64)
    warped = cv2.warpAffine(photo_bgr, transform, (CHIP_SIDE_PX, CHIP_SIDE_PX))
    return np.ascontiguousarray(warped[:, :, ::-1], dtype=np.uint8)


def _align(photo_bgr: NDArray[np.uint8]) -> list[list[float]]:
    """Find the face with dlib and give the transform onto the card's target points."""
    import dlib  # bench group only

    predictor = dlib.shape_predictor(str(installed_dat().with_name(_FIVE_POINTS)))
    photo_rgb = np.ascontiguousarray(photo_bgr[:, :, ::-1])
    boxes = dlib.get_frontal_face_detector()(photo_rgb, 1)
    if len(boxes) != 1:
        raise FrameError(f"one face expected, {len(boxes)} found")
    found = predictor(photo_rgb, boxes[0]).parts()
    card, _ = default_store().find(CARD_ID)
    if card.alignment is None:
        raise FrameError("the card says nothing about alignment")
    points = np.array([(p.x, p.y) for p in found], dtype=np.float64)
    matrix, _ = cv2.estimateAffinePartial2D(points, np.array(card.alignment.targets_px))
    return [[round(float(value), 6) for value in row] for row in matrix]


def record(photos: list[Path]) -> list[dict[str, Any]]:
    """Ask dlib for the descriptor of every pattern and of the face on every photo."""
    import dlib  # bench group only

    encoder = dlib.face_recognition_model_v1(str(installed_dat()))

    def describe(chip: NDArray[np.uint8]) -> list[float]:
        return [round(float(value), 6) for value in encoder.compute_face_descriptor(chip)]

    rows: list[dict[str, Any]] = [
        {"pattern": name, "descriptor": describe(pattern_chip(name))} for name in PATTERNS
    ]
    for path in photos:
        photo_bgr = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        matrix = _align(photo_bgr)
        descriptor = describe(cut_chip(photo_bgr, matrix))
        rows.append({"photo": path.name, "matrix": matrix, "descriptor": descriptor})
    return rows


def main() -> None:
    """Write one JSON line for each chip."""
    parser = argparse.ArgumentParser(description="Record dlib's own descriptors for the tests.")
    parser.add_argument("photos", type=Path, nargs="*", help="pictures with one face each")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lines = [json.dumps(row) for row in record(options.photos)]
    options.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
