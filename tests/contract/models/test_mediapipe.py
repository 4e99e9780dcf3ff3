"""Detector and landmarks give what MediaPipe's own solutions give on the same pictures.

Tolerances: boxes and keypoints within 0.5 % of the face's width, scores within 0.01, mesh points
within 1 % of the face's width (largest of 468). What differs is the resampling's last bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.runtime import open_session
from models.stages.detect import Detection, FaceDetector
from models.stages.landmarks import FaceLandmarker
from models.store import default_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.stages.images import BGRImage, FloatArray

mediapipe = pytest.importorskip("mediapipe", reason="mediapipe has no wheel for this Python")

# MediaPipe's full-range graph keeps its own limit of 0.6 whatever it is asked for.
SOLUTIONS = [("blazeface-short-range", 0, 0.5), ("blazeface-full-range", 1, 0.6)]
PHOTOS = [
    *("person-1-a.jpg", "person-1-b.jpg", "person-1-c.jpg", "person-1-b-alpha.png"),
    *("person-1-left-half.jpg", "person-1-right-half.jpg"),
    *("person-2-a.jpg", "person-3-a.jpg", "person-4-a.png"),
]


@pytest.fixture(params=PHOTOS)
def photo(request: pytest.FixtureRequest, assets: Path) -> BGRImage:
    return read(assets / "photos" / request.param)


def read(path: Path) -> BGRImage:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def detector(reference: str, min_score: float) -> FaceDetector:
    model = default_store().load(reference)
    return FaceDetector(model.card, open_session(model), min_score=min_score)


def oracle_detections(picture: BGRImage, selection: int) -> list[Detection]:
    """MediaPipe's face detection, in our terms, surest first."""
    height, width = picture.shape[:2]
    with mediapipe.solutions.face_detection.FaceDetection(
        model_selection=selection, min_detection_confidence=0.5
    ) as solution:
        found = solution.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).detections or []
    faces = []
    for one in found:
        box = one.location_data.relative_bounding_box
        keypoints = [[p.x * width, p.y * height] for p in one.location_data.relative_keypoints]
        box_px = (box.xmin * width, box.ymin * height, box.width * width, box.height * height)
        faces.append(Detection(box_px, np.array(keypoints, np.float32), one.score[0]))
    return sorted(faces, key=lambda face: face.score, reverse=True)


def assert_same(ours: list[Detection], theirs: list[Detection]) -> None:
    assert len(ours) == len(theirs) > 0
    for our, their in zip(ours, theirs, strict=True):
        tolerance_px = 0.005 * their.box_px[2]
        np.testing.assert_allclose(our.box_px, their.box_px, atol=tolerance_px)
        np.testing.assert_allclose(our.keypoints_px, their.keypoints_px, atol=tolerance_px)
        assert our.score == pytest.approx(their.score, abs=0.01)


@pytest.mark.parametrize(("reference", "selection", "min_score"), SOLUTIONS)
def test_detector_agrees_with_mediapipe(
    photo: BGRImage, reference: str, selection: int, min_score: float
) -> None:
    assert_same(detector(reference, min_score).detect(photo), oracle_detections(photo, selection))


@pytest.mark.parametrize(
    "group", ["group_011_3.jpg", "group_015_6.jpg", "group_coral.jpg", "kit_with_rose.jpg"]
)
def test_detector_agrees_with_mediapipe_on_groups(shared_faces: Path, group: str) -> None:
    picture = read(shared_faces / "photos" / group)

    ours = detector("blazeface-full-range", 0.6).detect(picture)

    assert_same(ours, oracle_detections(picture, 1))


def test_landmarks_agree_with_mediapipe(photo: BGRImage) -> None:
    """MediaPipe's mesh crops by its short-range detector, so ours does here too."""
    model = default_store().load("face-mesh")
    face = detector("blazeface-short-range", 0.5).detect(photo)[0]

    ours = FaceLandmarker(model.card, open_session(model)).landmarks(photo, face)

    theirs = oracle_mesh(photo)
    assert ours is not None
    tolerance_px = 0.01 * np.ptp(theirs[:, 0])
    np.testing.assert_allclose(ours.points_px, theirs, atol=tolerance_px)


def oracle_mesh(picture: BGRImage) -> FloatArray:
    height, width = picture.shape[:2]
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True) as solution:
        (found,) = solution.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_face_landmarks
    points = [[p.x * width, p.y * height, p.z * width] for p in found.landmark]
    return np.array(points, np.float32)
