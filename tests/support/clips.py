"""Films of people made from the clips of faces, which stay outside the repository.

The people of a clip wear the same clothes in all of theirs, so who is who is plain to see.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from models.pipeline import FacePipeline

FPS, SIZE_PX = 30, (640, 480)

BGRImage = npt.NDArray[np.uint8]


def frames_of(path: Path) -> list[BGRImage]:
    """Return every frame of a clip."""
    video, frames = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        frames.append(read[1].astype(np.uint8))
    return frames


def nearer(frames: Sequence[BGRImage], pipeline: FacePipeline) -> list[BGRImage]:
    """The same film as if the person sat at the enrolment desk: cut around the face, enlarged."""
    left, top, width, height = pipeline.detect(frames[0])[0].box_px
    cut_width = int(width * 3.2)
    cut_height = cut_width * 3 // 4
    x = int(np.clip(left + width / 2 - cut_width / 2, 0, SIZE_PX[0] - cut_width))
    y = int(np.clip(top + height / 2 - cut_height / 2, 0, SIZE_PX[1] - cut_height))
    cut = [frame[y : y + cut_height, x : x + cut_width] for frame in frames]
    return [
        cv2.resize(frame, SIZE_PX, interpolation=cv2.INTER_CUBIC).astype(np.uint8) for frame in cut
    ]


def jpeg(frame: BGRImage) -> bytes:
    """Encode a frame."""
    return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def write_door(path: Path, clips: Sequence[Path]) -> Path:
    """What the kiosk's camera sees: one clip after another, with nobody in between."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE_PX)
    noise = np.random.default_rng(3).normal(165, 6, (SIZE_PX[1], SIZE_PX[0], 3)).astype(np.uint8)
    for clip in clips:
        for frame in [*frames_of(clip), *[noise] * FPS]:
            writer.write(frame)
    writer.release()
    return path
