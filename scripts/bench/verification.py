"""Measures how well the pipeline tells people apart on a folder of press photos with pairs.

Run: python -m scripts.bench.verification [--faces ../shared/faces/lfw-dev]; prints a Markdown row.
The folder holds NAME/NAME_0001.jpg ... and pairs.tsv: `name, number, number` for the same person,
`name, number, name, number` for different people.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatVector
    from models.stages.landmarks import Landmarks

_FOLDS = 10
_THRESHOLDS = np.arange(0.3, 1.0, 0.002)
_MISSED = 9.0  # the distance of a pair in which no face was found: never the same person

Photo = tuple[str, int]
Distances = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two photos, and whether they show one person."""

    one: Photo
    other: Photo
    is_same: bool


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs.tsv."""
    pairs = []
    for line in path.read_text("utf-8").splitlines():
        match line.split("\t"):
            case [name, one, other]:
                pairs.append(Pair((name, int(one)), (name, int(other)), is_same=True))
            case [name, one, second_name, other]:
                pairs.append(Pair((name, int(one)), (second_name, int(other)), is_same=False))
            case _:
                raise ValueError(f"{path.name} holds a line that is not a pair")
    return pairs


def find_face(
    pipeline: FacePipeline, path: Path, side_px: int | None = None
) -> tuple[BGRImage, Landmarks] | None:
    """Find the face nearest to a photo's centre, which in this data is the named person's.

    Returns:
        The photo, scaled to a square of `side_px`, and the face; None where there is none.
    """
    picture = np.asarray(cv2.imread(str(path)), np.uint8)
    if side_px is not None:
        picture = np.asarray(cv2.resize(picture, (side_px, side_px)), np.uint8)
    middle = np.array(picture.shape[1::-1]) / 2

    def off_centre(box_px: tuple[float, float, float, float]) -> float:
        left, top, width, height = box_px
        return float(np.abs([left + width / 2, top + height / 2] - middle).sum())

    faces = sorted(pipeline.detect(picture), key=lambda face: off_centre(face.box_px))
    landmarks = pipeline.landmarks(picture, faces[0]) if faces else None
    return None if landmarks is None else (picture, landmarks)


def embed_photo(pipeline: FacePipeline, path: Path, side_px: int | None) -> FloatVector | None:
    """Embed the face of a photo; see `find_face`."""
    found = find_face(pipeline, path, side_px)
    return None if found is None else pipeline.embed(*found)


def distances(
    pipeline: FacePipeline, folder: Path, pairs: list[Pair], side: int | None
) -> Distances:
    """Measure every pair's distance; prints how many photos had no face."""
    photos = {photo for pair in pairs for photo in (pair.one, pair.other)}
    found = {
        (name, number): embed_photo(pipeline, folder / name / f"{name}_{number:04d}.jpg", side)
        for name, number in sorted(photos)
    }
    missed = sum(embedding is None for embedding in found.values())
    print(f"{len(pairs)} pairs, {len(photos)} photos, no face in {missed}\n")

    def apart(pair: Pair) -> float:
        one, other = found[pair.one], found[pair.other]
        return _MISSED if one is None or other is None else float(np.linalg.norm(one - other))

    return np.array([apart(pair) for pair in pairs])


def balanced(same: Distances, different: Distances, limit: float) -> float:
    """Mean of the shares of same and of different pairs that a limit calls right."""
    return float(((same < limit).mean() + (different >= limit).mean()) / 2)


def cross_validated(same: Distances, different: Distances) -> float:
    """Balanced accuracy over folds, the limit chosen on the other folds each time."""
    shuffle = np.random.default_rng(0)
    same, different = shuffle.permutation(same), shuffle.permutation(different)
    results = []
    for fold in range(_FOLDS):
        held = [np.arange(len(part)) % _FOLDS == fold for part in (same, different)]
        scores = [balanced(same[~held[0]], different[~held[1]], h) for h in _THRESHOLDS]
        limit = float(_THRESHOLDS[int(np.argmax(scores))])
        results.append(balanced(same[held[0]], different[held[1]], limit))
    return float(np.mean(results))


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces/lfw-dev"))
    parser.add_argument("--embedder", default=PipelineSettings().embedder)
    parser.add_argument("--runtime", default="auto", choices=["auto", "tflite", "litert"])
    parser.add_argument("--side", type=int, help="scale the photos to this many pixels first")
    options = parser.parse_args()
    settings = PipelineSettings(embedder=options.embedder, runtime=options.runtime)
    pipeline = FacePipeline.open(default_store(), settings)
    pairs = read_pairs(options.faces / "pairs.tsv")
    apart = distances(pipeline, options.faces, pairs, options.side)
    is_same = np.array([pair.is_same for pair in pairs])
    same, different = apart[is_same], apart[~is_same]
    best = max(_THRESHOLDS, key=lambda limit: balanced(same, different, float(limit)))
    print("| file | accuracy, 10 folds | best limit: accuracy | at 0.60 | true at false 1 % |")
    print("|---|---|---|---|---|")
    strict = float(np.quantile(different, 0.01))
    print(
        f"| {pipeline.embedder_file.name} | {cross_validated(same, different):.2%}"
        f" | {best:.3f}: {balanced(same, different, float(best)):.2%}"
        f" | {balanced(same, different, 0.6):.2%} | {(same < strict).mean():.2%} |"
    )


if __name__ == "__main__":
    main()
