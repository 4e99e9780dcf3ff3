"""One picture for the technician screen: where the face is, and how long each step takes."""

from collections.abc import Callable
from time import monotonic

from kiosk.domain.ports import Frame
from kiosk.domain.technician import Inspection, VisionStage
from kiosk.vision.guidance import GuidanceLimits, assess
from kiosk.vision.recogniser import FaceModels
from models.stages.images import BGRImage, FloatArray

FaceObserver = Callable[[float, BGRImage, FloatArray], None]
"""Hears of a face: when it was captured, its frame, and its 468 points."""
InspectionListener = Callable[[Inspection], None]


def inspect_frame(
    models: FaceModels,
    frame: Frame,
    limits: GuidanceLimits,
    observer: FaceObserver | None = None,
) -> Inspection:
    """Find the largest face and time the steps; its template is thrown away, never compared.

    Raises:
        models.errors.ModelsError: the models failed.
    """
    picture = frame.frame_bgr
    height_px, width_px = picture.shape[:2]
    begun_s = monotonic()
    found = models.detect(picture)
    stages = [(VisionStage.DETECT, _since_ms(begun_s))]
    if not found:
        return Inspection(width_px, height_px, stages_ms=tuple(stages))
    face = max(found, key=lambda one: one.area_px)
    begun_s = monotonic()
    points = models.landmarks(picture, face)
    stages.append((VisionStage.LANDMARKS, _since_ms(begun_s)))
    if points is not None:
        if observer is not None:
            observer(frame.captured_at_s, picture, points.points_px)
        begun_s = monotonic()
        models.embed_aligned(models.align(picture, points))
        stages.append((VisionStage.EMBED, _since_ms(begun_s)))
    hint = assess(picture, face, limits, points).hint
    return Inspection(width_px, height_px, face.box_px, hint, tuple(stages))


def _since_ms(begun_s: float) -> float:
    return 1000 * (monotonic() - begun_s)
