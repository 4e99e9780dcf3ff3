"""The same work by OpenCV's own classes on the same SFace weights, where the files are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.cli.packaged import source_target
from models.store import OnnxOrigin, asset_folder, default_store
from scripts.bench.turns import Contestant, NotRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from models.stages.images import BGRImage

DETECTOR = "face_detection_yunet_2023mar.onnx"
"""YuNet, in the folder that the command line names."""


_NAME = "FaceDetectorYN + FaceRecognizerSF, OpenCV"


def open_peer(size_px: tuple[int, int], templates: int, folder: Path) -> Contestant | NotRun:
    """Open detection at full size, alignment, embedding and matching.

    Args:
        size_px: of the frames, width and height.
        templates: to match with.
        folder: of the detector; SFace's ONNX file is taken from the asset folder.
    """
    origin = default_store().cards["sface-2021dec"].origin
    source = asset_folder() / source_target(origin) if isinstance(origin, OnnxOrigin) else folder
    if not (folder / DETECTOR).is_file():
        return NotRun(_NAME, f"{DETECTOR} is missing")
    if not source.is_file():
        return NotRun(_NAME, f"{source.name} is missing: run scripts/fetch_assets")
    detector = cv2.FaceDetectorYN.create(str(folder / DETECTOR), "", size_px)
    recogniser = cv2.FaceRecognizerSF.create(str(source), "")
    search = nearest(templates, 128)

    def look(frame: BGRImage) -> bool:
        found = largest_face(detector, frame)
        if found is None:
            return False
        probe = recogniser.feature(recogniser.alignCrop(frame, found)).ravel()
        search(np.asarray(probe, np.float32))
        return True

    return Contestant(_NAME, look)


def largest_face(detector: cv2.FaceDetectorYN, frame: BGRImage) -> NDArray[np.float32] | None:
    """Return YuNet's row of the largest face, None without one."""
    _, faces = detector.detect(frame)
    if faces is None:
        return None
    rows = np.asarray(faces, np.float32)
    return np.asarray(max(rows, key=lambda face: float(face[2] * face[3])), np.float32)


def nearest(templates: int, dimension: int) -> Callable[[NDArray[np.float32]], int]:
    """Make a search by cosine among random templates."""
    known = np.random.default_rng(0).normal(0, 1, (templates, dimension)).astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    return lambda probe: int((known @ (probe / np.linalg.norm(probe))).argmax())
