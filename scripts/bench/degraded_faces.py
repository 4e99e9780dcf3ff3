"""Measures what small, blurred and dim faces do to recognition, and what brightening is worth.

Run: python -m scripts.bench.degraded_faces [--faces FOLDER] [--people N] [--embedder MODEL ...]

FOLDER is lfw-dev. The first photo of a person is enrolled as it is, the second is seen by a
camera. Distances are judged at the limits that undamaged views have at each FMR, among all people
enrolled, both sides mirrored. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.vision.guidance import SCAN_LIMITS
from models.evaluate.rules import distances
from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import open_session
from models.stages.embed import FaceEmbedder
from models.stages.light import brighten
from models.stages.quality import QualityReason, assess
from models.stages.templates import fuse_probes
from models.store import default_store
from scripts.bench.camera_views import SIZE_PX, CameraView, as_seen
from scripts.bench.covered_views import face_near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import BGRImage, FloatArray, FloatVector
    from models.stages.landmarks import Landmarks
    from models.stages.match import Metric
    from models.stages.quality import FaceQuality

UNDAMAGED = "undamaged, 110 px"
VIEWS = {
    UNDAMAGED: CameraView(),
    "80 px": CameraView(side_px=80),
    "60 px": CameraView(side_px=60),
    "blur 1 px": CameraView(blur_px=1.0),
    "blur 1.5 px": CameraView(blur_px=1.5),
    "blur 2 px": CameraView(blur_px=2.0),
    "blur 2.5 px": CameraView(blur_px=2.5),
    "motion 5 px": CameraView(motion_px=5),
    "motion 9 px": CameraView(motion_px=9),
    "60 px, blur 1 px": CameraView(side_px=60, blur_px=1.0),
    "light 1/2": CameraView(light=0.5),
    "light 1/4": CameraView(light=0.25),
    "light 1/8": CameraView(light=0.125),
    "light 1/16": CameraView(light=0.0625),
    "light 1/4, 60 px": CameraView(side_px=60, light=0.25),
}
_LEVELS = (1e-2, 1e-3, 1e-4)
_SHARPNESS = (30.0, 60.0, 100.0, 150.0, 250.0, 1e9)
_HEAD = (
    "| network | view | found | compared | FMR / 0.01 | FNMR | FMR / 0.001 | FNMR | FMR / 0.0001"
    " | FNMR | recognised at 0.001 |\n|---|---|---|---|---|---|---|---|---|---|---|"
)
_SHARPNESS_HEAD = (
    "\n| network | sharpness | views | at FMR 0.01 | 0.001 | 0.0001 |\n|---|---|---|---|---|---|"
)
_MIDDLE_PX = (SIZE_PX[0] / 2, SIZE_PX[1] / 2)


@dataclass(frozen=True)
class Network:
    """One embedder with the metric of its card."""

    name: str
    embedder: FaceEmbedder
    metric: Metric
    length: float

    def both_ways(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """The face and its mirror image as one vector: (D,) float32."""
        face = self.embedder.align(frame_bgr, landmarks)
        plain, mirrored = (
            self.embedder.embed_aligned(np.ascontiguousarray(one)) for one in (face, face[:, ::-1])
        )
        return fuse_probes(plain[None], mirrored=mirrored[None], length=self.length)


@dataclass(frozen=True)
class Seen:
    """One view of one person.

    Attributes:
        person: their number.
        quality: as the kiosk judges it.
        probes: a vector of each network.
    """

    person: int
    quality: FaceQuality
    probes: tuple[FloatVector, ...]

    @property
    def passes(self) -> bool:
        """Whether the kiosk compares it; coverings are not the matter here."""
        return not set(self.quality.reasons) - {QualityReason.PARTLY_COVERED}


@dataclass(frozen=True)
class Apart:
    """Distances of the views that pass: within people, and between two people."""

    same: FloatArray
    different: FloatArray


class Bench:
    """The models and the people."""

    def __init__(self, pipeline: FacePipeline, networks: Sequence[Network]) -> None:
        self._pipeline = pipeline
        self.networks = networks

    def enrol(self, photos: Sequence[BGRImage]) -> list[FloatArray]:
        """Templates of whole photos: of each network (N, D), a row of nan without a face."""
        rows = [self._template(photo) for photo in photos]
        return [np.stack([row[n] for row in rows]) for n in range(len(self.networks))]

    def _template(self, photo: BGRImage) -> list[FloatVector]:
        face = face_near(self._pipeline, photo, (photo.shape[1] / 2, photo.shape[0] / 2))
        points = self._pipeline.landmarks(photo, face) if face else None
        if points is None:
            raise ValueError("an enrolment photo shows no face")
        return [network.both_ways(photo, points) for network in self.networks]

    def see(self, photos: Sequence[BGRImage], view: CameraView, *, lights: bool) -> list[Seen]:
        """Look at every photo in one way; views without a face are left out."""
        found = [self._look(photo, view, n, lights=lights) for n, photo in enumerate(photos)]
        return [one for one in found if one is not None]

    def _look(self, photo: BGRImage, view: CameraView, number: int, *, lights: bool) -> Seen | None:
        place = face_near(self._pipeline, photo, (photo.shape[1] / 2, photo.shape[0] / 2))
        frame = as_seen(photo, place.box_px, view, number) if place else None
        face = face_near(self._pipeline, frame, _MIDDLE_PX) if frame is not None else None
        if frame is None or face is None:
            return None
        lit = brighten(frame, face).frame_bgr if lights else frame
        points = self._pipeline.landmarks(lit, face)
        if points is None:
            return None
        quality = assess(lit, [face], SCAN_LIMITS, points)
        probes = tuple(network.both_ways(lit, points) for network in self.networks)
        return Seen(number, quality, probes)


def apart(network: Network, number: int, templates: FloatArray, seen: Sequence[Seen]) -> Apart:
    """Compare the views that pass with everybody's template."""
    passing = [one for one in seen if one.passes]
    if not passing:
        return Apart(np.empty(0, np.float32), np.empty(0, np.float32))
    probes = np.stack([one.probes[number] for one in passing])
    table = distances(templates, probes, network.metric)
    own = np.zeros(table.shape, np.bool_)
    own[np.arange(len(passing)), [one.person for one in passing]] = True
    return Apart(table[own], table[~own])


def _row(name: str, count: int, seen: Sequence[Seen], found: Apart, limits: Sequence[float]) -> str:
    cells = [name, f"{len(seen)}", f"{len(found.same)}"]
    for level, limit in zip(_LEVELS, limits, strict=True):
        if not len(found.same):
            cells += ["-", "-"]
            continue
        fmr, fnmr = (found.different < limit).mean(), (found.same >= limit).mean()
        cells += [f"{fmr / level:.2f}", f"{100 * fnmr:.1f} %"]
    missed = count - int((found.same < limits[1]).sum())
    return "| " + " | ".join([*cells, f"{100 * (1 - missed / count):.1f} %"]) + " |"


def networks_of(names: Sequence[str]) -> list[Network]:
    """Open embedders."""
    opened = []
    for name in names:
        model = default_store().load(name)
        matching = model.card.matching
        if matching is None:
            raise ValueError(f"{name} is not an embedder")
        embedder = FaceEmbedder(model.card, open_session(model, runtime="auto"))
        opened.append(Network(name, embedder, matching.metric, matching.length))
    return opened


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, default=Path("../shared/faces/lfw-dev"))
    parser.add_argument("--people", type=int, default=300, help="enrolled (default: %(default)s)")
    parser.add_argument(
        "--embedder", nargs="+", default=["sface-2021dec-int8", "dlib-resnet-v1-int8"]
    )
    parser.add_argument("--views", nargs="+", choices=list(VIEWS), default=list(VIEWS))
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    pairs = [sorted(folder.glob("*.jpg"))[:2] for folder in sorted(options.faces.iterdir())]
    pairs = [pair for pair in pairs if len(pair) == 2][: options.people]
    pictures = [[np.asarray(cv2.imread(str(path)), np.uint8) for path in pair] for pair in pairs]
    settings = PipelineSettings(embedder="dlib-resnet-v1-int8")
    bench = Bench(FacePipeline.open(default_store(), settings), networks_of(options.embedder))
    templates = bench.enrol([pair[0] for pair in pictures])
    _print_views(bench, templates, [pair[1] for pair in pictures], options.views)
    return 0


def _print_sharpness(bench: Bench, templates: Sequence[FloatArray], seen: Sequence[Seen]) -> None:
    """Print by how much nearer the nearest strangers come, by how sharp the face is."""
    print(_SHARPNESS_HEAD)
    for number, network in enumerate(bench.networks):
        sharp: list[float] = []
        for high, low in pairwise(reversed(_SHARPNESS)):
            own = [one for one in seen if low <= one.quality.sharpness < high]
            found = apart(network, number, templates[number], own)
            if not len(found.different):
                continue
            limits = [float(np.quantile(found.different, level)) for level in _LEVELS]
            sharp = sharp or limits
            cells = " | ".join(f"{a - b:+.4f}" for a, b in zip(sharp, limits, strict=True))
            row = f"| {network.name} | {low:g} to {high:g} | {len(found.same)} | {cells} |"
            print(row, flush=True)


def _print_views(
    bench: Bench, templates: Sequence[FloatArray], photos: Sequence[BGRImage], names: Sequence[str]
) -> None:
    limits: list[list[float]] = []
    in_good_light: list[Seen] = []
    print(_HEAD)
    for name in (UNDAMAGED, *(name for name in names if name != UNDAMAGED)):
        view = VIEWS[name]
        ways = (False, True) if view.light < 1.0 else (True,)
        for lights in ways:
            seen = bench.see(photos, view, lights=lights)
            found = [
                apart(network, number, templates[number], seen)
                for number, network in enumerate(bench.networks)
            ]
            limits = limits or [
                [float(np.quantile(one.different, level)) for level in _LEVELS] for one in found
            ]
            in_good_light += seen if view.light == 1.0 else []
            label = f"{name}, brightened" if lights and view.light < 1.0 else name
            for network, one, levels in zip(bench.networks, found, limits, strict=True):
                label_cells = f"{network.name} | {label}"
                print(_row(label_cells, len(photos), seen, one, levels), flush=True)
    _print_sharpness(bench, templates, in_good_light)


if __name__ == "__main__":
    sys.exit(main())
