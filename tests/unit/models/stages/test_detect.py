"""Letterbox, anchors, decoding and merging do what BlazeFace's outputs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import FrameError
from models.stages.detect import (
    FaceDetector,
    iou_with_first,
    lay_anchors,
    letterbox,
    merge_overlapping,
)
from models.store import ModelCard, default_store
from tests.fakes.sessions import FixedSession

if TYPE_CHECKING:
    from models.runtime import FloatArray

SIDES = st.integers(1, 4000)
CORNERS = st.tuples(
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0.5, 60),
    st.floats(0.5, 60),
    st.floats(0.125, 1, width=32),
)


def boxes(drawn: list[tuple[float, float, float, float, float]]) -> tuple[FloatArray, FloatArray]:
    rows = [[[x, y], [x + w, y + h]] for x, y, w, h, _ in drawn]
    return np.array(rows, np.float32), np.array([row[-1] for row in drawn], np.float32)


@given(SIDES, SIDES, st.integers(8, 256), st.integers(8, 256))
def test_letterbox_centres_the_whole_frame(
    frame_width: int, frame_height: int, width: int, height: int
) -> None:
    to_frame = letterbox(frame_width, frame_height, width, height)
    left, top = to_frame @ [0, 0, 1]
    right, bottom = to_frame @ [width, height, 1]

    assert (left + right) / 2 == pytest.approx(frame_width / 2)
    assert (top + bottom) / 2 == pytest.approx(frame_height / 2)
    assert to_frame[0, 0] == to_frame[1, 1]
    assert min(left, top) == pytest.approx(min(left, top, 0), abs=1e-6)
    assert right - left == pytest.approx(frame_width) or bottom - top == pytest.approx(frame_height)


@pytest.mark.parametrize(
    ("reference", "count", "first", "last"),
    [
        ("blazeface-full-range", 2304, (2, 2), (190, 190)),
        ("blazeface-short-range", 896, (4, 4), (120, 120)),
    ],
)
def test_anchors_are_cell_centres(
    reference: str, count: int, first: tuple[float, float], last: tuple[float, float]
) -> None:
    card, _ = default_store().find(reference)
    assert card.detector is not None

    anchors = lay_anchors(card.input, card.detector)

    assert anchors.shape == (count, 2)
    assert tuple(anchors[0]) == first
    assert tuple(anchors[-1]) == last


@given(st.lists(CORNERS, min_size=1, max_size=12))
def test_merging_keeps_the_surest_and_leaves_nothing_overlapping_it(
    drawn: list[tuple[float, float, float, float, float]],
) -> None:
    points, scores = boxes(drawn)

    merged, kept = merge_overlapping(points, scores, 0.3)

    assert 1 <= len(merged) <= len(points)
    assert kept[0] == scores.max()
    assert list(kept) == sorted(kept, reverse=True)
    assert points.min() - 1e-3 <= merged.min() <= merged.max() <= points.max() + 1e-3


@given(st.lists(CORNERS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_the_order(
    drawn: list[tuple[float, float, float, float, float]], random: np.random.Generator
) -> None:
    distinct = list({row[-1]: row for row in drawn}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)

    one, _ = merge_overlapping(*boxes(distinct), 0.3)
    other, _ = merge_overlapping(*boxes(shuffled), 0.3)

    np.testing.assert_allclose(one, other, atol=1e-3)


@given(st.lists(CORNERS, min_size=1, max_size=12))
def test_overlap_is_a_share_and_full_with_itself(
    drawn: list[tuple[float, float, float, float, float]],
) -> None:
    points, _ = boxes(drawn)

    overlap = iou_with_first(points)

    assert overlap[0] == pytest.approx(1, abs=1e-4)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-4)).all()


def test_overlapping_boxes_become_their_weighted_mean() -> None:
    points = np.array([[[0, 0], [10, 10]], [[2, 0], [12, 10]], [[50, 50], [60, 60]]], np.float32)
    scores = np.array([0.9, 0.6, 0.7], np.float32)

    merged, kept = merge_overlapping(points, scores, 0.3)

    np.testing.assert_allclose(merged[0], [[0.8, 0], [10.8, 10]], atol=1e-5)
    np.testing.assert_allclose(merged[1], points[2])
    np.testing.assert_allclose(kept, [0.9, 0.7])


@pytest.fixture
def card() -> ModelCard:
    return default_store().find("blazeface-full-range")[0]


def outputs(*faces: tuple[int, float]) -> tuple[FloatArray, FloatArray]:
    """Raw outputs with a 48 px box centred on each given anchor, keypoints on its centre."""
    raw = np.zeros((1, 2304, 16), np.float32)
    logits = np.full((1, 2304, 1), -50, np.float32)
    for anchor, logit in faces:
        raw[0, anchor, 2:4] = 48
        logits[0, anchor, 0] = logit
    return raw, logits


def test_raw_outputs_become_frame_pixels(card: ModelCard) -> None:
    session = FixedSession(outputs((24 * 48 + 24, 3.0)))
    frame = np.zeros((480, 640, 3), np.uint8)

    (face,) = FaceDetector(card, session).detect(frame)

    scale = 640 / 192
    centre = (98 * scale, 98 * scale - 80)
    expected = (centre[0] - 24 * scale, centre[1] - 24 * scale, 48 * scale, 48 * scale)
    assert face.box_px == pytest.approx(expected, abs=0.01)
    np.testing.assert_allclose(face.keypoints_px, [centre] * 6, atol=0.01)
    assert face.score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-6)


@pytest.mark.parametrize("logit", [1e4, np.inf])
def test_extreme_scores_stay_scores(card: ModelCard, logit: float) -> None:
    (face,) = FaceDetector(card, FixedSession(outputs((0, logit)))).detect(
        np.zeros((192, 192, 3), np.uint8)
    )

    assert face.score == 1.0


def test_no_face_is_an_empty_list(card: ModelCard) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)

    assert FaceDetector(card, FixedSession(outputs())).detect(frame) == []


def test_own_limit_replaces_the_cards(card: ModelCard) -> None:
    frame = np.zeros((192, 192, 3), np.uint8)
    session = FixedSession(outputs((0, 0.2)))

    assert len(FaceDetector(card, session, min_score=0.5).detect(frame)) == 1
    assert FaceDetector(card, session, min_score=0.6).detect(frame) == []


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_is_not_a_picture_is_refused(card: ModelCard, frame: FloatArray) -> None:
    with pytest.raises(FrameError):
        FaceDetector(card, FixedSession(outputs())).detect(frame)  # type: ignore[arg-type]
