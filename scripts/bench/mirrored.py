"""What it costs and gains to embed the mirror image of a track's first frames too.

    python -m scripts.bench.mirrored FOLDER-OF-CLIPS [--model MODEL ...]

Replays clips at 15 frames a second through the kiosk's own recogniser, every number of mirrored
frames in turn on the same frame, each first as often as the others. Times are CPU time of one
thread. Strangers are compared without a limit, to see how near they come.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.mirroring import embed_mirrored
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.templates import fuse_enrolment
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.domain.sightings import Recognition
    from models.stages.images import BGRImage, FloatVector

ENROLLED = {"ana": "again", "ben": "please", "eva": "book"}
SCANS = ("student", "help", "milk", "sorry", "walk")
STRANGERS = ("night", "hungry")
COUNTS = (0, 1, 3, 10)
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_EVERY = 2
_FPS = 30
_BETWEEN = 12
_FIRST = 10


@dataclass
class Cost:
    """What one number of mirrored frames cost and gave; milliseconds a frame with a face."""

    frame_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    answered_at: list[int] = field(default_factory=list)
    strangers: list[float] = field(default_factory=list)

    def note(self, number: int, took_ms: float, found: Sequence[Recognition | None]) -> None:
        """Take in one frame of a clip."""
        self.frame_ms.append(took_ms)
        if number < _FIRST:
            self.first_ms.append(took_ms)
        for one in found:
            if one is not None:
                self.distances.append(one.distance)
                self.answered_at.append(number + 1)


class Enrolled:
    """Gallery and roster of people with one template each, of a clip's single frame."""

    rules = MatchRules()

    def __init__(self, pipeline: FacePipeline, folder: Path) -> None:
        self._people = tuple(ENROLLED)
        self._rows = np.stack(
            [template(pipeline, folder / f"{clip}.mkv") for clip in ENROLLED.values()]
        )

    def version(self) -> int:
        """Never changes."""
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """Everybody's template."""
        return GallerySnapshot(1, model_id, self._people, self._rows)

    def expected_now(self) -> frozenset[str]:
        """Everybody."""
        return frozenset(self._people)

    def match_rules(self) -> MatchRules:
        """The policy's defaults, unless changed."""
        return self.rules


def template(pipeline: FacePipeline, clip: Path) -> FloatVector:
    """Enrol a person with one frame, mirrored, as the server does with one photo."""
    frame = pictures_of(clip)[_BETWEEN]
    face = max(pipeline.detect(frame), key=lambda found: found.area_px)
    points = pipeline.landmarks(frame, face)
    if points is None:
        raise SystemExit(f"no face in frame {_BETWEEN} of {clip.name}")
    aligned = pipeline.align(frame, points)
    picture, mirror = pipeline.embed_aligned(aligned), embed_mirrored(pipeline, aligned)
    matching = pipeline.embedder_card.matching
    length = 1.0 if matching is None else matching.length
    return fuse_enrolment(picture[None], mirrored=mirror[None], length=length).template


def pictures_of(clip: Path) -> list[BGRImage]:
    """Read every frame of a clip."""
    video = cv2.VideoCapture(str(clip))
    frames = [frame for is_read, frame in iter(video.read, (False, None)) if is_read]
    return [np.asarray(frame, np.uint8) for frame in frames]


def replay(pipeline: FacePipeline, enrolled: Enrolled, clip: Path, costs: dict[int, Cost]) -> None:
    """Show one clip to a recogniser for each number of mirrored frames, in turns."""
    knowledge = Knowledge(enrolled, enrolled)
    recognisers = {
        count: Recogniser(pipeline, knowledge, RecognitionSettings(mirrored_frames=count))
        for count in costs
    }
    for number, picture in enumerate(pictures_of(clip)[::_EVERY]):
        frame = Frame(picture, number * _EVERY / _FPS, number)
        turn = number % len(COUNTS)
        for count in COUNTS[turn:] + COUNTS[:turn]:
            began_s = thread_time()
            sightings = recognisers[count].look(frame)
            took_ms = (thread_time() - began_s) * 1000
            costs[count].note(number, took_ms, [s.recognition for s in sightings])


def measure(options: argparse.Namespace) -> None:
    """Measure and print one table a network."""
    for model in options.model:
        pipeline = FacePipeline.open(default_store(), PipelineSettings(embedder=model))
        enrolled = Enrolled(pipeline, options.folder)
        costs = {count: Cost() for count in COUNTS}
        for _ in range(options.rounds):
            for clip in SCANS:
                replay(pipeline, enrolled, options.folder / f"{clip}.mkv", costs)
        enrolled.rules = MatchRules(roster_distance=9.0, wide_distance=9.0, min_margin=0.0)
        near = {count: Cost() for count in COUNTS}
        for clip in STRANGERS:
            replay(pipeline, enrolled, options.folder / f"{clip}.mkv", near)
        for count, cost in costs.items():
            cost.strangers = near[count].distances
        print(f"\n{pipeline.embedder_file.name}, {len(costs[0].frame_ms)} frames a row\n")
        print_table(costs)


def print_table(costs: dict[int, Cost]) -> None:
    """Print a row for each number of mirrored frames."""
    print(
        "| mirrored frames | mean ms | first 10 frames, mean ms | p95 ms | distance | frame"
        " | strangers |"
    )
    print("|---|---|---|---|---|---|---|")
    for count, cost in costs.items():
        cells = [
            f"{np.mean(cost.frame_ms):.2f}",
            f"{np.mean(cost.first_ms):.2f}",
            f"{np.percentile(cost.frame_ms, 95):.2f}",
            f"{np.mean(cost.distances):.4f}",
            f"{np.mean(cost.answered_at):.1f}",
            f"{np.mean(cost.strangers):.4f} ({len(cost.strangers)})",
        ]
        print(f"| {count} | {' | '.join(cells)} |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure on one core; the numeric libraries read their thread count when they start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds the clips named in this file")
    parser.add_argument("--model", nargs="+", default=["dlib-resnet-v1", "sface-2021dec"])
    parser.add_argument("--rounds", type=int, default=2, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if any(os.environ.get(name) != value for name, value in _ONE_THREAD.items()):
        command = [sys.executable, "-m", "scripts.bench.mirrored", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **_ONE_THREAD})  # noqa: S606
    cv2.setNumThreads(1)
    measure(options)


if __name__ == "__main__":
    main()
