"""Judges whether a face in a picture is good enough, and names the reasons when it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.stages.mesh_quality import MeshQuality, measure_mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.detect import Detection
    from models.stages.images import BGRImage
    from models.stages.landmarks import Landmarks

_SIDE_PX = 64  # sharpness and exposure are judged at one size, so that limits mean the same


class QualityReason(StrEnum):
    """Why a picture does not serve; the most fundamental first."""

    NO_FACE_FOUND = "NO_FACE_FOUND"
    SEVERAL_FACES = "SEVERAL_FACES"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    FACE_CUT_OFF = "FACE_CUT_OFF"
    TOO_BLURRED = "TOO_BLURRED"
    TOO_DARK = "TOO_DARK"
    TOO_BRIGHT = "TOO_BRIGHT"
    TURNED_AWAY = "TURNED_AWAY"
    LOOKS_UP_OR_DOWN = "LOOKS_UP_OR_DOWN"
    LEANS = "LEANS"
    EYES_SHUT = "EYES_SHUT"
    PARTLY_COVERED = "PARTLY_COVERED"
    OFF_CENTRE = "OFF_CENTRE"


ADVICE = frozenset({QualityReason.OFF_CENTRE})
"""Reasons that a better picture would not have; all others make a picture unfit for enrolment."""


@dataclass(frozen=True)
class QualityLimits:
    """What a face must reach.

    Attributes:
        min_side_px: shorter side of the face's box.
        min_area_ratio: face's box over picture, 0 to 1.
        max_outside: share of the box that may lie outside the picture, 0 to 1.
        min_sharpness: see `FaceQuality.sharpness`.
        min_brightness: mean grey level of the face, 0 to 255.
        max_brightness: the same.
        rival_ratio: another face counts when its area is at least this share of the largest's.
        max_yaw_deg: turned to either side; this and what follows are judged on the mesh only.
        max_pitch_deg: up or down.
        max_roll_deg: leaning to either side.
        min_eyes_open: see `MeshQuality.eyes_open`.
        max_covered: see `MeshQuality.covered`.
        max_off_centre: see `MeshQuality.off_centre`.
    """

    min_side_px: float = 60.0
    min_area_ratio: float = 0.0
    max_outside: float = 0.1
    min_sharpness: float = 60.0
    min_brightness: float = 45.0
    max_brightness: float = 220.0
    rival_ratio: float = 0.25
    max_yaw_deg: float = 30.0
    max_pitch_deg: float = 25.0
    max_roll_deg: float = 25.0
    min_eyes_open: float = 0.13
    max_covered: float = 0.5
    max_off_centre: float = 0.35


@dataclass(frozen=True)
class FaceQuality:
    """Measurements of one face, and what is wrong with it.

    Attributes:
        side_px: shorter side of the face's box.
        area_ratio: face's box over picture, 0 to 1.
        outside: share of the box outside the picture, 0 to 1.
        sharpness: variance of the Laplacian of the grey face at 64 x 64 pixels.
        brightness: mean grey level of the face, 0 to 255.
        reasons: what falls short, in the order of `QualityReason`; empty when all is well.
        mesh: what only the mesh shows; None without one.
    """

    side_px: float
    area_ratio: float
    outside: float
    sharpness: float
    brightness: float
    reasons: tuple[QualityReason, ...]
    mesh: MeshQuality | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing falls short."""
        return not self.reasons


_NOTHING = FaceQuality(0.0, 0.0, 0.0, 0.0, 0.0, (QualityReason.NO_FACE_FOUND,))


def assess(
    frame_bgr: BGRImage,
    detections: Sequence[Detection],
    limits: QualityLimits | None = None,
    landmarks: Landmarks | None = None,
) -> FaceQuality:
    """Judge the largest face of a picture.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        detections: all faces of the picture.
        limits: the defaults where None.
        landmarks: of the largest face; without them what only the mesh shows is not judged.
    """
    if not detections:
        return _NOTHING
    bounds = limits or QualityLimits()
    face, *others = sorted(detections, key=_area, reverse=True)
    grey = _grey_face(frame_bgr, face)
    measured = FaceQuality(
        side_px=min(face.box_px[2:]),
        area_ratio=face.area_px / (frame_bgr.shape[0] * frame_bgr.shape[1]),
        outside=_outside(frame_bgr, face),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()) if grey.size else 0.0,
        brightness=float(grey.mean()) if grey.size else 0.0,
        reasons=(),
        mesh=measure_mesh(frame_bgr, landmarks) if landmarks else None,
    )
    rivals = [other for other in others if other.area_px >= face.area_px * bounds.rival_ratio]
    return _with_reasons(measured, bounds, has_rivals=bool(rivals))


def _with_reasons(quality: FaceQuality, bounds: QualityLimits, *, has_rivals: bool) -> FaceQuality:
    too_small = quality.side_px < bounds.min_side_px or quality.area_ratio < bounds.min_area_ratio
    faults = {
        QualityReason.SEVERAL_FACES: has_rivals,
        QualityReason.FACE_TOO_SMALL: too_small,
        QualityReason.FACE_CUT_OFF: quality.outside > bounds.max_outside,
        QualityReason.TOO_BLURRED: quality.sharpness < bounds.min_sharpness,
        QualityReason.TOO_DARK: quality.brightness < bounds.min_brightness,
        QualityReason.TOO_BRIGHT: quality.brightness > bounds.max_brightness,
    }
    if quality.mesh is not None:
        faults |= _mesh_faults(quality.mesh, bounds)
    return replace(quality, reasons=tuple(reason for reason, holds in faults.items() if holds))


def _mesh_faults(mesh: MeshQuality, bounds: QualityLimits) -> dict[QualityReason, bool]:
    return {
        QualityReason.TURNED_AWAY: abs(mesh.pose.yaw_deg) > bounds.max_yaw_deg,
        QualityReason.LOOKS_UP_OR_DOWN: abs(mesh.pose.pitch_deg) > bounds.max_pitch_deg,
        QualityReason.LEANS: abs(mesh.pose.roll_deg) > bounds.max_roll_deg,
        QualityReason.EYES_SHUT: mesh.eyes_open < bounds.min_eyes_open,
        QualityReason.PARTLY_COVERED: mesh.covered > bounds.max_covered,
        QualityReason.OFF_CENTRE: mesh.off_centre > bounds.max_off_centre,
    }


def _grey_face(frame_bgr: BGRImage, face: Detection) -> BGRImage:
    left, top, right, bottom = _visible(frame_bgr, face)
    crop = frame_bgr[int(top) : int(bottom), int(left) : int(right)]
    if not crop.size:
        return np.empty((0, 0), np.uint8)
    larger = max(crop.shape[:2]) > _SIDE_PX
    how = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=how), np.uint8)


def _outside(frame_bgr: BGRImage, face: Detection) -> float:
    left, top, right, bottom = _visible(frame_bgr, face)
    if not face.area_px:
        return 0.0
    return 1.0 - (right - left) * (bottom - top) / face.area_px


def _visible(frame_bgr: BGRImage, face: Detection) -> tuple[float, float, float, float]:
    height_px, width_px = frame_bgr.shape[:2]
    left, top, width, height = face.box_px
    seen_left, seen_top = min(max(left, 0.0), width_px), min(max(top, 0.0), height_px)
    seen_right = max(min(left + width, width_px), seen_left)
    seen_bottom = max(min(top + height, height_px), seen_top)
    return seen_left, seen_top, seen_right, seen_bottom


def _area(detection: Detection) -> float:
    return detection.area_px
