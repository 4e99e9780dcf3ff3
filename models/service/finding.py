"""Finds the faces of a picture: detections in which the landmark model sees a face, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from models.service.schemas import FaceLocation
from models.service.thorough import MOST_SIGHTINGS, detect_thoroughly
from models.stages.ranges import is_same_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.pipeline import FacePipeline
    from models.service.config import Settings
    from models.service.schemas import DetectorName
    from models.service.thorough import DetectsEach
    from models.stages.detect import Detection
    from models.stages.images import BGRImage
    from models.stages.landmarks import Landmarks
    from models.stages.ranges import Detector


@dataclass(frozen=True)
class FoundFace:
    """A face in which the landmark model agrees with the detector.

    Attributes:
        area_ratio: box over picture, 0 to 1.
    """

    detection: Detection
    landmarks: Landmarks
    location: FaceLocation
    area_ratio: float


class FaceFinder:
    """The detectors and the landmark model of one worker. Used by one thread at a time."""

    def __init__(self, pipeline: FacePipeline, near: Detector, settings: Settings) -> None:
        self._pipeline = pipeline
        self._near = near
        self._most = settings.max_faces
        self._min_presence = settings.min_presence

    def find(
        self,
        picture_bgr: BGRImage,
        model: DetectorName = "full",
        detect_each: DetectsEach | None = None,
    ) -> list[FoundFace]:
        """Find faces, largest first.

        Args:
            picture_bgr: (H, W, 3) uint8. Not modified.
            model: how to look.
            detect_each: looks at the parts of a picture; by default one after another.
        """
        looks = detect_each or self._detect_each
        detections = sorted(self._look(picture_bgr, model, looks), key=lambda found: -found.score)
        faces: list[FoundFace] = []
        for detection in detections[: MOST_SIGHTINGS * self._most]:
            # The surest sighting of a face counts. The others need no landmarks, which cost more.
            if any(is_same_face(detection, face.detection) for face in faces):
                continue
            landmarks = self._pipeline.landmarks(picture_bgr, detection)
            if landmarks is not None and landmarks.presence >= self._min_presence:
                faces.append(_found(picture_bgr, detection, landmarks))
        faces.sort(key=lambda face: -face.detection.area_px)
        return faces[: self._most]

    def _detect_each(self, pictures: Sequence[BGRImage]) -> list[list[Detection]]:
        return [self._pipeline.detect(picture_bgr) for picture_bgr in pictures]

    def _look(
        self, picture_bgr: BGRImage, model: DetectorName, detect_each: DetectsEach
    ) -> list[Detection]:
        match model:
            case "near":
                return self._near.detect(picture_bgr)
            case "cnn" | "thorough":
                return detect_thoroughly(detect_each, picture_bgr)
            case "hog" | "full":
                return self._pipeline.detect(picture_bgr)
            case _:
                assert_never(model)


def _found(picture_bgr: BGRImage, detection: Detection, landmarks: Landmarks) -> FoundFace:
    height, width = picture_bgr.shape[:2]
    location = _location(detection, width, height)
    area = (location.right - location.left) * (location.bottom - location.top)
    return FoundFace(detection, landmarks, location, area / (width * height))


def _location(detection: Detection, width: int, height: int) -> FaceLocation:
    left, top, box_width, box_height = detection.box_px
    return FaceLocation(
        top=round(min(max(top, 0), height)),
        right=round(min(max(left + box_width, 0), width)),
        bottom=round(min(max(top + box_height, 0), height)),
        left=round(min(max(left, 0), width)),
    )
