import numpy as np
import pytest

from kiosk.domain.ports import BGRImage
from kiosk.domain.sightings import Hint
from kiosk.vision.guidance import HINTS, GuidanceLimits, assess, is_surely_a_face
from models.stages.landmarks import Landmarks
from models.stages.quality import QualityReason
from tests.fakes.face_models import Face, vector
from tests.unit.models.stages.head_mesh import at, head, turned

LIMITS = GuidanceLimits()
NOBODY = vector(0.0)


def picture(low: int, high: int) -> BGRImage:
    """Noise between two grey levels: (480, 640, 3) uint8."""
    return np.random.default_rng(7).integers(low, high, (480, 640, 3), dtype=np.uint8)


def hint(frame: BGRImage, face: Face) -> Hint | None:
    return assess(frame, face.detection(), LIMITS).hint


def looks(yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Landmarks:
    return Landmarks(at(turned(head(), yaw_deg, pitch_deg, roll_deg), 280, 200), 1.0 - 1e-11)


def test_a_large_sharp_lit_face_will_do() -> None:
    judged = assess(picture(0, 255), Face(NOBODY).detection(), LIMITS)
    assert judged.hint is None
    assert 0.9 <= judged.quality <= 1.0


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (Face(NOBODY, width=40), Hint.CLOSER),
        (Face(NOBODY, left=10, top=0, width=560), Hint.FURTHER_AWAY),
        (Face(NOBODY, left=-100), Hint.TO_THE_MIDDLE),
        (Face(NOBODY, left=900), Hint.TO_THE_MIDDLE),
    ],
)
def test_a_badly_placed_face_gets_its_hint(face: Face, expected: Hint) -> None:
    assert hint(picture(0, 255), face) is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 40, Hint.TOO_DARK), (240, 255, Hint.TOO_BRIGHT), (126, 130, Hint.HOLD_STILL)],
)
def test_a_bad_picture_gets_its_hint(low: int, high: int, expected: Hint) -> None:
    assert hint(picture(low, high), Face(NOBODY)) is expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (looks(), None),
        (looks(yaw_deg=50), Hint.LOOK_AT_CAMERA),
        (looks(yaw_deg=-50), Hint.LOOK_AT_CAMERA),
        (looks(pitch_deg=45), Hint.LOOK_AT_CAMERA),
        (looks(roll_deg=50), Hint.HEAD_UPRIGHT),
    ],
)
def test_a_head_that_looks_elsewhere_gets_its_hint(
    points: Landmarks, expected: Hint | None
) -> None:
    judged = assess(picture(0, 255), Face(NOBODY).detection(), LIMITS, points)
    assert judged.hint is expected


def test_a_turned_head_has_less_quality() -> None:
    frame, face = picture(0, 255), Face(NOBODY).detection()
    straight = assess(frame, face, LIMITS, looks())
    assert assess(frame, face, LIMITS, looks(yaw_deg=25)).quality < straight.quality


def test_every_reason_has_a_hint_but_nobody_is_told_to_uncover() -> None:
    silent = {QualityReason.NO_FACE_FOUND, QualityReason.PARTLY_COVERED}
    assert set(HINTS) == set(QualityReason) - silent


def test_a_covered_face_gets_no_hint_and_will_not_do() -> None:
    frame = picture(100, 160)
    frame[200:] = (200, 120, 40)
    points = Landmarks(at(head(), 280, 200), 0.99)
    judged = assess(frame, Face(NOBODY).detection(), LIMITS, points)
    assert (judged.hint, judged.is_covered, judged.will_do) == (None, True, False)


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (Face(NOBODY), True),
        (Face(NOBODY, score=0.55), False),
        (Face(NOBODY, turn=0.3), False),
        (Face(NOBODY, width=0.0), False),
    ],
)
def test_a_face_without_landmarks_is_one_if_it_looks_here(face: Face, expected: bool) -> None:
    assert is_surely_a_face(face.detection()) is expected
