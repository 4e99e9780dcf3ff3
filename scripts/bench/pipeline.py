"""Measures one frame's way from pixels to a name, stage by stage, and beside it that of peers.

Times are CPU time on one core: what other programs do meanwhile does not count. The product and
its peers take turns at each frame, in one run. Peers that are not here are named as not run.
Run: python -m scripts.bench.pipeline [--clip FILE] [--peers FOLDER]; prints Markdown tables.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.match import Gallery
from models.store import default_store
from scripts.bench import peer, peer_opencv, peer_openvino
from scripts.bench.frames import make_clip, read_clip
from scripts.bench.turns import Contestant, NotRun, ratio_of, take_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    staged: list[list[float]] = []
    product = Contestant("Rollcall", partial(_look, pipeline, gallery, staged))
    peers = open_peers(frames[0], options)
    here = [product, *(peer for peer in peers if isinstance(peer, Contestant))]
    times = take_turns(here, frames, warm_up=_WARM_UP)
    rows = np.array(staged[-int(np.isfinite(times[:, 0]).sum()) :])
    name = options.clip.name if options.clip else "sample photos"
    print(f"{name}: {len(frames)} frames of 640x480, a face in {len(rows)},", end=" ")
    print(f"{pipeline.embedder_file.name}, {options.templates:,} templates, one thread\n")
    print_table(rows)
    print_peers(here, times)
    for one in peers:
        if isinstance(one, NotRun):
            print(f"| {one.name} | not run: {one.reason} | | |")


def _look(
    pipeline: FacePipeline, gallery: Gallery, staged: list[list[float]], frame: BGRImage
) -> bool:
    times = time_frame(pipeline, gallery, frame)
    if times is not None:
        staged.append(times)
    return times is not None


def open_peers(frame: BGRImage, options: argparse.Namespace) -> list[Contestant | NotRun]:
    """Open every peer that is here."""
    size_px = (frame.shape[1], frame.shape[0])
    folder, templates = options.peers, options.templates
    return [
        peer.open_peer(templates),
        peer_openvino.open_peer(size_px, templates, folder),
        peer_opencv.open_peer(size_px, templates, folder),
    ]


def print_peers(contestants: Sequence[Contestant], times: NDArray[np.float64]) -> None:
    """Print everyone's median, and how many times as long they take as the product.

    Args:
        contestants: the product first.
        times: see `take_turns`.
    """
    print("\n| in turns, frame by frame | frames | median CPU ms | times ours (5 % to 95 %) |")
    print("|---|---|---|---|")
    for contestant, own in zip(contestants, times.T, strict=True):
        ratio = ratio_of(own, times[:, 0])
        if ratio is None:
            print(f"| {contestant.name} | 0 | found no face | |")
            continue
        words = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        print(f"| {contestant.name} | {ratio.frames} | {np.nanmedian(own):.2f} | {words} |")


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
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(__file__).resolve().parents[3] / "shared" / "models",
        help="folder of YuNet and reid-0095, to compare with (default: %(default)s)",
    )
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
