"""Finds the faces of a photo: upright, photographed, each once; and turns the photo upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from models.service.errors import ErrorCode
from models.service.schemas import FaceLocation, Turned
from models.service.thorough import MOST_SIGHTINGS, detect_thoroughly
from models.stages.drawn import is_drawn
from models.stages.ranges import is_same_face
from models.stages.upright import find_turn, is_clearly_upright, judge, turned

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
    from models.stages.upright import Uprightness


_CLOCKWISE_DEG: tuple[Turned, ...] = (0, 270, 180, 90)
"""By the number of quarter turns counter-clockwise."""


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


@dataclass(frozen=True)
class PhotoFaces:
    """What a photo shows, once it is upright.

    Attributes:
        picture_bgr: (H, W, 3) uint8, BGR: the photo, turned where needed.
        turned_deg: by how much it was turned clockwise: 0, 90, 180 or 270.
        faces: in it, largest first: upright ones, none of them drawn.
        reason: why there is none; None where there is one.
    """

    picture_bgr: BGRImage
    turned_deg: Turned
    faces: list[FoundFace]
    reason: ErrorCode | None


class FaceFinder:
    """The detectors and the landmark model of one worker. Used by one thread at a time."""

    def __init__(self, pipeline: FacePipeline, near: Detector, settings: Settings) -> None:
        self._pipeline = pipeline
        self._near = near
        self._most = settings.max_faces
        self._min_presence = settings.min_presence

    def find_upright(
        self,
        picture_bgr: BGRImage,
        model: DetectorName = "full",
        detect_each: DetectsEach | None = None,
    ) -> PhotoFaces:
        """Find the faces of a photo that may lie on its side or upside down.

        Other turns are looked at only where the faces as they are do not settle it.

        Args:
            picture_bgr: (H, W, 3) uint8. Not modified.
            model: how to look.
            detect_each: looks at the parts of a picture; by default one after another.
        """
        faces = self.find(picture_bgr, model, detect_each)
        standing = self._standing(picture_bgr, faces)
        quarters: int | None = 0
        if not is_clearly_upright(standing):
            quarters = find_turn(self._pipeline, picture_bgr, standing)
        if quarters is None:
            return PhotoFaces(picture_bgr, 0, [], _reason(picture_bgr, faces))
        if quarters:
            picture_bgr = turned(picture_bgr, quarters)
            faces = self.find(picture_bgr, model, detect_each)
            standing = self._standing(picture_bgr, faces)
        upright = [face for face, way in zip(faces, standing, strict=True) if way.is_upright]
        real = [face for face in upright if not is_drawn(picture_bgr, face.landmarks)]
        unusable = None if real else _reason(picture_bgr, upright or faces)
        return PhotoFaces(picture_bgr, _CLOCKWISE_DEG[quarters], real, unusable)

    def find(
        self,
        picture_bgr: BGRImage,
        model: DetectorName = "full",
        detect_each: DetectsEach | None = None,
    ) -> list[FoundFace]:
        """Find faces as the picture is, largest first.

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

    def _standing(self, picture_bgr: BGRImage, faces: list[FoundFace]) -> list[Uprightness]:
        return [
            judge(self._pipeline, picture_bgr, face.detection, face.landmarks) for face in faces
        ]

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


def _reason(picture_bgr: BGRImage, faces: list[FoundFace]) -> ErrorCode:
    """Why none of these faces can be used."""
    if not faces:
        return ErrorCode.NO_FACE_FOUND
    is_all_drawn = all(is_drawn(picture_bgr, face.landmarks) for face in faces)
    return ErrorCode.NOT_A_PHOTO if is_all_drawn else ErrorCode.UPRIGHT_UNCLEAR


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
