"""SD3 and SD4 on real pictures, in process."""

import base64
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from models.service.config import Settings
from models.service.variations import MIDDLE_POINTS, MIRRORED_POINTS, mirrored
from models.stages.landmarks import Landmarks
from models.store import default_store
from tests.unit.models.service.conftest import as_base64

Photo = Callable[[str], NDArray[np.uint8]]
NOISE = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
JPEG = base64.b64decode(as_base64(NOISE))


def _encode(client: TestClient, image: str, **options: object) -> dict[str, object]:
    answer = client.post("/api/ml/encode-face", json={"image_base64": image, **options})
    assert answer.status_code == 200
    body: dict[str, object] = answer.json()
    return body


def _embedding(client: TestClient, image: str, **options: object) -> NDArray[np.float64]:
    return np.array(_encode(client, image, **options)["embedding"], dtype=np.float64)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_a_portrait_gives_one_face_inside_the_picture(
    client: TestClient, photo: Photo, extension: str
) -> None:
    picture = photo("person-1-a.jpg")
    height, width = picture.shape[:2]

    body = client.post(
        "/api/ml/encode-face", json={"image_base64": as_base64(picture, extension)}
    ).json()

    box = body["face_location"]
    assert body["success"] is True
    assert len(body["embedding"]) == 128
    assert 0 <= box["left"] < box["right"] <= width
    assert 0 <= box["top"] < box["bottom"] <= height
    assert body["metadata"]["image_dimensions"] == [width, height]
    assert body["metadata"]["model_id"] == "dlib-resnet-v1"
    assert 0.05 < body["metadata"]["face_area_ratio"] < 0.15
    assert body["metadata"]["quality"]["presence"] > 0.9
    assert body["metadata"]["quality"]["reasons"] == []


def test_a_blurred_dark_portrait_is_encoded_with_its_faults_named(
    client: TestClient, photo: Photo
) -> None:
    picture = cv2.GaussianBlur(photo("person-1-a.jpg"), (0, 0), 12) // 4

    body = _encode(client, as_base64(np.asarray(picture, dtype=np.uint8)))

    assert body["metadata"]["quality"]["reasons"] == ["TOO_BLURRED", "TOO_DARK"]  # type: ignore[index]


def test_a_bystander_far_behind_does_not_count(client: TestClient, photo: Photo) -> None:
    picture = np.zeros((1137, 1820, 3), dtype=np.uint8)
    picture[:, :910] = photo("person-1-a.jpg")
    picture[:568, 1000:1455] = cv2.resize(photo("person-1-a.jpg"), (455, 568))

    detected = client.post("/api/ml/detect-faces", json={"image_base64": as_base64(picture)}).json()

    assert detected["count"] == 2
    assert _encode(client, as_base64(picture))["success"] is True


def test_one_person_is_near_and_two_are_far(client: TestClient, photo: Photo) -> None:
    first, again, other = (
        _embedding(client, as_base64(photo(name)))
        for name in ("person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg")
    )

    assert np.linalg.norm(first - again) < 0.5
    assert np.linalg.norm(first - other) > 0.6


def test_views_are_counted_capped_and_stay_one_person(client: TestClient, photo: Photo) -> None:
    image = as_base64(photo("person-1-a.jpg"))

    plain = _embedding(client, image, num_jitters=0)
    many = _encode(client, image, num_jitters=100)

    assert many["metadata"]["num_jitters"] == 10  # type: ignore[index]
    assert 0.0 < np.linalg.norm(np.array(many["embedding"]) - plain) < 0.3
    np.testing.assert_array_equal(plain, _embedding(client, image, num_jitters=1))


@pytest.mark.parametrize("views", [1, 2, 3, 10])
def test_embeddings_have_the_length_that_the_limits_are_for(
    client: TestClient, photo: Photo, views: int
) -> None:
    matching = default_store().cards["dlib-resnet-v1"].matching
    assert matching is not None

    image = as_base64(photo("person-1-a.jpg"))
    encoded = _embedding(client, image, num_jitters=views)
    body = {"image_base64": image, "num_jitters": views}
    (face,) = client.post("/api/ml/detect-faces", json=body).json()["faces"]

    lengths = [np.linalg.norm(encoded), np.linalg.norm(face["embedding"])]
    np.testing.assert_allclose(lengths, matching.length, rtol=1e-5)


def test_a_mirrored_photo_gives_the_same_embedding_with_two_views(
    client: TestClient, photo: Photo
) -> None:
    picture = photo("person-1-a.jpg")
    mirror = np.ascontiguousarray(picture[:, ::-1])

    one = _embedding(client, as_base64(picture, ".png"), num_jitters=2)
    other = _embedding(client, as_base64(mirror, ".png"), num_jitters=2)

    assert np.linalg.norm(one - other) < 0.1


def test_two_faces_are_refused_unless_the_largest_may_count(
    client: TestClient, photo: Photo
) -> None:
    small = cv2.resize(photo("person-2-a.jpg"), (485, 1102))
    pair = np.zeros((1137, 910 + 485, 3), dtype=np.uint8)
    pair[:, :910] = photo("person-1-a.jpg")
    pair[:1102, 910:] = small
    image = as_base64(pair)

    assert _encode(client, image)["error_code"] == "MULTIPLE_FACES_FOUND"
    largest = _embedding(client, image, validate_single=False)
    alone = _embedding(client, as_base64(photo("person-1-a.jpg")))
    assert np.linalg.norm(largest - alone) < 0.2


def test_detect_gives_every_face_largest_first(client: TestClient, photo: Photo) -> None:
    pair = np.zeros((1137, 1820, 3), dtype=np.uint8)
    pair[:, :910] = photo("person-1-a.jpg")
    pair[:568, 1000:1455] = cv2.resize(photo("person-1-a.jpg"), (455, 568))
    image = as_base64(pair)

    body = client.post("/api/ml/detect-faces", json={"image_base64": image}).json()
    ratios = [face["face_area_ratio"] for face in body["faces"]]
    strict = client.post(
        "/api/ml/detect-faces",
        json={"image_base64": image, "min_face_area_ratio": (ratios[0] + ratios[1]) / 2},
    ).json()

    assert body["count"] == len(body["faces"]) == 2
    assert ratios == sorted(ratios, reverse=True)
    assert all(len(face["embedding"]) == 128 for face in body["faces"])
    assert body["metadata"]["processing_time_ms"] > 0
    assert strict["count"] == 1


@pytest.mark.parametrize("model", ["hog", "cnn", "full", "thorough", "near"])
def test_every_detector_finds_a_portrait(client: TestClient, photo: Photo, model: str) -> None:
    body = {"image_base64": as_base64(photo("person-1-a.jpg")), "model": model}

    assert client.post("/api/ml/detect-faces", json=body).json()["count"] == 1


def test_a_thorough_look_finds_the_small_faces_that_one_look_misses(
    client: TestClient, photo: Photo
) -> None:
    picture = np.full((1400, 2000, 3), 128, dtype=np.uint8)
    picture[100:441, 100:373] = cv2.resize(photo("person-1-a.jpg"), (273, 341))
    picture[900:1241, 1500:1773] = cv2.resize(photo("person-1-a.jpg"), (273, 341))
    body = {"image_base64": as_base64(picture)}

    once = client.post("/api/ml/detect-faces", json={**body, "model": "hog"}).json()
    again = client.post("/api/ml/detect-faces", json={**body, "model": "cnn"}).json()

    assert (once["count"], again["count"]) == (0, 2)
    first, second = (np.array(face["embedding"]) for face in again["faces"])
    assert np.linalg.norm(first - second) < 0.2


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("group_000_5.jpg", 5),
        ("group_010_2.jpg", 2),
        ("group_011_3.jpg", 3),
        ("group_012_4.jpg", 4),
        ("group_014_5.jpg", 5),
        ("group_015_6.jpg", 6),
        ("group_016_8.jpg", 8),
        ("group_017_0.jpg", 0),
        ("group_coral.jpg", 4),  # two of them in the dark behind
        ("group_friends.jpg", 6),
        ("kit_with_rose.jpg", 2),
        ("no_face.png", 0),
        ("obama_and_biden.jpg", 3),  # a child below them
        ("rot_180.jpg", 1),
    ],
)
def test_a_thorough_look_counts_a_group(
    client: TestClient, shared_faces: Path, name: str, count: int
) -> None:
    image = base64.b64encode((shared_faces / "photos" / name).read_bytes()).decode()

    answer = client.post("/api/ml/detect-faces", json={"image_base64": image, "model": "cnn"})

    assert answer.json()["count"] == count


def test_a_small_face_is_named(client: TestClient, photo: Photo) -> None:
    body = _encode(client, as_base64(photo("person-1-a.jpg")), min_face_area_ratio=0.5)

    assert (body["success"], body["error_code"]) == (False, "FACE_TOO_SMALL")


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (as_base64(NOISE), "NO_FACE_FOUND"),
        (as_base64(np.zeros((1, 1, 3), dtype=np.uint8), ".png"), "NO_FACE_FOUND"),
        ("", "EMPTY_IMAGE"),
        ("data:image/jpeg;base64,", "EMPTY_IMAGE"),
        ("not base64!", "INVALID_BASE64"),
        ("abc", "INVALID_BASE64"),
        ("é", "INVALID_BASE64"),
        (base64.b64encode(b"nothing to see here, only words").decode(), "NOT_AN_IMAGE"),
        (base64.b64encode(b"%PDF-1.7 nothing to see").decode(), "UNSUPPORTED_FORMAT"),
    ],
)
def test_an_unusable_picture_is_named(client: TestClient, image: str, code: str) -> None:
    body = _encode(client, image)

    assert (body["success"], body["error_code"]) == (False, code)
    assert body["error"]


def test_a_thorough_look_at_a_phone_s_picture_finds_sixty_faces(
    client: TestClient, photo: Photo
) -> None:
    portrait = cv2.resize(photo("person-1-a.jpg"), (370, 462), interpolation=cv2.INTER_AREA)
    picture = np.full((3000, 4000, 3), 110, dtype=np.uint8)
    for top in range(20, 3000 - 462, 492):
        for left in range(20, 4000 - 370, 395):
            picture[top : top + 462, left : left + 370] = portrait

    body = {"image_base64": as_base64(picture), "model": "thorough", "num_jitters": 1}

    assert client.post("/api/ml/detect-faces", json=body).json()["count"] == 60


@pytest.mark.parametrize("brand", [b"avif", b"avis"])
@pytest.mark.parametrize("path", ["encode-face", "detect-faces"])
def test_an_avif_file_is_named_with_what_helps(client: TestClient, path: str, brand: bytes) -> None:
    avif = b"\0\0\0\x24ftyp" + brand + b"\0\0\0\0mif1miaf" + bytes(200)
    image = f"data:image/avif;base64,{base64.b64encode(avif).decode()}"

    body = client.post(f"/api/ml/{path}", json={"image_base64": image}).json()

    assert (body["success"], body["error_code"]) == (False, "UNSUPPORTED_FORMAT")
    assert "AVIF" in body["error"]
    assert "HEIC" in body["error"]


def test_other_foreign_formats_are_not_called_avif(client: TestClient) -> None:
    body = _encode(client, base64.b64encode(b"GIF89a" + bytes(50)).decode())

    assert body["error_code"] == "UNSUPPORTED_FORMAT"
    assert "AVIF" not in str(body["error"])


def test_a_class_photo_of_12_megapixels_passes_the_shipped_limits(
    client: TestClient, shared_faces: Path
) -> None:
    group = cv2.imread(str(shared_faces / "photos" / "group_016_8.jpg"))
    # Camera noise makes the file as large as a phone's.
    noise = np.random.default_rng(5).integers(0, 16, (3000, 4000, 3), dtype=np.uint8)
    image = as_base64(np.asarray(cv2.add(cv2.resize(group, (4000, 3000)), noise), np.uint8))

    answer = client.post("/api/ml/detect-faces", json={"image_base64": image, "model": "cnn"})

    assert 3_000_000 < len(image) < Settings.model_fields["max_body_bytes"].default / 2
    assert answer.json()["count"] == 8


@pytest.mark.parametrize("length", [3, 20, 200, len(JPEG) // 2])
@pytest.mark.parametrize("path", ["encode-face", "detect-faces"])
def test_a_truncated_picture_is_no_accident(client: TestClient, path: str, length: int) -> None:
    image = base64.b64encode(JPEG[:length]).decode()

    answer = client.post(f"/api/ml/{path}", json={"image_base64": image})

    assert answer.status_code == 200
    assert answer.json().get("error_code", "CORRUPT_IMAGE") in {
        "CORRUPT_IMAGE",
        "NOT_AN_IMAGE",
        "NO_FACE_FOUND",
    }


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(client: TestClient) -> None:
    huge = as_base64(np.zeros((7100, 7100, 3), dtype=np.uint8), ".png")

    assert _encode(client, huge)["error_code"] == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("shape", [(1, 32_766), (1, 32_767), (60_000, 1)])
@pytest.mark.parametrize("model", ["full", "thorough", "near"])
def test_a_ribbon_of_a_picture_is_no_accident(
    client: TestClient, shape: tuple[int, int], model: str
) -> None:
    ribbon = as_base64(np.zeros((*shape, 3), dtype=np.uint8), ".png")

    answer = client.post("/api/ml/detect-faces", json={"image_base64": ribbon, "model": model})

    assert answer.status_code == 200
    assert answer.json()["success"] is (max(shape) < 32_767)
    assert answer.json().get("error_code", "IMAGE_TOO_LARGE") == "IMAGE_TOO_LARGE"


def test_a_data_url_and_line_breaks_are_understood(client: TestClient, photo: Photo) -> None:
    image = as_base64(photo("person-1-a.jpg"))
    wrapped = "\n".join(image[start : start + 76] for start in range(0, len(image), 76))

    assert _encode(client, f"data:image/jpeg;base64,{wrapped}")["success"] is True


def test_a_picture_without_faces_is_an_answer_for_detection(client: TestClient) -> None:
    body = client.post("/api/ml/detect-faces", json={"image_base64": as_base64(NOISE)}).json()

    assert (body["success"], body["count"], body["faces"]) == (True, 0, [])


def test_mirroring_twice_changes_nothing() -> None:
    points = np.random.default_rng(2).uniform(0, 100, (468, 3)).astype(np.float32)
    face = Landmarks(points, 1.0)

    again = mirrored(mirrored(face, 100), 100)

    np.testing.assert_allclose(again.points_px, points, atol=1e-4)


def test_every_alignment_uses_points_whose_mirror_image_is_known() -> None:
    cards = [card for card in default_store().cards.values() if card.alignment is not None]
    used = {
        point
        for card in cards
        if card.alignment is not None
        for group in card.alignment.mesh_points
        for point in group
    }

    assert used <= MIRRORED_POINTS | MIDDLE_POINTS
