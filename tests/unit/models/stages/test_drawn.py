"""Drawn faces are told from photographed ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.drawn import is_drawn, measure_shading
from models.stages.landmarks import Landmarks
from models.store import default_store
from scripts.bench.drawings import HELD_BACK_STYLES, STYLES, drawing

if TYPE_CHECKING:
    from pathlib import Path

    from models.stages.images import BGRImage

Photo = Callable[[str], "BGRImage"]
PORTRAITS = ["person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg"]


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> FacePipeline:
    del assets
    return FacePipeline.open(default_store(), PipelineSettings())


def _looks_real(pipeline: FacePipeline, picture: BGRImage) -> bool:
    found = (pipeline.landmarks(picture, face) for face in pipeline.detect(picture))
    return any(face is not None and not is_drawn(picture, face) for face in found)


def test_at_least_45_of_50_drawings_are_seen_as_drawn(pipeline: FacePipeline) -> None:
    styles = [*STYLES, *HELD_BACK_STYLES]
    pictures = [drawing(styles[number % len(styles)], 500 + number) for number in range(50)]

    assert sum(_looks_real(pipeline, picture) for picture in pictures) <= 5


@pytest.mark.parametrize("style", [*STYLES, *HELD_BACK_STYLES])
def test_a_drawing_is_always_the_same(style: str) -> None:
    assert np.array_equal(drawing(style, 7), drawing(style, 7))
    assert not np.array_equal(drawing(style, 7), drawing(style, 8))


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0, 2.0])
def test_a_portrait_is_no_drawing_at_any_size(
    pipeline: FacePipeline, photo: Photo, name: str, scale: float
) -> None:
    picture = np.asarray(cv2.resize(photo(name), None, fx=scale, fy=scale), np.uint8)

    assert _looks_real(pipeline, picture)


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_compressed_dark_portrait_is_no_drawing(
    pipeline: FacePipeline, photo: Photo, name: str
) -> None:
    dark = np.asarray(photo(name) * 0.5, np.uint8)
    data = cv2.imencode(".jpg", dark, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]

    assert _looks_real(pipeline, np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8))


@pytest.mark.parametrize("offset", [-10_000.0, 10_000.0])
def test_a_face_outside_the_picture_has_no_shading(offset: float) -> None:
    points = np.random.default_rng(1).normal(offset, 50, (468, 3)).astype(np.float32)

    found = measure_shading(np.zeros((100, 100, 3), np.uint8), Landmarks(points, 1.0))

    assert (found.slope, found.relief) == (0.0, 0.0)


def test_brightness_and_contrast_do_not_change_the_shading(
    pipeline: FacePipeline, photo: Photo
) -> None:
    picture = photo("person-1-a.jpg")
    landmarks = pipeline.landmarks(picture, pipeline.detect(picture)[0])
    assert landmarks is not None

    usual = measure_shading(picture, landmarks)
    pale = measure_shading(np.asarray(picture * 0.5 + 60, np.uint8), landmarks)

    assert pale.slope == pytest.approx(usual.slope, rel=0.1)
    assert pale.relief == pytest.approx(usual.relief, rel=0.1)
