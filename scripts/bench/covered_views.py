"""Makes views of bare and of covered faces, and takes them through the kiosk's own stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.vision.guidance import SCAN_LIMITS
from models.stages.covered import cover_measures
from models.stages.light import brighten, brightness
from models.stages.quality import QualityReason, assess
from scripts.bench.camera_views import SIZE_PX, CameraView, as_seen
from scripts.bench.drawn_covers import COVERS, draw_cover, draw_photographed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from models.pipeline import FacePipeline
    from models.stages.detect import Detection
    from models.stages.images import BGRImage, FloatArray
    from models.stages.landmarks import Landmarks
    from models.stages.quality import FaceQuality

BARE = "bare"
PHOTOGRAPHED = "photographed surgical mask"
COVERS_EACH = 2
_MIDDLE_PX = (SIZE_PX[0] / 2, SIZE_PX[1] / 2)


@dataclass(frozen=True)
class CoverSample:
    """One view of one face.

    Attributes:
        person: name of the photo's folder.
        kind: of covering, or `BARE`.
        view: how the camera saw it.
        is_found: the detector found it.
        measures: see `cover_measures`; None where the landmark network saw no face.
        quality: None without landmarks.
        features: mouth opening over its width, and redness of the lips over the skin beside.
        photo_level: mean grey level of the face in the photo, 0 to 255.
    """

    person: str
    kind: str
    view: CameraView
    is_found: bool = False
    measures: FloatArray | None = None
    quality: FaceQuality | None = None
    features: tuple[float, float] = (0.0, 0.0)
    photo_level: float = 0.0

    @property
    def passes_else(self) -> bool:
        """Whether everything but the covering is good enough to compare the face."""
        if self.quality is None or self.measures is None:
            return False
        return set(self.quality.reasons) <= {QualityReason.PARTLY_COVERED}


def samples(
    pipeline: FacePipeline, photos: Sequence[Path], cloth_bgr: BGRImage | None = None
) -> Iterator[CoverSample]:
    """Yield each photo bare and with two coverings, all three seen in the same way.

    Args:
        pipeline: finds the faces.
        photos: one face each.
        cloth_bgr: a photographed mask, which each photo is shown with too; None does without.
    """
    for number, path in enumerate(photos):
        photo = np.asarray(cv2.imread(str(path)), np.uint8)
        found = face_near(pipeline, photo, (photo.shape[1] / 2, photo.shape[0] / 2))
        points = pipeline.landmarks(photo, found) if found else None
        if found is None or points is None:
            continue
        random = np.random.default_rng(number)
        view, level = _drawn_view(random), brightness(photo, found)
        kinds = [BARE, *map(str, random.choice(list(COVERS), COVERS_EACH, replace=False))]
        for kind in [*kinds, PHOTOGRAPHED] if cloth_bgr is not None else kinds:
            shown = photo
            if kind == PHOTOGRAPHED and cloth_bgr is not None:
                shown = draw_photographed(photo, points.points_px, cloth_bgr, number)
            elif kind != BARE:
                shown = draw_cover(photo, points.points_px, kind, number)
            frame = as_seen(shown, found.box_px, view, number)
            empty = CoverSample(path.parent.name, kind, view, photo_level=level)
            yield _seen(pipeline, frame, empty)


def face_near(
    pipeline: FacePipeline, picture: BGRImage, place_px: tuple[float, float]
) -> Detection | None:
    """The detected face nearest to a place of a picture."""

    def away(face: Detection) -> float:
        left, top, width, height = face.box_px
        return float(np.hypot(left + width / 2 - place_px[0], top + height / 2 - place_px[1]))

    return min(pipeline.detect(picture), key=away, default=None)


def _drawn_view(random: np.random.Generator) -> CameraView:
    """A view as it comes about at a door: half of them in good light."""
    side_px = float(random.uniform(60, 150))
    light = float(random.uniform(0.25, 1.0)) if random.uniform() < 0.5 else 1.0
    return CameraView(side_px, side_px / 110 * float(random.uniform(0.0, 1.6)), 0, light)


def _seen(pipeline: FacePipeline, frame: BGRImage, empty: CoverSample) -> CoverSample:
    face = face_near(pipeline, frame, _MIDDLE_PX)
    if face is None:
        return empty
    lit = brighten(frame, face).frame_bgr
    points = pipeline.landmarks(lit, face)
    if points is None:
        return replace(empty, is_found=True)
    return replace(
        empty,
        is_found=True,
        measures=cover_measures(lit, points),
        quality=assess(lit, [face], SCAN_LIMITS, points),
        features=(_opening(points), _redness(lit, points)),
    )


def _opening(points: Landmarks) -> float:
    inner = points.points_px[[13, 14, 78, 308], :2]
    return float(np.linalg.norm(inner[0] - inner[1]) / np.linalg.norm(inner[2] - inner[3]))


def _redness(frame: BGRImage, points: Landmarks) -> float:
    """By how much the lower lip is redder than the chin, in a of CIE Lab."""
    lab = cv2.cvtColor(frame, cv2.COLOR_BGR2LAB)
    places = np.clip(points.points_px[[17, 200], :2].astype(int), 1, np.array(SIZE_PX) - 2)
    lip, chin = (lab[y - 1 : y + 2, x - 1 : x + 2, 1].mean() for x, y in places)
    return float(lip - chin)
