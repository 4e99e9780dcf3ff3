"""The same work by YuNet and face-reidentification-retail-0095 under OpenVINO, where it is there.

They never enter the product: the folder with their files is named on the command line.
"""

from __future__ import annotations

import statistics
from time import process_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.stages.images import BGRImage

_DETECTOR = "face_detection_yunet_2023mar.onnx"
_EMBEDDER = "face-reidentification-retail-0095.xml"
_SIZE_PX = 128
_POINTS_PX = np.array(
    [(40.39, 59.08), (87.38, 58.86), (64.03, 81.98), (44.73, 105.56), (83.64, 105.38)], np.float32
)
_WARM_UP = 5


def time_frames(frames: Sequence[BGRImage], templates: int, folder: Path) -> float | None:
    """Time detection at full size, alignment, embedding and matching on one thread.

    Returns:
        Median CPU milliseconds of the process for the frames in which it found a face; None where
        OpenVINO or a file is missing, or it found none.
    """
    try:
        import openvino
    except ImportError:
        return None
    if not all((folder / name).is_file() for name in (_DETECTOR, _EMBEDDER)):
        return None
    height, width = frames[0].shape[:2]
    detector = cv2.FaceDetectorYN.create(str(folder / _DETECTOR), "", (width, height))
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    network = openvino.Core().compile_model(str(folder / _EMBEDDER), "CPU", options)
    known = np.random.default_rng(0).normal(0, 1, (templates, 256)).astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    times = []
    for frame in [*frames[:_WARM_UP], *frames]:
        started = process_time()
        _, faces = detector.detect(frame)
        if faces is None:
            continue
        face = _aligned(frame, np.asarray(faces, np.float32))
        probe = np.asarray(network([face])[0]).ravel()
        int((known @ (probe / np.linalg.norm(probe))).argmax())
        times.append((process_time() - started) * 1000)
    return statistics.median(times[_WARM_UP:]) if len(times) > _WARM_UP else None


def _aligned(frame: BGRImage, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    largest = max(faces, key=lambda face: float(face[2] * face[3]))
    points = np.asarray(largest[4:14], np.float32).reshape(5, 2)
    turn, _ = cv2.estimateAffinePartial2D(points, _POINTS_PX, method=cv2.LMEDS)
    face = cv2.warpAffine(frame, turn, (_SIZE_PX, _SIZE_PX))
    return np.asarray(face.transpose(2, 0, 1)[None], np.float32)
