"""A covered mouth on drawn faces; photographed ones are in tests/integration."""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.covered import WEIGHTS, CoverWeights, cover_measures, covered
from models.stages.landmarks import Landmarks
from tests.unit.models.stages.head_mesh import at, head

Image = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
SURE = 1.0 - 1e-11
SKIN, CLOTH = (110, 140, 190), (200, 150, 60)


def drawn_face(*, mouth: bool, cloth: bool = False) -> Image:
    """A flat face around (320, 240), 100 wide: eyes, and lips or a piece of cloth."""
    frame = np.full((480, 640, 3), SKIN, np.uint8)
    for x in (290, 350):
        cv2.ellipse(frame, (x, 220), (12, 5), 0, 0, 360, (40, 40, 40), -1)
    if mouth:
        cv2.line(frame, (296, 275), (344, 275), (50, 40, 90), 4)
    if cloth:
        frame[245:] = CLOTH
    return frame


def landmarks(presence: float = SURE) -> Landmarks:
    points = at(head(), 320, 240)
    places = {1: (320, 250), 61: (296, 275), 291: (344, 275)}
    for index, place in places.items():
        points[index, :2] = place
    return Landmarks(points, presence)


def measured(frame: Image) -> dict[str, float]:
    found = cover_measures(frame, landmarks())
    assert found is not None
    return dict(zip((one.name for one in fields(CoverWeights)), map(float, found), strict=False))


def test_lips_are_level_lines_and_cloth_has_none() -> None:
    bare, cloth = (measured(drawn_face(mouth=has_mouth)) for has_mouth in (True, False))

    assert bare["direction"] > cloth["direction"] + 0.5
    assert bare["contrast"] > cloth["contrast"] + 0.5


def test_cloth_of_another_colour_changes_the_lower_face() -> None:
    bare = measured(drawn_face(mouth=True))
    cloth = measured(drawn_face(mouth=False, cloth=True))

    assert bare["colour"] < 2.0
    assert cloth["colour"] > 3.0


def test_a_bare_face_is_not_covered_and_one_with_cloth_is() -> None:
    assert covered(drawn_face(mouth=True), landmarks()) < 0.1
    assert covered(drawn_face(mouth=False, cloth=True), landmarks(0.99)) > 0.9


@given(presence=st.floats(0.5, SURE))
def test_the_less_sure_the_landmarks_are_the_more_it_looks_covered(presence: float) -> None:
    frame = drawn_face(mouth=True)

    assert covered(frame, landmarks(presence)) >= covered(frame, landmarks())


@given(light=st.floats(0.5, 1.2))
def test_light_alone_covers_nothing(light: float) -> None:
    frame = np.asarray(np.clip(drawn_face(mouth=True) * light, 0, 255), np.uint8)

    assert covered(frame, landmarks()) < 0.1


def test_points_in_one_place_tell_nothing() -> None:
    nowhere = Landmarks(np.zeros((468, 3), np.float32), 0.99)

    assert cover_measures(drawn_face(mouth=True), nowhere) is None
    assert covered(drawn_face(mouth=True), nowhere) == 0.0


@given(x=st.floats(-3000, 3000), y=st.floats(-3000, 3000))
def test_a_face_outside_the_picture_is_measured_without_an_error(x: float, y: float) -> None:
    points = Landmarks(at(head(), x, y), SURE)

    assert 0.0 <= covered(drawn_face(mouth=True), points) <= 1.0


@pytest.mark.parametrize("constant", [-1e6, 1e6])
def test_no_weight_makes_it_overflow(constant: float) -> None:
    far = covered(drawn_face(mouth=True), landmarks(), replace(WEIGHTS, constant=constant))

    assert far == pytest.approx(float(constant > 0), abs=1e-6)
