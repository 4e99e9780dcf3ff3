"""Measures what the passive liveness check adds to each frame, on one thread.

Times are CPU time of that thread. It starts itself again with one thread for the numeric
libraries, which read their thread count when they start.
Run: python -m scripts.bench.liveness [--frames N] [--clip FILE]; prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.liveness.watch import LivenessWatch
from models.stages.pose import head_pose
from models.store import default_store
from scripts.bench.frames import make_clip, read_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.stages.images import BGRImage, FloatArray

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_RATE_HZ = 15.0
_VERDICT_EVERY = 5
_WARM_UP = 10


def tracked(
    frames: Sequence[BGRImage], pipeline: FacePipeline
) -> list[tuple[BGRImage, FloatArray]]:
    """The frames with a face, and the largest face's points."""
    found = []
    for frame in frames:
        faces = pipeline.detect(frame)
        if faces:
            face = pipeline.landmarks(frame, max(faces, key=lambda face: face.area_px))
            if face is not None:
                found.append((frame, face.points_px))
    return found


def measure(track: Sequence[tuple[BGRImage, FloatArray]]) -> dict[str, list[float]]:
    """Milliseconds of each step."""
    watch = LivenessWatch()
    times: dict[str, list[float]] = {"observe": [], "verdict": [], "pose": []}

    def timed(name: str, step: Callable[[], object]) -> None:
        begun = thread_time()
        step()
        times[name].append((thread_time() - begun) * 1000)

    for index, (frame, points) in enumerate(track):
        timed("observe", partial(watch.observe, index / _RATE_HZ, frame, points))
        timed("pose", partial(head_pose, points))
        if index % _VERDICT_EVERY == 0:
            timed("verdict", watch.verdict)
    return {name: values[_WARM_UP:] for name, values in times.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--clip", type=Path, help="a video (default: made from sample photos)")
    options = parser.parse_args(arguments)
    if any(os.environ.get(name) != value for name, value in _ONE_THREAD.items()):
        command = [sys.executable, "-m", "scripts.bench.liveness", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **_ONE_THREAD})  # noqa: S606
    cv2.setNumThreads(1)
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    read = read_clip(options.clip, options.frames) if options.clip else None
    times = measure(tracked(read or make_clip(pipeline, options.frames), pipeline))
    print("| step | mean CPU ms | p95 CPU ms |\n|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {np.mean(values):.2f} | {np.percentile(values, 95):.2f} |")
    a_frame = float(np.mean(times["observe"]) + np.mean(times["verdict"]) / _VERDICT_EVERY)
    print(f"| **a frame, a verdict every {_VERDICT_EVERY} frames** | **{a_frame:.2f}** | |")


if __name__ == "__main__":
    main()
