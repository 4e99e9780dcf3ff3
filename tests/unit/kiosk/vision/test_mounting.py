"""When a camera counts as turned, by what the detector says of pictures and of turned ones."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.mounting import TURNS_DEG, MountingLimits, MountingWatch
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks

LIMITS = MountingLimits()
FRAME_S = 0.1


def face(score: float, roll_deg: float = 0.0) -> Detection:
    """A face of 100 pixels whose eyes lie on a line at this angle."""
    angle = np.radians(roll_deg)
    eyes = np.zeros((6, 2), np.float32)
    eyes[1] = 40 * np.cos(angle), 40 * np.sin(angle)
    return Detection((100.0, 100.0, 100.0, 100.0), eyes, score)


@dataclass
class Hall:
    """A camera hung at an angle, and a detector with a score for each way a picture is turned.

    Attributes:
        scores: of the one face, by how far its picture is turned from upright; 0 finds none.
        is_face: whether the landmark network agrees.
    """

    hung_deg: int = 0
    scores: dict[int, float] = field(default_factory=lambda: {0: 0.92, 180: 0.66})
    is_face: bool = True
    detected: int = 0

    def __post_init__(self) -> None:
        self.watch = MountingWatch(self, LIMITS)
        self.at_s = 0.0

    def picture(self) -> BGRImage:
        """Its corner that shines is the scene's upper left one."""
        upright = np.zeros((4, 6, 3), np.uint8)
        upright[0, 0] = 255
        return np.ascontiguousarray(np.rot90(upright, self.hung_deg // 90))

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        self.detected += 1
        corners = (frame_bgr[0, 0], frame_bgr[0, -1], frame_bgr[-1, -1], frame_bgr[-1, 0])
        turned_deg = 90 * [bool(corner.any()) for corner in corners].index(True)
        score = self.scores.get(turned_deg, 0.0)
        return [face(score)] if score else []

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        return Landmarks(np.zeros((468, 3), np.float32), 1.0) if self.is_face else None

    def passes(self, seconds: float) -> int:
        """Let frames come as from a camera; returns what is said at the end."""
        for _ in range(round(seconds / FRAME_S)):
            self.at_s += FRAME_S
            frame = Frame(self.picture(), self.at_s, 0)
            self.watch.note(self.detect(frame.frame_bgr), self.at_s)
            if self.watch.is_due(self.at_s):
                self.watch.check(frame)
        return self.watch.turn_deg


@pytest.mark.parametrize("hung_deg", TURNS_DEG)
def test_a_turned_camera_is_noticed_within_twenty_seconds(hung_deg: int) -> None:
    assert Hall(hung_deg).passes(20.0) == hung_deg


@given(st.sampled_from([*TURNS_DEG, 0]), st.sampled_from([*TURNS_DEG, 0]))
def test_what_is_said_would_make_faces_upright(hung_deg: int, then_deg: int) -> None:
    hall = Hall(hung_deg)
    hall.passes(30.0)
    hall.hung_deg = then_deg

    assert hall.passes(60.0) == then_deg


@pytest.mark.parametrize("hung_deg", TURNS_DEG)
def test_a_face_that_is_found_upside_down_too_says_the_right_side(hung_deg: int) -> None:
    hall = Hall(hung_deg, {0: 0.93, 90: 0.5, 180: 0.78, 270: 0.4})

    assert hall.passes(60.0) == hung_deg


def test_one_sighting_is_not_enough() -> None:
    hall = Hall(180)

    assert hall.passes(LIMITS.period_s * LIMITS.sightings - 0.5) == 0
    assert hall.passes(1.0) == 180


def test_an_upright_camera_is_never_suspected() -> None:
    hall = Hall(0)

    assert hall.passes(120.0) == 0


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {0: 0.72},
        {0: 0.6, 180: 0.65},
        {0: 0.5, 90: 0.55, 180: 0.58, 270: 0.4},
        {0: 0.0, 180: 0.69},
    ],
    ids=["nobody", "dark", "hardly better", "unsure everywhere", "too unsure"],
)
def test_weak_signs_say_nothing(scores: dict[int, float]) -> None:
    assert Hall(0, scores).passes(120.0) == 0


def test_a_turned_picture_without_landmarks_is_no_face() -> None:
    assert Hall(180, is_face=False).passes(60.0) == 0


def test_upright_faces_clear_it_within_a_second() -> None:
    hall = Hall(90)
    hall.passes(30.0)
    hall.hung_deg = 0

    assert hall.passes(1.0) == 0


def test_it_stays_said_while_nobody_is_there() -> None:
    hall = Hall(180)
    hall.passes(30.0)
    hall.scores = {}

    assert hall.passes(3600.0) == 180


def test_one_lucky_upright_score_clears_nothing() -> None:
    hall = Hall(180)
    hall.passes(30.0)
    hall.watch.note([face(0.95)], hall.at_s + 0.1)
    hall.watch.note([face(0.95)], hall.at_s + 0.2)
    hall.watch.note([face(0.95)], hall.at_s + 5.0)

    assert hall.watch.turn_deg == 180


def test_sightings_of_another_day_are_forgotten() -> None:
    hall = Hall(180)
    hall.passes(LIMITS.period_s * (LIMITS.sightings - 1))
    scores, hall.scores = hall.scores, {}
    hall.passes(LIMITS.memory_s + 1)
    hall.scores = scores

    assert hall.passes(LIMITS.period_s * 2) == 0


def test_a_leaning_head_is_not_upright() -> None:
    hall = Hall(0, {})
    for number in range(10):
        hall.watch.note([face(0.95, roll_deg=80)], number * FRAME_S)

    assert hall.watch.is_due(LIMITS.period_s)


def test_checks_are_rare_and_there_are_none_while_people_are_recognised() -> None:
    empty, busy = Hall(0, {}), Hall(0)
    empty.passes(60.0)
    busy.passes(60.0)

    assert empty.detected == pytest.approx(600 + 60 / LIMITS.period_s, abs=2)
    assert busy.detected == 600
