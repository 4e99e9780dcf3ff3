"""The pipeline tells people on real photos apart, in every variant and runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.errors import UnknownModelError
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.match import Gallery
from models.store import default_store
from scripts.assets.samples import people

if TYPE_CHECKING:
    from pathlib import Path

    from models.pipeline import FaceObservation
    from models.runtime import RuntimeName
    from models.stages.images import BGRImage

VARIANTS: list[tuple[str, RuntimeName]] = [
    ("dlib-resnet-v1-float16", "tflite"),
    ("dlib-resnet-v1-float16", "litert"),
    ("dlib-resnet-v1-int8", "tflite"),
    ("dlib-resnet-v1-int8", "litert"),
]


def read(path: Path) -> BGRImage:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def only_face(pipeline: FacePipeline, path: Path) -> FaceObservation:
    (face,) = pipeline.analyse(read(path))
    return face


@pytest.mark.parametrize(("embedder", "runtime"), VARIANTS)
def test_recognises_people_in_other_photos_and_no_stranger(
    assets: Path, embedder: str, runtime: RuntimeName
) -> None:
    pipeline = FacePipeline.open(
        default_store(), PipelineSettings(embedder=embedder, runtime=runtime)
    )
    crowd = people(assets)
    enrolled = [(who.id, only_face(pipeline, photo)) for who in crowd for photo in who.enrol]
    card = pipeline.embedder_card
    gallery = Gallery.build(
        [name for name, _ in enrolled],
        np.stack([face.embedding for _, face in enrolled]),
        card.id,
    )
    assert card.matching is not None

    for who in crowd:
        for photo in who.appear:
            found = gallery.search(only_face(pipeline, photo).embedding)
            assert (found.distance < card.matching.uncertain) is not who.is_stranger
            assert (found.person_id == who.id) is not who.is_stranger


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> FacePipeline:
    assert assets.is_dir()
    return FacePipeline.open(default_store(), PipelineSettings(embedder="dlib-resnet-v1"))


def test_analyse_is_its_steps_largest_face_first(pipeline: FacePipeline, assets: Path) -> None:
    large, small = (read(assets / "photos" / name) for name in ("person-3-a.jpg", "person-4-a.png"))
    frame = np.zeros((600, 1024, 3), np.uint8)
    frame[:512, :512] = small
    frame[:, 512:] = large

    faces = pipeline.analyse(frame)

    assert [face.detection.box_px[0] > 512 for face in faces] == [True, False]
    landmarks = pipeline.landmarks(frame, faces[0].detection)
    assert landmarks is not None
    np.testing.assert_array_equal(faces[0].landmarks.points_px, landmarks.points_px)
    np.testing.assert_array_equal(faces[0].embedding, pipeline.embed(frame, landmarks))


def test_nobody_is_an_empty_list(pipeline: FacePipeline) -> None:
    assert pipeline.analyse(np.full((480, 640, 3), 127, np.uint8)) == []


def test_the_frame_is_not_changed(pipeline: FacePipeline, assets: Path) -> None:
    frame = read(assets / "photos" / "person-4-a.png")
    before = frame.copy()

    pipeline.analyse(frame)

    np.testing.assert_array_equal(frame, before)


def test_templates_carry_the_networks_id_whatever_its_variant(pipeline: FacePipeline) -> None:
    assert pipeline.embedder_card.id == "dlib-resnet-v1"
    assert pipeline.embedder_card.dimension == 128
    assert pipeline.embedder_file in pipeline.embedder_card.files


@pytest.mark.parametrize("near", [None, "blazeface-short-range"])
def test_works_with_and_without_a_near_detector(assets: Path, near: str | None) -> None:
    settings = PipelineSettings(near_detector=near)

    faces = FacePipeline.open(default_store(), settings).analyse(
        read(assets / "photos" / "person-2-a.jpg")
    )

    assert len(faces) == 1


@pytest.mark.parametrize("field", ["detector", "near_detector", "landmarks", "embedder"])
def test_an_unknown_model_is_refused_when_opening(field: str) -> None:
    with pytest.raises(UnknownModelError, match="nonsense"):
        FacePipeline.open(default_store(), PipelineSettings(**{field: "nonsense"}))  # type: ignore[arg-type]
