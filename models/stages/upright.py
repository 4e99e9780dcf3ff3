"""Finds which way up a picture is, by its faces; for photos, not for every frame of a camera.

On an upside-down face the detector often sees a face, and the landmark network draws one that is
not there. Two things give it away: the network is less sure than of the same face the other way
up, and other turns of the picture show faces more surely.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.detect import Detection
    from models.stages.images import BGRImage
    from models.stages.landmarks import Landmarks

# Source of the limits: docs/measurements/pictures.md. Never reached by a wrongly turned face there
# (of three turns each of 1,647 photos), and by 96 % of the upright ones:
_SURE_SCORE, _SURE_LOGIT, _SURE_ROLL_DEG = 0.85, 14.0, 30.0
# The same where the face was looked at the other way up as well:
_COMPARED_SCORE, _COMPARED_LOGIT, _COMPARED_MARGIN = 0.80, 9.0, 4.0
_MAX_ROLL_DEG = 50.0  # further, the next turn of the picture is nearer
_MIN_PRESENCE = 0.8
_FULL_LOGIT = 20.0
_MIN_EVIDENCE, _MIN_LEAD = 0.5, 0.3
_MOST_FACES = 8


class UprightModels(Protocol):
    """Detector and landmarks, as `FacePipeline` has them."""

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """See `FaceDetector.detect`."""
        ...

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """See `FaceLandmarker.landmarks`."""
        ...


@dataclass(frozen=True)
class Uprightness:
    """How surely a face is the right way up.

    Attributes:
        evidence: 0 (it is not) to about 2.
        is_sure: no other turn of the picture need be looked at.
    """

    evidence: float
    is_sure: bool

    @property
    def is_upright(self) -> bool:
        """Whether the landmarks lie the right way up on the face."""
        return self.evidence > 0


_NOT_UPRIGHT = Uprightness(0.0, is_sure=False)


def judge(
    models: UprightModels, picture_bgr: BGRImage, detection: Detection, landmarks: Landmarks
) -> Uprightness:
    """Judge whether a face is upright; costs one more run of the landmarks where that is not clear.

    Args:
        models: detector and landmarks.
        picture_bgr: (H, W, 3) uint8, BGR. Not modified.
        detection: the face.
        landmarks: of it.
    """
    roll_deg = abs(float(np.degrees(detection.roll_rad)))
    logit = landmarks.log_odds
    if roll_deg > _MAX_ROLL_DEG or landmarks.presence < _MIN_PRESENCE:
        return _NOT_UPRIGHT
    is_level = roll_deg <= _SURE_ROLL_DEG
    score = detection.score
    evidence = min(logit, _FULL_LOGIT) / _FULL_LOGIT + 2 * (score - 0.5) - roll_deg / 90
    if is_level and score >= _SURE_SCORE and logit >= _SURE_LOGIT:
        return Uprightness(evidence, is_sure=True)
    other = models.landmarks(picture_bgr, _the_other_way_up(detection))
    margin = logit - (-_FULL_LOGIT if other is None else other.log_odds)
    if margin <= 0:
        return _NOT_UPRIGHT
    is_clear = score >= _COMPARED_SCORE and logit >= _COMPARED_LOGIT and margin >= _COMPARED_MARGIN
    return Uprightness(max(evidence, 0.0), is_sure=is_level and is_clear)


def is_clearly_upright(faces: Sequence[Uprightness]) -> bool:
    """Whether these faces of one picture need no look at its other turns.

    Half of them must be sure, or at least three be upright: so many are never seen wrongly.
    """
    sure = sum(face.is_sure for face in faces)
    standing = sum(face.is_upright for face in faces)
    return 0 < len(faces) <= 2 * sure or (standing >= 3 and len(faces) <= 2 * standing)


def find_turn(
    models: UprightModels, picture_bgr: BGRImage, as_given: Sequence[Uprightness] | None = None
) -> int | None:
    """Find how a picture must be turned so that its faces are upright.

    Args:
        models: detector and landmarks.
        picture_bgr: (H, W, 3) uint8, BGR. Not modified.
        as_given: its faces as it is, where they are known.

    Returns:
        Quarter turns counter-clockwise, 0 to 3, as `turned` takes them; None where no turn shows
        upright faces clearly more surely than the others.
    """
    known = faces_in(models, picture_bgr) if as_given is None else as_given
    evidence = [_evidence(known)]
    evidence += [
        _evidence(faces_in(models, turned(picture_bgr, quarters))) for quarters in range(1, 4)
    ]
    second, best = sorted(evidence)[-2:]
    if best < _MIN_EVIDENCE or best - second < _MIN_LEAD:
        return None
    return evidence.index(best)


def faces_in(models: UprightModels, picture_bgr: BGRImage) -> list[Uprightness]:
    """Judge the largest faces of a picture as it is."""
    found = []
    faces = sorted(models.detect(picture_bgr), key=lambda face: -face.area_px)[:_MOST_FACES]
    for detection in faces:
        if abs(np.degrees(detection.roll_rad)) <= _MAX_ROLL_DEG:
            landmarks = models.landmarks(picture_bgr, detection)
            if landmarks is not None:
                found.append(judge(models, picture_bgr, detection, landmarks))
    return found


def turned(picture_bgr: BGRImage, quarters: int) -> BGRImage:
    """Turn a picture by quarters of a circle, counter-clockwise."""
    return np.ascontiguousarray(np.rot90(picture_bgr, quarters))


def _evidence(faces: Sequence[Uprightness]) -> float:
    return sum(face.evidence for face in faces)


def _the_other_way_up(detection: Detection) -> Detection:
    left, top, width, height = detection.box_px
    centre = np.array([left + width / 2, top + height / 2], np.float32)
    return replace(detection, keypoints_px=2 * centre - detection.keypoints_px)
