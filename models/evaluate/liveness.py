"""Plays live clips and attacks through the product's passive check, and keeps its numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.errors import ModelsError
from models.evaluate.attacks import INSTRUMENTS, Instrument, Source, render
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import Flow
from models.stages.liveness.screen import ScreenSigns
from models.stages.liveness.verdict import FaceSample, gather, judge
from models.stages.liveness.watch import LivenessWatch
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from models.stages.images import BGRImage
    from models.stages.liveness.verdict import Verdict

LIVE = "live"
RATE_HZ = 15.0  # frames a second, as a kiosk recognises
_MOST_FRAMES = 60
_FORMAT = "4"  # changes with what is stored or rendered
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
TUNING = ("A", "C")
"""Limits were chosen on these people's clips and on attacks made from them; on no others."""


class LivenessDataError(ModelsError):
    """A folder without clips of live people."""


@dataclass(frozen=True)
class Clip:
    """A live clip.

    Attributes:
        person: who is seen; clips of one person never stand on both sides of the split.
    """

    path: Path
    person: str

    @property
    def is_tuning(self) -> bool:
        """Whether limits were chosen on it."""
        return self.person in TUNING


@dataclass(frozen=True)
class Presentation:
    """One showing of a face to the camera, and what the check kept of it.

    Attributes:
        kind: `LIVE`, or the attack instrument's name.
        clip: shown, or what the attack was made from.
        person: in it.
        samples: of the whole showing.
    """

    kind: str
    clip: str
    person: str
    samples: tuple[FaceSample, ...]

    def verdict(self, limits: LivenessLimits) -> Verdict:
        """What the passive check says at the end of its first full window."""
        begun_s = self.samples[0].time_s if self.samples else 0.0
        window = [s for s in self.samples if s.time_s - begun_s <= limits.window_s]
        return judge(gather(window, limits), limits)


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


def watch(
    frames: Iterable[BGRImage], times_s: Sequence[float], pipeline: FacePipeline
) -> tuple[FaceSample, ...]:
    """Show frames to the passive check, as a kiosk does with the largest face."""
    limits = replace(LivenessLimits(), window_s=3600.0)
    check = LivenessWatch(limits)
    for frame, time_s in zip(frames, times_s, strict=False):
        faces = pipeline.detect(frame)
        if not faces:
            continue
        face = pipeline.landmarks(frame, max(faces, key=lambda found: found.area_px))
        if face is not None:
            check.observe(time_s, frame, face.points_px)
    return check.samples


def open_pipeline() -> FacePipeline:
    """The product's own pipeline, on one thread."""
    cv2.setNumThreads(1)
    return FacePipeline.open(default_store(), PipelineSettings())


def present(
    clip: Clip, pipeline: FacePipeline, seed: int, instruments: Sequence[Instrument] = INSTRUMENTS
) -> list[Presentation]:
    """Show a clip live and by every instrument."""
    source = read_source(clip, pipeline)
    shown = [(LIVE, iter(source.frames))]
    shown += [(tool.name, render(tool, source, seed)) for tool in instruments]
    return [
        Presentation(kind, source.name, clip.person, watch(frames, source.times_s, pipeline))
        for kind, frames in shown
    ]


def cache_path(folder: Path, clip: Path, seed: int) -> Path:
    """Where a clip's presentations are kept."""
    digest = hashlib.sha256(clip.read_bytes() + f"/{seed}/{_FORMAT}".encode()).hexdigest()[:16]
    return folder / f"liveness-{clip.stem}-{digest}.npz"


def save(path: Path, presentations: Sequence[Presentation]) -> None:
    """Write presentations: numbers and points, no pictures."""
    arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    for shown in presentations:
        key = f"{shown.kind}|{shown.clip}|{shown.person}"
        points = [sample.points_px for sample in shown.samples]
        arrays[f"{key}|points"] = np.asarray(points, np.float32).reshape(-1, 468, 3)
        arrays[f"{key}|numbers"] = np.array([_numbers(s) for s in shown.samples], np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)


def load(path: Path) -> list[Presentation]:
    """Read what `save` wrote."""
    found = []
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            *labels, content = name.split("|")
            if content == "numbers":
                points = arrays[f"{'|'.join(labels)}|points"]
                rows = arrays[name].reshape(len(points), -1)
                samples = tuple(_sample(p, row) for p, row in zip(points, rows, strict=True))
                found.append(Presentation(labels[0], labels[1], labels[2], samples))
    return found


def _numbers(sample: FaceSample) -> list[float]:
    flow, signs = sample.flow, sample.signs
    return [
        sample.time_s,
        *((1.0, flow.face, flow.near, flow.far) if flow else (0.0, 0.0, 0.0, 0.0)),
        *((1.0, signs.moire, signs.enclosing_sides) if signs else (0.0, 0.0, 0.0)),
    ]


def _sample(
    points: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    row: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> FaceSample:
    time_s, has_flow, face, near, far, has_signs, moire, sides = (float(value) for value in row)
    return FaceSample(
        time_s,
        points,
        Flow(face, near, far) if has_flow else None,
        ScreenSigns(moire, int(sides)) if has_signs else None,
    )
