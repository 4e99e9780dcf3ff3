"""Measures what averaging several views of a face is worth (`num_jitters` of the ML service).

Run: python -m scripts.bench.views [--faces ../shared/faces/lfw-dev]; prints a Markdown table.
The folder is that of scripts.bench.verification.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.service.variations import embed_views
from models.store import default_store
from scripts.bench.verification import cross_validated, read_pairs

if TYPE_CHECKING:
    from models.stages.images import FloatVector

VIEWS = (1, 2, 4, 10)


def embed_photo(pipeline: FacePipeline, path: Path) -> list[FloatVector] | None:
    """The most central face of a photo, once for each count of views."""
    picture = np.asarray(cv2.imread(str(path)), np.uint8)
    middle = np.array(picture.shape[1::-1]) / 2

    def off_centre(box_px: tuple[float, float, float, float]) -> float:
        left, top, width, height = box_px
        return float(np.abs([left + width / 2, top + height / 2] - middle).sum())

    faces = sorted(pipeline.detect(picture), key=lambda face: off_centre(face.box_px))
    found = pipeline.landmarks(picture, faces[0]) if faces else None
    if found is None:
        return None
    return [embed_views(pipeline, picture, found, count) for count in VIEWS]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces/lfw-dev"))
    parser.add_argument("--embedder", default="dlib-resnet-v1-int8")
    parser.add_argument("--runtime", default="litert", choices=["auto", "tflite", "litert"])
    options = parser.parse_args()
    settings = PipelineSettings(embedder=options.embedder, runtime=options.runtime)
    pipeline = FacePipeline.open(default_store(), settings)
    pairs = read_pairs(options.faces / "pairs.tsv")
    photos = sorted({photo for pair in pairs for photo in (pair.one, pair.other)})
    found = {
        (name, number): embed_photo(pipeline, options.faces / name / f"{name}_{number:04d}.jpg")
        for name, number in photos
    }
    print("| views | accuracy, 10 folds | FNMR at FMR 1 % | FNMR at 0.60 | FMR at 0.60, 0.50 |")
    print("|---|---|---|---|---|")
    for index, views in enumerate(VIEWS):
        apart = [
            (pair.is_same, float(np.linalg.norm(one[index] - other[index])))
            for pair in pairs
            if (one := found[pair.one]) is not None and (other := found[pair.other]) is not None
        ]
        same = np.array([distance for is_same, distance in apart if is_same])
        different = np.array([distance for is_same, distance in apart if not is_same])
        strict = float(np.quantile(different, 0.01))
        print(
            f"| {views} | {cross_validated(same, different):.2%} | {(same >= strict).mean():.2%}"
            f" | {(same >= 0.6).mean():.2%}"
            f" | {(different < 0.6).mean():.2%}, {(different < 0.5).mean():.2%} |"
        )


if __name__ == "__main__":
    main()
