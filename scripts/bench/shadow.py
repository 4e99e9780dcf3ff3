"""Whether the comparison of a next network delays the kiosk's own answers.

    python -m scripts.bench.shadow FOLDER-OF-CLIPS [--current MODEL] [--following MODEL]

Replays clips at 15 frames a second in real time, each clip with and without the comparison, and
prints the wall-clock time of each frame's own work.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from kiosk.vision.shadow import ShadowHooks, ShadowState, ShadowWorker
from models.pipeline import FacePipeline, PipelineSettings, open_embedder
from models.store import default_store
from scripts.bench.mirrored import SCANS, Enrolled, pictures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.vision.handover import NextNetwork

_PERIOD_S = 1 / 15
_EVERY = 2


class BothNetworks(Enrolled):
    """Gallery and roster with templates of two networks."""

    def __init__(self, pipelines: Sequence[FacePipeline], folder: Path) -> None:
        super().__init__(pipelines[0], folder)
        self._by_model = {
            pipeline.embedder_card.id: Enrolled(pipeline, folder) for pipeline in pipelines
        }

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """Everybody's template of this network."""
        return self._by_model[model_id].snapshot(model_id)


def replay(
    pipeline: FacePipeline, knowledge: Knowledge, clip: Path, listener: NextNetwork | None
) -> list[float]:
    """Show a clip at its pace; return the milliseconds of each frame's own work."""
    recogniser = Recogniser(pipeline, knowledge, RecognitionSettings(), next_network=listener)
    took_ms = []
    for number, picture in enumerate(pictures_of(clip)[::_EVERY]):
        began_s = monotonic()
        recogniser.look(Frame(picture, number * _PERIOD_S, number))
        took_s = monotonic() - began_s
        took_ms.append(took_s * 1000)
        sleep(max(0.0, _PERIOD_S - took_s))
    return took_ms


def measure(options: argparse.Namespace) -> None:
    """Measure and print one table."""
    store = default_store()
    current, following = (
        FacePipeline.open(store, PipelineSettings(embedder=model))
        for model in (options.current, options.following)
    )
    gallery = BothNetworks((current, following), options.folder)
    knowledge = Knowledge(gallery, gallery)
    outcomes: list[str] = []
    shadow = ShadowWorker(
        lambda model: open_embedder(store, PipelineSettings(embedder=model)),
        knowledge,
        ShadowHooks(on_outcome=lambda outcome, _current, _next: outcomes.append(outcome)),
    )
    next_id = following.embedder_card.id
    shadow.follow(next_id, collects_scans=False)
    shadow.start()
    while shadow.state() != ShadowState(next_id):
        sleep(0.05)
    alone_ms: list[float] = []
    beside_ms: list[float] = []
    for _ in range(options.rounds):
        for clip in SCANS:
            path = options.folder / f"{clip}.mkv"
            alone_ms += replay(current, knowledge, path, None)
            beside_ms += replay(current, knowledge, path, shadow)
    shadow.stop()
    print(f"{options.current} decides, {next_id} beside it, {len(outcomes)} tracks compared\n")
    print("| comparison | frames | median ms | p95 ms | p99 ms | longest ms |")
    print("|---|---|---|---|---|---|")
    for name, times in (("off", alone_ms), ("on", beside_ms)):
        marks = " | ".join(f"{np.percentile(times, share):.1f}" for share in (50, 95, 99, 100))
        print(f"| {name} | {len(times)} | {marks} |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds the clips of scripts/bench/mirrored.py")
    parser.add_argument("--current", default="dlib-resnet-v1")
    parser.add_argument("--following", default="sface-2021dec")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    cv2.setNumThreads(1)
    measure(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
