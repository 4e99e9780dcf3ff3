"""Measures how surely a turned camera is noticed, and what that costs a frame.

Run: python -m scripts.bench.turned_camera [--faces ../shared/faces/lfw-dev]; prints Markdown
tables. Times are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.domain.ports import Frame
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.mounting import TURNS_DEG, MountingLimits, MountingWatch, is_level
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from kiosk.vision.turning import turned
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.bench.frames import make_clip
from tests.fakes.face_models import ListGallery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.stages.images import BGRImage

VIEWS = ((460, 1.0), (300, 0.6), (180, 1.0))
"""Longer side of the photo in the frame, pixels, and how bright it is."""
_NOISE = 6.0
_SIZE_PX = (640, 480)


def in_frame(photo: BGRImage, side_px: int, brightness: float, seed: int) -> BGRImage:
    """Put a photo on grey into a frame of 640 x 480, as a noisy camera shows it."""
    scale = side_px / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    frame = np.full((_SIZE_PX[1], _SIZE_PX[0], 3), 127, np.float32)
    top, left = (_SIZE_PX[1] - height) // 2, (_SIZE_PX[0] - width) // 2
    frame[top : top + height, left : left + width] = small
    noise = np.random.default_rng(seed).normal(0, _NOISE, frame.shape)
    return np.clip(frame * brightness + noise, 0, 255).astype(np.uint8)


def print_scores(pipeline: FacePipeline, views: Sequence[BGRImage]) -> None:
    """Print how sure the detector is of the surest level face, by how a picture is turned."""
    print("| picture turned by | no level face | 25 % | median | 75 % | 95 % | 99 % |")
    print("|---|---|---|---|---|---|---|")
    for turn_deg in (0, *TURNS_DEG):
        found = [pipeline.detect(turned(view, turn_deg)) for view in views]
        level = [[face.score for face in faces if is_level(face)] for faces in found]
        scores = np.array([max(one, default=0.0) for one in level])
        shares = np.percentile(scores, [25, 50, 75, 95, 99])
        without = f"{100 * np.mean(scores == 0):.1f} %"
        print(f"| {turn_deg} | {without} | {' | '.join(f'{share:.2f}' for share in shares)} |")
    print()


def said_of(pipeline: FacePipeline, picture: BGRImage) -> int:
    """Return the turn that one round of checks sees, 0 for none, with the kiosk's own rules."""
    watch = MountingWatch(pipeline, MountingLimits(sightings=1, period_s=0.0))
    watch.note(pipeline.detect(picture), 0.0)
    for number in range(len(TURNS_DEG)):
        if watch.turn_deg == 0 and watch.is_due(float(number)):
            watch.check(Frame(picture, float(number), number))
    return watch.turn_deg


def views_of(photos: Sequence[Path]) -> list[BGRImage]:
    """Return every photo in every size and brightness, as a camera sees it."""
    pictures = [np.asarray(cv2.imread(str(path)), np.uint8) for path in photos]
    return [
        in_frame(picture, side_px, brightness, number)
        for number, picture in enumerate(pictures)
        for side_px, brightness in VIEWS
    ]


def print_sightings(pipeline: FacePipeline, views: Sequence[BGRImage]) -> None:
    """Print how often a camera that hangs each way is said to hang each way."""
    answers = {hung: dict.fromkeys((0, *TURNS_DEG), 0) for hung in (0, *TURNS_DEG)}
    for view in views:
        for hung in answers:
            answers[hung][said_of(pipeline, turned(view, -hung % 360))] += 1
    print("| camera needs turning by | nothing seen | 180 | 90 | 270 |\n|---|---|---|---|---|")
    total = len(views)
    for hung, counts in answers.items():
        shares = [f"{100 * count / total:.1f} %" for count in counts.values()]
        print(f"| {hung} | {' | '.join(shares)} |")


def milliseconds(step: Callable[[int], object], times: int) -> tuple[float, float]:
    """Return median and 95th percentile of a step that is called so often."""
    taken = []
    for number in range(times):
        begun = thread_time()
        step(number)
        taken.append((thread_time() - begun) * 1000)
    return float(np.median(taken[5:])), float(np.percentile(taken[5:], 95))


def print_times(pipeline: FacePipeline, frames: Sequence[BGRImage]) -> None:
    """Print what a frame costs, and what the check adds."""
    gallery = ListGallery({})
    recogniser = Recogniser(pipeline, Knowledge(gallery, gallery), RecognitionSettings())
    watch = MountingWatch(pipeline)
    empty = np.full((480, 640, 3), 127, np.uint8)
    count = len(frames)
    steps: dict[str, Callable[[int], object]] = {
        "recognition of a frame without a person": lambda n: recogniser.look(
            Frame(empty, n / 15, n)
        ),
        "note of a frame's faces, each frame": lambda n: watch.note(recogniser.found, n / 15),
        "check, nobody there, every 2 s at most": lambda n: watch.check(Frame(empty, n / 15, n)),
        "check, a face found": lambda n: watch.check(Frame(turned(frames[n], 180), n / 15, n)),
        "turning by 180, in the capture process": lambda n: turned(frames[n], 180),
        "turning by 90": lambda n: turned(frames[n], 90),
        "undoing a mirror": lambda n: turned(frames[n], 0, is_mirrored=True),
    }
    print("\n| step, 640x480 | median CPU ms | p95 CPU ms |\n|---|---|---|")
    for name, step in steps.items():
        median, high = milliseconds(step, count)
        print(f"| {name} | {median:.3f} | {high:.3f} |")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces/lfw-dev"))
    parser.add_argument("--photos", type=int, default=200, help="how many (default: %(default)s)")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    photos = sorted(options.faces.rglob("*.jpg"))
    if photos:
        chosen = random.Random(1).sample(  # noqa: S311  the same photos each time
            photos, min(options.photos, len(photos))
        )
        views = views_of(chosen)
        print(f"{len(chosen)} photos, each in {len(VIEWS)} sizes and brightnesses\n")
        print_scores(pipeline, views)
        print_sightings(pipeline, views)
    print_times(pipeline, make_clip(pipeline, 120))
    return 0


if __name__ == "__main__":
    sys.exit(main())
