"""Records what ONNX Runtime answers, for the parity check: `python -m models.build.record_onnx`.

Run by hand in a separate environment with `onnx`, `onnxruntime`, numpy and OpenCV (docs/models.md
names the versions). It feeds the publisher's file as its publisher says, raw pixels and all, so
that the card's own idea of the input is checked along.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from models.stages.parity import parity_pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

BGRImage = NDArray[np.uint8]
Embed: TypeAlias = Callable[[BGRImage], list[float]]
_CELL_PX = 8


def seeded_picture(seed: int, side_px: int) -> BGRImage:
    """Draw a picture of soft random spots, the same on every machine.

    Hard edges everywhere are no face's, and int8 activations lose more of them than of any face.

    Args:
        seed: of the spots.
        side_px: a multiple of 8.

    Returns:
        (side_px, side_px, 3) uint8, BGR.
    """
    across = side_px // _CELL_PX
    spots = np.random.default_rng(seed).integers(0, 256, (across + 1, across + 1, 3), np.int64)
    rows, columns = np.divmod(np.arange(side_px), _CELL_PX)
    for axis in (0, 1):
        near, far = np.take(spots, rows, axis), np.take(spots, rows + 1, axis)
        weights = columns.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        spots = (near * (_CELL_PX - weights) + far * weights) // _CELL_PX
    picture: BGRImage = spots.astype(np.uint8)
    return picture


def cut_face(photo_bgr: BGRImage, matrix: list[list[float]], side_px: int) -> BGRImage:
    """Cut an aligned face out of a photo.

    Args:
        photo_bgr: (H, W, 3) uint8, BGR.
        matrix: 2x3, pixels of the face to pixels of the photo.
        side_px: of the face.

    Returns:
        (side_px, side_px, 3) uint8, BGR.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    face = cv2.warpAffine(photo_bgr, np.array(matrix), (side_px, side_px), flags=flags)
    return np.asarray(face, np.uint8)


def onnx_embedder(path: Path) -> Embed:
    """Open a network that takes (1, 3, H, W) float32, RGB, 0 to 255.

    Returns:
        A function from (H, W, 3) uint8, BGR, to the embedding, rounded to 5 decimals.
    """
    import onnx  # in no group of this project
    import onnxruntime

    model = onnx.load(path)
    used = {name for node in model.graph.node for name in node.input}
    constants = {one.name for one in model.graph.initializer}
    # ONNX Runtime asks for every input, and the file lists constants that no operation takes.
    taken = [one for one in model.graph.input if one.name in used - constants]
    del model.graph.input[:]
    model.graph.input.extend(taken)
    session: Any = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def embed(face_bgr: BGRImage) -> list[float]:
        rgb = face_bgr[:, :, ::-1].transpose(2, 0, 1)[None]
        values = np.ascontiguousarray(rgb, dtype=np.float32)
        answer = session.run(None, {taken[0].name: values})[0]
        return [round(float(value), 5) for value in answer.ravel()]

    return embed


def recorded_rows(lines: list[str], photos: Path, side_px: int, embed: Embed) -> Iterator[str]:
    """Answer each line of a fixture: a seed, or a photo with the matrix of its face."""
    for line in lines:
        row = json.loads(line)
        if "seed" in row:
            picture = seeded_picture(row["seed"], side_px)
        else:
            photo = np.asarray(cv2.imread(str(photos / row["photo"])), np.uint8)
            picture = cut_face(photo, row["matrix"], side_px)
        yield json.dumps({**row, "embedding": embed(picture)})


def main() -> None:
    """Write the parity pictures' embeddings, and fill a fixture in."""
    parser = argparse.ArgumentParser(description="Record ONNX Runtime's embeddings of pictures.")
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--side", type=int, default=112, help="of the square input, pixels")
    parser.add_argument("--out", type=Path, required=True, help="JSON, for models/cards/vectors")
    parser.add_argument("--fixture", type=Path, help="JSON lines to fill in: seeds, or photos")
    parser.add_argument(
        "--photos", type=Path, default=Path(), help="folder of the fixture's photos"
    )
    options = parser.parse_args()
    embed = onnx_embedder(options.onnx)
    pictures = parity_pictures(options.side, options.side)
    rows = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(embed(one))}" for name, one in pictures.items()
    )
    options.out.write_text(f"{{\n{rows}\n}}\n", "utf-8")
    if options.fixture:
        lines = options.fixture.read_text("utf-8").splitlines()
        filled = recorded_rows(lines, options.photos, options.side, embed)
        options.fixture.write_text("".join(f"{row}\n" for row in [*filled]), "utf-8")


if __name__ == "__main__":
    main()
