import numpy as np
import pytest

from kiosk.domain.ports import BGRImage
from kiosk.domain.sightings import Hint
from kiosk.vision.guidance import GuidanceLimits, assess, turn_of
from tests.fakes.face_models import Face, vector

LIMITS = GuidanceLimits()
NOBODY = vector(0.0)


def picture(low: int, high: int) -> BGRImage:
    """Noise between two grey levels: (480, 640, 3) uint8."""
    return np.random.default_rng(7).integers(low, high, (480, 640, 3), dtype=np.uint8)


def hint(frame: BGRImage, face: Face) -> Hint | None:
    return assess(frame, face.detection(), LIMITS).hint


def test_a_large_sharp_lit_face_that_looks_here_will_do() -> None:
    judged = assess(picture(0, 255), Face(NOBODY).detection(), LIMITS)
    assert judged.hint is None
    assert 0.9 <= judged.quality <= 1.0


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (Face(NOBODY, width=40), Hint.CLOSER),
        (Face(NOBODY, left=10, top=0, width=560), Hint.FURTHER_AWAY),
        (Face(NOBODY, left=-100), Hint.FURTHER_AWAY),
        (Face(NOBODY, left=900), Hint.FURTHER_AWAY),
        (Face(NOBODY, turn=0.6), Hint.LOOK_AT_CAMERA),
        (Face(NOBODY, turn=-0.6), Hint.LOOK_AT_CAMERA),
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


def test_a_turned_head_has_less_quality() -> None:
    frame = picture(0, 255)
    straight = assess(frame, Face(NOBODY).detection(), LIMITS)
    turned = assess(frame, Face(NOBODY, turn=0.3).detection(), LIMITS)
    assert turned.quality < straight.quality


def test_eyes_in_one_place_count_as_turned_away() -> None:
    assert turn_of(Face(NOBODY, width=1e-6).detection()) == 1.0
