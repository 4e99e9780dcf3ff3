"""Measures how surely the kiosk notices a covered mouth, and how often it is mistaken.

Run: python -m scripts.bench.covered_faces [--faces FOLDER] [--fit]; prints Markdown tables. FOLDER
holds lfw-dev, congress and clips. People are split by the hash of their folder's name: `--fit`
works out the weights of models/stages/covered.py on one half; the tables are of the other half.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.evaluate.dataset import half_of
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.covered import WEIGHTS, covered
from models.stages.quality import QualityReason
from models.store import default_store
from scripts.bench.covered_clips import print_clips
from scripts.bench.covered_views import BARE, PHOTOGRAPHED, CoverSample, face_near, samples
from scripts.bench.drawn_covers import COVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from models.stages.images import BGRImage

    Floats = NDArray[np.float64]

_BARE_WEIGHT = 3.0
_SHRINKAGE = 1e-3
_FALSE_ALARMS = 0.004
"""Share of the bare faces of the half that weights are fitted on which are called covered."""


def fit(found: Sequence[CoverSample]) -> dict[str, float]:
    """Work out the weights: logistic regression by Newton's method, weakly shrunk.

    The constant is moved to where the share `_FALSE_ALARMS` of the bare faces is called covered.
    """
    usable = [one for one in found if one.passes_else]
    measured = np.array([one.measures for one in usable], np.float64)
    is_covered = np.array([one.kind != BARE for one in usable], np.float64)
    mean, spread = measured.mean(axis=0), measured.std(axis=0)
    rows = np.c_[(measured - mean) / spread, np.ones(len(usable))]
    factors = _regression(rows, is_covered, np.where(is_covered > 0, 1.0, _BARE_WEIGHT))
    factors = factors[:-1] / spread
    logits = measured @ factors
    limit = np.quantile(logits[is_covered == 0], 1.0 - _FALSE_ALARMS)
    names = ("presence", "colour", "contrast", "direction", "turn", "constant")
    return dict(zip(names, [*map(float, factors), float(-limit)], strict=True))


def _regression(rows: Floats, wanted: Floats, weights: Floats) -> Floats:
    factors = np.zeros(rows.shape[1])
    shrinkage = _SHRINKAGE * np.diag([1.0] * (rows.shape[1] - 1) + [1e-9])
    for _ in range(50):
        share = 1.0 / (1.0 + np.exp(-np.clip(rows @ factors, -30, 30)))
        slope = rows.T @ (weights * (share - wanted)) / weights.sum() + shrinkage @ factors
        curve = (rows * (weights * share * (1 - share))[:, None]).T @ rows / weights.sum()
        factors -= np.linalg.solve(curve + shrinkage, slope)
    return factors


def is_called(sample: CoverSample) -> bool:
    """Whether the kiosk calls the face covered."""
    reasons = sample.quality.reasons if sample.quality else ()
    return QualityReason.PARTLY_COVERED in reasons


def print_coverings(found: Sequence[CoverSample]) -> None:
    """Print what happens to each kind of covering."""
    print("| covering | views | no face found | no landmarks | called covered | could be matched |")
    print("|---|---|---|---|---|---|")
    for kind in (BARE, *COVERS, PHOTOGRAPHED):
        own = [one for one in found if one.kind == kind]
        if not own:
            continue
        unfound = [not one.is_found for one in own]
        unmarked = [one.is_found and one.quality is None for one in own]
        called = [one.passes_else and is_called(one) for one in own]
        passing = [one.passes_else and not is_called(one) for one in own]
        shares = " | ".join(f"{_share(part)}" for part in (unfound, unmarked, called, passing))
        print(f"| {kind} | {len(own)} | {shares} |")
    print()


def print_false_alarms(found: Sequence[CoverSample], sexes: Mapping[str, str]) -> None:
    """Print how often a bare face is called covered, by group."""
    bare = [one for one in found if one.kind == BARE and one.passes_else]
    opening, redness = (
        float(np.quantile([one.features[n] for one in bare], 0.9)) for n in range(2)
    )
    dark = float(np.quantile([one.photo_level for one in bare], 0.1))
    groups: dict[str, Callable[[CoverSample], bool]] = {
        "all": lambda _: True,
        "men (congress)": lambda one: sexes.get(one.person) == "M",
        "women (congress)": lambda one: sexes.get(one.person) == "F",
        "tenth with the widest open mouths": lambda one: one.features[0] >= opening,
        "tenth with the reddest lips": lambda one: one.features[1] >= redness,
        "tenth with the darkest faces in the photo": lambda one: one.photo_level <= dark,
        "face below 80 px": lambda one: one.view.side_px < 80,
        "blur above 1 px": lambda one: one.view.blur_px > 1,
        "turned by more than 20 degrees": lambda one: _turn(one) > 20,
        "half of the light or less": lambda one: one.view.light <= 0.5,
    }
    print("| bare faces | views | called covered |\n|---|---|---|")
    for name, belongs in groups.items():
        own = [is_called(one) for one in bare if belongs(one)]
        print(f"| {name} | {len(own)} | {_share(own)} |")
    print()


def _turn(sample: CoverSample) -> float:
    mesh = sample.quality.mesh if sample.quality else None
    return abs(mesh.pose.yaw_deg) if mesh else 0.0


def _share(flags: Sequence[bool]) -> str:
    return f"{sum(flags)} ({100 * np.mean(flags):.1f} %)" if flags else "none"


def print_cost(pipeline: FacePipeline, photo: Path) -> None:
    """Print what the measure costs a face."""
    picture = np.asarray(cv2.imread(str(photo)), np.uint8)
    face = face_near(pipeline, picture, (picture.shape[1] / 2, picture.shape[0] / 2))
    points = pipeline.landmarks(picture, face) if face else None
    if points is None:
        return
    begun = thread_time()
    for _ in range(200):
        covered(picture, points)
    print(f"{(thread_time() - begun) * 1000 / 200:.2f} ms of CPU time a face")


def photos_of(faces: Path) -> Iterator[Path]:
    """The first photo of each person of both sets."""
    for name in ("lfw-dev", "congress"):
        for folder in sorted(path for path in (faces / name).iterdir() if path.is_dir()):
            yield from sorted(folder.glob("*.jpg"))[:1]


def mask_of(faces: Path) -> BGRImage | None:
    """The photograph of a mask, where there is one."""
    path = faces / "photos" / "mask_blue.jpg"
    return np.asarray(cv2.imread(str(path)), np.uint8) if path.is_file() else None


def sexes_of(faces: Path) -> dict[str, str]:
    """By folder, where known."""
    lines = (faces / "congress" / "people.tsv").read_text("utf-8").splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split("\t") for line in lines)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the tables, or fit the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces"))
    parser.add_argument("--fit", action="store_true", help="work out the weights")
    parser.add_argument("--photos", type=int, default=10_000, help="most photos to look at")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    pipeline = FacePipeline.open(default_store(), PipelineSettings(embedder="dlib-resnet-v1-int8"))
    half = "tune" if options.fit else "report"
    photos = [path for path in photos_of(options.faces) if half_of(path.parent.name) == half]
    photos = photos[:: -(-len(photos) // options.photos)]
    found = list(samples(pipeline, photos, None if options.fit else mask_of(options.faces)))
    if options.fit:
        for name, value in fit(found).items():
            print(f"    {name}: float = {value:.4g}")
        return 0
    print(f"weights: {WEIGHTS}\n")
    print(f"{len(photos)} photos\n")
    print_coverings(found)
    print_false_alarms(found, sexes_of(options.faces))
    print_cost(pipeline, photos[0])
    sys.stdout.flush()
    print_clips(pipeline, options.faces / "clips")
    return 0


if __name__ == "__main__":
    sys.exit(main())
