"""What a person could do to be seen better, and how good a face is as it is.

The measures, limits and reasons are those of `models.stages.quality`, the same as at enrolment;
only where a scan may be less exact than an enrolment are the limits wider here.
"""

from dataclasses import dataclass, field
from math import inf

import numpy as np

from kiosk.domain.ports import BGRImage
from kiosk.domain.sightings import Hint
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks
from models.stages.light import LightLimits
from models.stages.quality import FaceQuality, QualityLimits, QualityReason
from models.stages.quality import assess as assess_quality

HINTS = {
    QualityReason.SEVERAL_FACES: Hint.ONE_AT_A_TIME,
    QualityReason.FACE_TOO_SMALL: Hint.CLOSER,
    QualityReason.FACE_CUT_OFF: Hint.TO_THE_MIDDLE,
    QualityReason.TOO_DARK: Hint.TOO_DARK,
    QualityReason.TOO_BRIGHT: Hint.TOO_BRIGHT,
    QualityReason.TURNED_AWAY: Hint.LOOK_AT_CAMERA,
    QualityReason.LOOKS_UP_OR_DOWN: Hint.LOOK_AT_CAMERA,
    QualityReason.LEANS: Hint.HEAD_UPRIGHT,
    QualityReason.EYES_SHUT: Hint.OPEN_EYES,
    QualityReason.OFF_CENTRE: Hint.TO_THE_MIDDLE,
    QualityReason.TOO_BLURRED: Hint.HOLD_STILL,
}
"""What to do about each reason, the most urgent first: bad light blurs too. Without a face
(`NO_FACE_FOUND`) there is nobody to tell, and nobody is told to uncover (`PARTLY_COVERED`)."""

SCAN_LIMITS = QualityLimits(
    min_side_px=52.0,
    min_sharpness=30.0,
    min_brightness=40.0,
    max_brightness=225.0,
    max_yaw_deg=35.0,
    max_pitch_deg=30.0,
    max_roll_deg=35.0,
    # A blink is over before a hint is read, and several people at once cannot all stand in the
    # middle.
    min_eyes_open=0.0,
    max_off_centre=inf,
)
_SURE_SCORE = 0.6
_MOST_BESIDE = 0.3
"""Of the nose from the middle of the eyes, in distances of the eyes: about 30 degrees of turn.
Source of both: docs/measurements/covered-faces.md."""
_GOOD_SIDE_PX = 160.0
_GOOD_SHARPNESS = 200.0


@dataclass(frozen=True, slots=True)
class GuidanceLimits:
    """When a face is good enough to be compared.

    Attributes:
        quality: see `models.stages.quality`.
        max_width: of the box, as a share of the frame's width: nearer faces are bent by the lens.
        light: when and how far a dim face is brightened before it is judged.
    """

    quality: QualityLimits = field(default_factory=lambda: SCAN_LIMITS)
    max_width: float = 0.80
    light: LightLimits = field(default_factory=LightLimits)


@dataclass(frozen=True, slots=True)
class FaceAssessment:
    """One face judged.

    Attributes:
        hint: the one thing to do first; None when there is nothing to do.
        quality: 0..1, of a face that will do.
        is_covered: nothing else is wrong, but too little of the face is visible to compare it.
        sharpness: see `models.stages.quality.FaceQuality`.
    """

    hint: Hint | None
    quality: float
    is_covered: bool = False
    sharpness: float = inf

    @property
    def will_do(self) -> bool:
        """Whether the face can be compared."""
        return self.hint is None and not self.is_covered


def assess(
    frame_bgr: BGRImage,
    face: Detection,
    limits: GuidanceLimits,
    landmarks: Landmarks | None = None,
) -> FaceAssessment:
    """Judge a detected face.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        face: detected in that frame.
        limits: when it will do.
        landmarks: its points; without them where it looks is not judged.
    """
    if face.box_px[2] > limits.max_width * frame_bgr.shape[1]:
        return FaceAssessment(Hint.FURTHER_AWAY, 0.0)
    measured = assess_quality(frame_bgr, [face], limits.quality, landmarks)
    if measured.reasons:
        hint = _first_hint(measured)
        return FaceAssessment(hint, 0.0, is_covered=hint is None)
    score = _score(measured, limits.quality)
    return FaceAssessment(None, score, sharpness=measured.sharpness)


def is_surely_a_face(face: Detection) -> bool:
    """Whether a face without landmarks is one all the same: most of it may be behind a veil.

    The detector must be sure of it, and its nose between its eyes: a head seen from the side has
    no landmarks either.
    """
    right, left, nose = face.keypoints_px[:3]
    across = left - right
    width = float(np.hypot(*across))
    if width <= 0 or face.score < _SURE_SCORE:
        return False
    beside = abs(float((nose - (left + right) / 2) @ across)) / width**2
    return beside <= _MOST_BESIDE


def _first_hint(measured: FaceQuality) -> Hint | None:
    return next((hint for reason, hint in HINTS.items() if reason in measured.reasons), None)


def _score(measured: FaceQuality, limits: QualityLimits) -> float:
    """The worst of size, sharpness and turn, each 1 where more would not help."""
    turn = 0.0 if measured.mesh is None else abs(measured.mesh.pose.yaw_deg) / limits.max_yaw_deg
    parts = (
        measured.side_px / _GOOD_SIDE_PX,
        measured.sharpness / _GOOD_SHARPNESS,
        1.0 - turn / 2,
        1.0,
    )
    return round(max(0.0, min(parts)), 3)
