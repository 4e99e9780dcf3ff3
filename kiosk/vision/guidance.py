"""What a person could do to be seen better, and how good a face is as it is."""

from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.domain.ports import BGRImage
from kiosk.domain.sightings import Hint
from models.stages.detect import Detection

_SIDE_PX = 96
"""Faces are judged at this size, so that sharpness means the same near and far."""
_RIGHT_EYE, _LEFT_EYE, _NOSE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class GuidanceLimits:
    """When a face is good enough to be compared.

    Attributes:
        min_width: of the box, as a share of the frame's width.
        max_width: likewise; nearer faces are cut off or bent by the lens.
        min_light: mean of the face's grey levels, 0..255.
        max_light: likewise.
        max_turn: sideways way of the nose from between the eyes, in eye distances.
        min_sharpness: variance of the Laplacian of the face at 96 x 96 pixels.
    """

    min_width: float = 0.09
    max_width: float = 0.80
    min_light: float = 40.0
    max_light: float = 225.0
    max_turn: float = 0.45
    min_sharpness: float = 12.0


@dataclass(frozen=True, slots=True)
class FaceAssessment:
    """One face judged.

    Attributes:
        hint: the one thing to do first; None when the face will do.
        quality: 0..1, of a face that will do.
    """

    hint: Hint | None
    quality: float


def assess(frame_bgr: BGRImage, face: Detection, limits: GuidanceLimits) -> FaceAssessment:
    """Judge a detected face.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        face: detected in that frame.
        limits: when it will do.
    """
    share = face.box_px[2] / frame_bgr.shape[1]
    if share < limits.min_width:
        return FaceAssessment(Hint.CLOSER, 0.0)
    grey = _grey_face(frame_bgr, face)
    if share > limits.max_width or grey is None:
        return FaceAssessment(Hint.FURTHER_AWAY, 0.0)
    light = float(grey.mean())
    turn = turn_of(face)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    hint = _first_hint(light, turn, sharpness, limits)
    quality = min(1.0, share / 0.25, 1.0 - turn / (2 * limits.max_turn), sharpness / 150.0)
    return FaceAssessment(hint, round(max(0.0, quality), 3))


def turn_of(face: Detection) -> float:
    """How far the head is turned sideways: 0 looks into the camera, in eye distances."""
    eyes = face.keypoints_px[[_RIGHT_EYE, _LEFT_EYE]]
    across = eyes[1] - eyes[0]
    distance = float(np.hypot(*across))
    if distance < 1e-3:
        return 1.0
    nose = face.keypoints_px[_NOSE] - eyes.mean(axis=0)
    return abs(float(nose @ across)) / distance**2


def _first_hint(light: float, turn: float, sharpness: float, limits: GuidanceLimits) -> Hint | None:
    if light < limits.min_light:
        return Hint.TOO_DARK
    if light > limits.max_light:
        return Hint.TOO_BRIGHT
    if turn > limits.max_turn:
        return Hint.LOOK_AT_CAMERA
    return Hint.HOLD_STILL if sharpness < limits.min_sharpness else None


def _grey_face(frame_bgr: BGRImage, face: Detection) -> BGRImage | None:
    """The face in grey at 96 x 96 pixels; None when less than two thirds of it are in the frame."""
    height, width = frame_bgr.shape[:2]
    left, top, box_width, box_height = face.box_px
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1, y1 = min(width, round(left + box_width)), min(height, round(top + box_height))
    if x1 <= x0 or y1 <= y0 or (x1 - x0) * (y1 - y0) < box_width * box_height * 2 / 3:
        return None
    small = cv2.resize(frame_bgr[y0:y1, x0:x1], (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
