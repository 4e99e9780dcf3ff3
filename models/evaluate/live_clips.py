"""Live clips whose people are known, read at the rate at which a kiosk recognises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.errors import ModelsError
from models.evaluate.surfaces import Source
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.stages.images import BGRImage

RATE_HZ = 15.0  # frames a second, as a kiosk recognises
_MOST_FRAMES = 60
_PHOTO_FRAMES = 36

PEOPLE = {
    "A": ("again", "brother", "help", "no", "student", "yes"),
    "B": ("bird", "milk", "please", "sorry", "thanks"),
    "C": ("book", "learn", "school", "walk"),
    "D": ("eat", "night", "sister"),
    "E": ("hungry", "want"),
    "F": ("head-pose-face-detection-female",),
    "M": ("head-pose-face-detection-male",),
}
"""Who is seen in which clip of the project's shared faces."""
BARE_WALL = {"F", "M"}
"""They stand before a wall on which nothing can be followed."""


class LivenessDataError(ModelsError):
    """A folder without clips of live people."""


@dataclass(frozen=True)
class Clip:
    """A live clip.

    Attributes:
        person: who is seen.
    """

    path: Path
    person: str


def find_clips(folder: Path) -> list[Clip]:
    """List the clips of a folder, or of `clips` in it, whose person is known.

    Raises:
        LivenessDataError: there are none.
    """
    root = folder / "clips" if (folder / "clips").is_dir() else folder
    owners = {clip: person for person, clips in PEOPLE.items() for clip in clips}
    paths = [path for path in sorted(root.glob("*")) if path.suffix in {".mkv", ".gif", ".mp4"}]
    clips = [Clip(path, owners[path.stem]) for path in paths if path.stem in owners]
    if not clips:
        raise LivenessDataError(f"{folder} holds none of the clips whose people are known")
    return clips


def read_source(clip: Clip, pipeline: FacePipeline) -> Source:
    """Read a clip at the rate of recognition, and find its face.

    Raises:
        LivenessDataError: it cannot be read, or shows no face.
    """
    video = cv2.VideoCapture(str(clip.path))
    fps = video.get(cv2.CAP_PROP_FPS) or RATE_HZ
    step = max(1, round(fps / RATE_HZ))
    frames: list[BGRImage] = []
    index = 0
    while len(frames) < _MOST_FRAMES:
        is_read, frame = video.read()
        if not is_read:
            break
        if index % step == 0:
            frames.append(np.asarray(frame, np.uint8))
        index += 1
    video.release()
    return source_of(frames, step / fps, clip.path.stem, pipeline)


def photo_source(path: Path, pipeline: FacePipeline) -> Source:
    """A photo as a clip in which nothing moves.

    Raises:
        LivenessDataError: it cannot be read, or shows no face.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise LivenessDataError(f"{path.name} cannot be read")
    frames = [np.asarray(picture, np.uint8)] * _PHOTO_FRAMES
    return source_of(frames, 1.0 / RATE_HZ, path.stem, pipeline)


def source_of(
    frames: Sequence[BGRImage], period_s: float, name: str, pipeline: FacePipeline
) -> Source:
    """Make frames into what is shown: find the face in them.

    Raises:
        LivenessDataError: there is none.
    """
    for frame in frames:
        faces = pipeline.detect(frame)
        if faces:
            left, top, width, height = max(faces, key=lambda face: face.area_px).box_px
            face_px = (left + width / 2, top + height / 2, width)
            times = [index * period_s for index in range(len(frames))]
            return Source(frames, times, face_px, name)
    raise LivenessDataError(f"{name} shows no face")


def open_pipeline() -> FacePipeline:
    """The product's own pipeline, on one thread."""
    cv2.setNumThreads(1)
    return FacePipeline.open(default_store(), PipelineSettings())
