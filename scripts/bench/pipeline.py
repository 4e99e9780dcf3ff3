"""Measures one frame's way from pixels to a name, stage by stage, on one thread.

Times are CPU time of that thread: what other programs do meanwhile does not count.
Run: python -m scripts.bench.pipeline [--clip FILE]; prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import pairwise
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.match import Gallery
from models.store import default_store
from scripts.bench import peer, peer_openvino
from scripts.bench.frames import make_clip, read_clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import BGRImage

STAGES = ("detect", "landmarks", "align", "embed", "match")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_WARM_UP = 10


def time_frame(pipeline: FacePipeline, gallery: Gallery, frame: BGRImage) -> list[float] | None:
    """Time each stage on a frame's largest face.

    Returns:
        Milliseconds in the order of `STAGES`, or None where no face was found.
    """
    marks = [thread_time()]
    faces = pipeline.detect(frame)
    marks.append(thread_time())
    if not faces:
        return None
    landmarks = pipeline.landmarks(frame, max(faces, key=lambda face: face.area_px))
    marks.append(thread_time())
    if landmarks is None:
        return None
    aligned = pipeline.align(frame, landmarks)
    marks.append(thread_time())
    probe = pipeline.embed_aligned(aligned)
    marks.append(thread_time())
    gallery.search(probe)
    marks.append(thread_time())
    return [(end - start) * 1000 for start, end in pairwise(marks)]


def strangers(count: int, dimension: int) -> Gallery:
    """Make a gallery of random people, two templates each."""
    rows = np.random.default_rng(0).normal(0, 0.1, (count, dimension)).astype(np.float32)
    return Gallery.build([f"person-{row // 2}" for row in range(count)], rows, "bench")


def measure(options: argparse.Namespace) -> None:
    """Measure and print the table."""
    settings = PipelineSettings(embedder=options.embedder, runtime=options.runtime)
    pipeline = FacePipeline.open(default_store(), settings)
    gallery = strangers(options.templates, pipeline.embedder_card.dimension)
    frames = (
        read_clip(options.clip, options.frames)
        if options.clip
        else make_clip(pipeline, options.frames)
    )
    for frame in frames[:_WARM_UP]:
        time_frame(pipeline, gallery, frame)
    timed = [time_frame(pipeline, gallery, frame) for frame in frames]
    rows = np.array([times for times in timed if times is not None])
    name = options.clip.name if options.clip else "sample photos"
    print(f"{name}: {len(frames)} frames of 640x480, a face in {len(rows)},", end=" ")
    print(f"{pipeline.embedder_file.name}, {options.templates:,} templates, one thread\n")
    print_table(rows)
    slow = peer.time_frames(frames[:: max(1, len(frames) // 10)], options.templates)
    total = float(np.median(rows.sum(axis=1)))
    if slow is not None:
        print(f"\nface_recognition 1.3 on the same frames: {slow:.0f} ms, {slow / total:.1f} x")
    if options.openvino is None:
        return
    other = peer_openvino.time_frames(frames, options.templates, options.openvino)
    if other is not None:
        print(f"YuNet and reid-0095 under OpenVINO: {other:.2f} ms, {other / total:.2f} x")


def print_table(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    """Print the stages' medians and 95th percentiles, milliseconds."""
    print("| stage | median CPU ms | p95 CPU ms |\n|---|---|---|")
    columns = [*zip(STAGES, rows.T, strict=True), ("**all**", rows.sum(axis=1))]
    for name, times in columns:
        print(f"| {name} | {np.median(times):.2f} | {np.percentile(times, 95):.2f} |")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="a video (default: made from sample photos)")
    parser.add_argument("--openvino", type=Path, help="folder of YuNet and reid-0095, to compare")
    parser.add_argument("--frames", type=int, default=120, help="how many (default: %(default)s)")
    parser.add_argument("--templates", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--embedder", default=PipelineSettings().embedder)
    parser.add_argument("--runtime", default="auto", choices=["auto", "tflite", "litert"])
    return parser.parse_args(arguments)


def main() -> None:
    """Measure on one core; the numeric libraries read their thread count when they start."""
    options = parse()
    if any(os.environ.get(name) != value for name, value in _ONE_THREAD.items()):
        command = [sys.executable, "-m", "scripts.bench.pipeline", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **_ONE_THREAD})  # noqa: S606
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    measure(options)


if __name__ == "__main__":
    main()
