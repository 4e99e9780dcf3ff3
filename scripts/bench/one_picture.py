"""How often one picture is called a screen: real photos, and rendered prints and screens.

    .venv/bin/python -m scripts.bench.one_picture FACES

FACES: folder with lfw-dev, congress, photos and clips. Prints a Markdown table.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from models.evaluate.attacks import render
from models.evaluate.instruments import INSTRUMENTS
from models.evaluate.live_clips import find_clips, open_pipeline, read_source
from models.pipeline import FacePipeline
from models.service.single_picture import liveness_of
from models.stages.images import BGRImage

_EVERY = 15  # frames of a rendered clip look alike


def photos(folder: Path) -> Iterator[BGRImage]:
    """Every picture of a folder."""
    for path in sorted(folder.rglob("*.*")):
        picture = cv2.imread(str(path))
        if picture is not None:
            yield np.asarray(picture, np.uint8)


def called(pipeline: FacePipeline, pictures: Iterable[BGRImage]) -> tuple[int, int]:
    """Faces, and how many of them are called a screen."""
    faces = screens = 0
    for picture_bgr in pictures:
        for detection in pipeline.detect(picture_bgr):
            landmarks = pipeline.landmarks(picture_bgr, detection)
            if landmarks is not None and landmarks.presence > 0.8:
                faces += 1
                screens += liveness_of(picture_bgr, landmarks)[0] is False
    return faces, screens


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    options = parser.parse_args()
    pipeline = open_pipeline()
    print("| shown | faces | called a screen |\n|---|---|---|")
    for name in ("lfw-dev", "congress", "photos"):
        row(f"{name}, live", *called(pipeline, photos(options.faces / name)))
    sources = [read_source(clip, pipeline) for clip in find_clips(options.faces)[: options.clips]]
    frames = [frame for source in sources for frame in list(source.frames)[::_EVERY]]
    row("clips, live", *called(pipeline, frames))
    for instrument in INSTRUMENTS:
        shown = [
            frame
            for source in sources
            for frame in list(render(instrument, source, seed=1))[::_EVERY]
        ]
        row(f"{instrument.name}, rendered", *called(pipeline, shown))


def row(name: str, faces: int, screens: int) -> None:
    """Print one line."""
    share = screens / faces if faces else 0.0
    print(f"| {name} | {faces} | {screens} ({share:.2%}) |", flush=True)


if __name__ == "__main__":
    main()
