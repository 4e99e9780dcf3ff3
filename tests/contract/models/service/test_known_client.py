"""The plan's document as a client: its settings, its calls, and the types it computes with.

Every answer is read strictly: a field of another type or shape fails. Fields of ours may be added.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import pytest
import requests
from pydantic import BaseModel, ConfigDict, Field

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration
KEY = "a-key-for-the-known-client"
Embedding = Annotated[list[float], Field(min_length=128, max_length=128)]


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Location(_Answer):
    top: int
    right: int
    bottom: int
    left: int


class EncodeMetadata(_Answer):
    face_area_ratio: float
    image_dimensions: tuple[int, int]
    is_live: bool | None
    is_live_reason: str


class Encoded(_Answer):
    success: Literal[True]
    embedding: Embedding
    face_location: Location
    metadata: EncodeMetadata


class Failed(_Answer):
    success: Literal[False]
    error: str
    error_code: str


class Face(_Answer):
    embedding: Embedding
    location: Location
    face_area_ratio: float
    is_live: bool | None
    is_live_reason: str


class DetectMetadata(_Answer):
    image_dimensions: tuple[int, int]
    processing_time_ms: float


class Detected(_Answer):
    success: Literal[True]
    faces: list[Face]
    count: int
    metadata: DetectMetadata


class Match(_Answer):
    student_id: str | None
    distance: float
    confidence: float
    status: Literal["confident", "uncertain", "no_match"]


class StudentDistance(_Answer):
    student_id: str
    min_distance: float


class Matched(_Answer):
    success: Literal[True]
    match: Match
    all_distances: list[StudentDistance] | None


class FaceMatch(_Answer):
    face_index: int
    student_id: str | None
    distance: float
    status: Literal["present", "unknown"]


class BatchMatched(_Answer):
    success: Literal[True]
    matches: list[FaceMatch]


class Health(_Answer):
    status: Literal["healthy"]
    service: str
    version: str
    models_loaded: bool
    uptime_seconds: float
    timestamp: str


@pytest.fixture(scope="module")
def url(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service, set up under the plan's names."""
    del assets
    port = free_port()
    env = {
        "ML_API_KEY": KEY,
        "PORT": str(port),
        "ML_MODEL": "hog",
        "ML_NUM_JITTERS": "1",
        "ML_CONFIDENT_THRESHOLD": "0.5",
        "ML_UNCERTAIN_THRESHOLD": "0.6",
        "ROLLCALL_ML_MATCH_KEYS": KEY,
        "ROLLCALL_ML_WORKERS": "1",
    }
    args = [str(BIN / "rollcall-ml")]
    log = tmp_path_factory.mktemp("ml") / "ml.log"
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)):
        yield f"http://127.0.0.1:{port}"


def call(url: str, path: str, body: dict[str, Any]) -> bytes:
    answer = requests.post(
        f"{url}/api/ml/{path}", json=body, headers={"X-API-Key": KEY}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.fixture(scope="module")
def photos(assets: Path) -> dict[str, str]:
    found = {path.stem: path.read_bytes() for path in assets.rglob("person-*.jpg")}
    if "person-2-a" not in found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return {name: base64.b64encode(content).decode() for name, content in found.items()}


def pixels(photo: str) -> Any:
    return cv2.imdecode(np.frombuffer(base64.b64decode(photo), np.uint8), cv2.IMREAD_COLOR)


def jpeg(picture: Any) -> str:
    return base64.b64encode(cv2.imencode(".jpg", picture)[1].tobytes()).decode()


def encode(url: str, photo: str) -> Encoded:
    body = {
        "image_base64": photo,
        "validate_single": True,
        "min_face_area_ratio": 0.05,
        "num_jitters": 5,
    }
    return Encoded.model_validate_json(call(url, "encode-face", body))


def test_encode_face_gives_width_then_height(url: str, photos: dict[str, str]) -> None:
    height, width = pixels(photos["person-1-a"]).shape[:2]

    found = encode(url, photos["person-1-a"])

    assert width != height
    assert found.metadata.image_dimensions == (width, height)
    assert found.metadata.is_live is None
    assert found.metadata.is_live_reason == "ONE_PICTURE"
    assert 0 <= found.face_location.left < found.face_location.right <= width


def test_refused_pictures_have_the_plans_codes(url: str, photos: dict[str, str]) -> None:
    one = pixels(photos["person-1-a"])
    pictures = {
        "NO_FACE_FOUND": np.full_like(one, 128),
        "MULTIPLE_FACES_FOUND": np.hstack([one] * 2),
    }

    codes = {
        Failed.model_validate_json(
            call(url, "encode-face", {"image_base64": jpeg(each)})
        ).error_code
        for each in pictures.values()
    }

    assert codes == set(pictures)


def test_detect_faces(url: str, photos: dict[str, str]) -> None:
    body = {
        "image_base64": photos["person-2-a"],
        "min_face_area_ratio": 0.01,
        "num_jitters": 1,
        "model": "hog",
    }
    found = Detected.model_validate_json(call(url, "detect-faces", body))
    plain = call(url, "detect-faces", {"image_base64": photos["person-2-a"]})

    height, width = pixels(photos["person-2-a"]).shape[:2]
    assert found.count == len(found.faces) == 1
    assert found.metadata.image_dimensions == (width, height)
    assert Detected.model_validate_json(plain).faces == found.faces, "the settings' defaults hold"


def match(url: str, query: list[float], candidates: list[dict[str, Any]], **more: Any) -> Matched:
    body = {"query_embedding": query, "candidate_embeddings": candidates, **more}
    return Matched.model_validate_json(call(url, "match-faces", body))


def test_match_faces(url: str, photos: dict[str, str]) -> None:
    own, again, other = (
        encode(url, photos[name]).embedding for name in ("person-1-a", "person-1-b", "person-2-a")
    )
    roster = [
        {"student_id": "one", "embeddings": [own]},
        {"student_id": "two", "embeddings": [other]},
    ]

    found = match(url, again, roster, threshold=0.6, return_all_distances=True)
    nobody = match(url, again, roster[1:])

    assert (found.match.student_id, found.match.status) == ("one", "confident")
    assert found.all_distances is not None
    assert [row.student_id for row in found.all_distances] == ["one", "two"]
    assert (nobody.match.student_id, nobody.match.status) == (None, "no_match")
    assert nobody.all_distances is None


@pytest.mark.parametrize("candidates", [[], [{"student_id": "one", "embeddings": []}]])
def test_without_candidates_the_distance_is_still_a_number(
    url: str, candidates: list[dict[str, Any]]
) -> None:
    row = [0.1] * 128
    body = {"detected_faces": [{"embedding": row}], "candidate_embeddings": candidates}

    one = match(url, row, candidates).match
    (of_photo,) = BatchMatched.model_validate_json(call(url, "batch-match", body)).matches

    assert (one.distance, one.confidence) == (2.0, 0.0)
    assert (of_photo.distance, of_photo.status, of_photo.student_id) == (2.0, "unknown", None)


def test_batch_match_honours_faces_that_are_not_live(url: str, photos: dict[str, str]) -> None:
    own = encode(url, photos["person-1-a"]).embedding
    again = encode(url, photos["person-1-b"]).embedding
    body = {
        "detected_faces": [{"embedding": own, "is_live": False}, {"embedding": again}],
        "candidate_embeddings": [{"student_id": "one", "embeddings": [own]}],
        "confident_threshold": 0.5,
        "uncertain_threshold": 0.6,
    }

    found = BatchMatched.model_validate_json(call(url, "batch-match", body)).matches

    assert [(one.face_index, one.student_id, one.status) for one in found] == [
        (0, None, "unknown"),
        (1, "one", "present"),
    ]


def test_health_has_the_time(url: str) -> None:
    found = Health.model_validate_json(requests.get(f"{url}/health", timeout=10).content)

    age = datetime.now(UTC) - datetime.fromisoformat(found.timestamp)
    assert abs(age) < timedelta(minutes=1)
    assert found.models_loaded is True


def test_root_names_the_service(url: str) -> None:
    found = requests.get(f"{url}/", timeout=10).json()

    assert found["service"] == "rollcall-ml"
    assert requests.get(f"{url}{found['docs']}", timeout=10).status_code == 200
    assert requests.get(f"{url}{found['health']}", timeout=10).status_code == 200
