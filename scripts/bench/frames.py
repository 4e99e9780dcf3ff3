"""Frames to measure on: of any video file, or made from the sample photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from scripts.assets.samples import people

if TYPE_CHECKING:
    from pathlib import Path

    from models.pipeline import FacePipeline
    from models.stages.images import BGRImage

_SIZE_PX = (640, 480)
_FACE_PX = 120.0  # an arm's length and a half from the kiosk
_SWAY_PX = 60.0
_SWAY_RAD = 0.15


def read_clip(path: Path, limit: int) -> list[BGRImage]:
    """Read the first frames of a video, scaled to 640 x 480.

    Raises:
        ValueError: the file is no video.
    """
    capture = cv2.VideoCapture(str(path))
    frames: list[BGRImage] = []
    while len(frames) < limit:
        there, frame = capture.read()
        if not there:
            break
        frames.append(np.asarray(cv2.resize(frame, _SIZE_PX), np.uint8))
    if not frames:
        raise ValueError(f"{path} is not a video that OpenCV reads")
    return frames


def make_clip(pipeline: FacePipeline, count: int) -> list[BGRImage]:
    """Make frames with one swaying face each, 120 px wide, from the sample photos.

    Args:
        pipeline: finds the faces on the photos.
        count: number of frames.
    """
    photos = [photo for person in people() for photo in person.appear]
    each = -(-count // len(photos))
    frames: list[BGRImage] = []
    for photo in photos:
        picture = np.asarray(cv2.imread(str(photo)), np.uint8)
        left, top, width, height = pipeline.detect(picture)[0].box_px
        scale = _FACE_PX / max(width, height)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        centre = ((left + width / 2) * scale, (top + height / 2) * scale)
        sways = np.sin(np.linspace(0, 2 * np.pi, each))
        frames += [_sway(small, centre, float(sway)) for sway in sways]
    return frames[:count]


def _sway(picture: cv2.typing.MatLike, centre: tuple[float, float], sway: float) -> BGRImage:
    turn = cv2.getRotationMatrix2D(centre, float(np.degrees(sway * _SWAY_RAD)), 1.0)
    middle = (_SIZE_PX[0] / 2 + sway * _SWAY_PX, _SIZE_PX[1] / 2)
    shift = np.array([[0.0, 0.0, middle[0] - centre[0]], [0.0, 0.0, middle[1] - centre[1]]])
    frame = cv2.warpAffine(picture, turn + shift, _SIZE_PX, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(frame, np.uint8)
