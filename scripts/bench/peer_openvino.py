"""The same work by YuNet and face-reidentification-retail-0095 under OpenVINO, where it is there.

They never enter the product: the folder with their files is named on the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from scripts.bench.peer_opencv import DETECTOR, largest_face, nearest
from scripts.bench.turns import Contestant, NotRun

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.stages.images import BGRImage

_NAME = "YuNet + reid-0095, OpenVINO"
_EMBEDDER = "face-reidentification-retail-0095.xml"
_SIZE_PX = 128
_POINTS_PX = np.array(
    [(40.39, 59.08), (87.38, 58.86), (64.03, 81.98), (44.73, 105.56), (83.64, 105.38)], np.float32
)


def open_peer(size_px: tuple[int, int], templates: int, folder: Path) -> Contestant | NotRun:
    """Open detection at full size, alignment, embedding and matching on one thread.

    Args:
        size_px: of the frames, width and height.
        templates: to match with.
        folder: of both files.
    """
    try:
        import openvino
    except ImportError:
        return NotRun(_NAME, "openvino is not installed")
    if not all((folder / name).is_file() for name in (DETECTOR, _EMBEDDER)):
        return NotRun(_NAME, f"{DETECTOR} or {_EMBEDDER} is missing")
    detector = cv2.FaceDetectorYN.create(str(folder / DETECTOR), "", size_px)
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    network = openvino.Core().compile_model(str(folder / _EMBEDDER), "CPU", options)
    search = nearest(templates, 256)

    def look(frame: BGRImage) -> bool:
        found = largest_face(detector, frame)
        if found is None:
            return False
        search(np.asarray(network([_aligned(frame, found)])[0]).ravel())
        return True

    return Contestant(_NAME, look)


def _aligned(frame: BGRImage, face: NDArray[np.float32]) -> NDArray[np.float32]:
    points = face[4:14].reshape(5, 2)
    turn, _ = cv2.estimateAffinePartial2D(points, _POINTS_PX, method=cv2.LMEDS)
    aligned = cv2.warpAffine(frame, turn, (_SIZE_PX, _SIZE_PX))
    return np.asarray(aligned.transpose(2, 0, 1)[None], np.float32)
