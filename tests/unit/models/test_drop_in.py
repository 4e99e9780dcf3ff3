"""A network that the project never heard of: a card and a file in a folder, and nothing else.

MobileFaceNet y1 (non-commercial) is only ever read from ../shared; its card is written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.service.matching import Matcher
from models.service.schemas import BatchMatchRequest
from models.stages.match import Gallery
from models.store import ModelStore, default_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.stages.images import BGRImage, FloatVector

# Alignment: the five reference points of ArcFace at 112x112. Scale: where as many pairs of
# different people of lfw-dev are nearer as with dlib-resnet-v1 at the distance on the right.
CARD = """
id = "mobilefacenet-y1"
role = "embedder"
title = "InsightFace MobileFaceNet y1"
licence = "LicenseRef-InsightFace-non-commercial"
source = "InsightFace, converted to TFLite; for comparison only"
outputs = [[128]]

[[files]]
variant = "float32"
name = "mobilefacenet_insightface_y1.tflite"
sha256 = "83b5245fc21e66002d497c377bf0904d3b6ca4dafbbd55cb2c98ed3711285c23"
size_bytes = 4023980

[input]
width_px = 112
height_px = 112
channels = "RGB"
mean = [0.0, 0.0, 0.0]
scale = [1.0, 1.0, 1.0]

[alignment]
mesh_points = [[33, 133, 159, 145], [362, 263, 386, 374], [1], [61], [291]]
targets_px = [
    [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
    [41.5493, 92.3655], [70.7299, 92.2041],
]

[matching]
metric = "cosine"
confident = 0.50
uncertain = 0.60
scale = [[0.0, 0.0], [0.574, 0.45], [0.634, 0.50], [0.690, 0.55], [0.747, 0.60], [1.183, 1.00]]
"""


@pytest.fixture(scope="module")
def store(
    shared_models: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory
) -> ModelStore:
    """The shipped models, and a folder with the card beside its file."""
    folder = tmp_path_factory.mktemp("dropped")
    (folder / "mobilefacenet-y1.toml").write_text(CARD, "utf-8")
    (folder / "mobilefacenet_insightface_y1.tflite").symlink_to(
        shared_models / "mobilefacenet_insightface_y1.tflite"
    )
    shipped = default_store()
    return ModelStore(shipped.cards_folder, (*shipped.folders, folder))


@pytest.fixture(scope="module")
def pipeline(store: ModelStore) -> FacePipeline:
    return FacePipeline.open(store, PipelineSettings(embedder="mobilefacenet-y1"))


@pytest.fixture(scope="module")
def people(pipeline: FacePipeline, shared_faces: Path) -> dict[str, list[FloatVector]]:
    """Embeddings of everybody in photos/people, out of the pictures that show them alone."""
    folders = sorted((shared_faces / "photos" / "people").iterdir())
    seen = {
        folder.name: [pipeline.analyse(read(path)) for path in sorted(folder.iterdir())]
        for folder in folders
    }
    return {
        name: [faces[0].embedding for faces in pictures if len(faces) == 1]
        for name, pictures in seen.items()
    }


def read(path: Path) -> BGRImage:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)


def test_the_store_knows_it_by_its_own_card(store: ModelStore) -> None:
    card, file = store.find("mobilefacenet-y1")

    assert (card.dimension, file.variant) == (128, "float32")
    assert store.load("mobilefacenet-y1-float32").file is file


def test_the_gallery_tells_people_apart_on_the_common_scale(
    store: ModelStore, people: dict[str, list[FloatVector]]
) -> None:
    card, _ = store.find("mobilefacenet-y1")
    assert card.matching is not None
    gallery = Gallery.build(
        list(people),
        np.stack([embeddings[0] for embeddings in people.values()]),
        card.id,
        metric=card.matching.metric,
        scale=card.matching.on_common_scale,
    )
    found = {name: gallery.search(embeddings[-1]) for name, embeddings in people.items()}

    assert len(people) == 5
    assert {name: one.person_id for name, one in found.items()} == {name: name for name in people}
    assert max(one.distance for one in found.values()) < card.matching.confident
    assert min(one.second_distance for one in found.values()) > card.matching.uncertain


def test_the_service_matches_with_it(
    store: ModelStore, people: dict[str, list[FloatVector]]
) -> None:
    matcher = Matcher.for_card(store.find("mobilefacenet-y1")[0])
    request = BatchMatchRequest.model_validate(
        {
            "detected_faces": [
                {"face_index": number, "embedding": embeddings[-1].tolist()}
                for number, embeddings in enumerate(people.values())
            ],
            "candidate_embeddings": [
                {"student_id": name, "embeddings": [embeddings[0].tolist()]}
                for name, embeddings in people.items()
            ],
        }
    )

    matches = matcher.batch_match(request).matches

    assert [match.student_id for match in matches] == list(people)
    assert {match.certainty for match in matches} == {"confident"}


def test_a_card_whose_name_is_taken_is_refused(store: ModelStore, tmp_path: Path) -> None:
    taken = CARD.replace("mobilefacenet-y1", "dlib-resnet-v1")
    (tmp_path / "other.toml").write_text(taken, "utf-8")

    with pytest.raises(Exception, match=r"other\.toml takes a name that another card has"):
        ModelStore(store.cards_folder, (tmp_path,)).find("dlib-resnet-v1")
