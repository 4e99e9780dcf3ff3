"""Photos on their side, upside down or drawn, from base64 to the answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.stages.decode import decode_image
from scripts.bench.drawings import drawing
from tests.unit.models.service.conftest import as_base64
from tests.unit.models.stages import heic_pictures
from tests.unit.models.stages.test_decode import STORED
from tests.unit.models.stages.test_orientation import jpeg, segment, tiff

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from starlette.testclient import TestClient

    from models.stages.images import BGRImage

Photo = Callable[[str], "BGRImage"]
_XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
SAME = 0.45


def encode(client: TestClient, image: str) -> dict[str, Any]:
    body: dict[str, Any] = client.post("/api/ml/encode-face", json={"image_base64": image}).json()
    return body


def case(folder: Path, name: str) -> str:
    return base64.b64encode((folder / name).read_bytes()).decode()


def apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert (one["success"], other["success"]) == (True, True)
    return float(np.linalg.norm(np.subtract(one["embedding"], other["embedding"])))


def test_case_orientation_after_xmp_gives_the_upright_template(
    client: TestClient, shared_cases: Path
) -> None:
    image = case(shared_cases, "orientation6_after_xmp.jpg")
    stored = cv2.imdecode(
        np.frombuffer(base64.b64decode(image), np.uint8),
        cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
    )
    upright = np.asarray(cv2.rotate(stored, cv2.ROTATE_90_CLOCKWISE), np.uint8)

    found = encode(client, image)

    assert apart(found, encode(client, as_base64(upright, ".png"))) < 0.01
    assert found["metadata"]["turned_deg"] == 0


def test_case_upside_down_gives_the_upright_template(
    client: TestClient, shared_cases: Path
) -> None:
    image = case(shared_cases, "upside_down.jpg")
    upright = decode_image(base64.b64decode(image), max_pixels=10**7)[::-1, ::-1]

    found = encode(client, image)

    assert apart(found, encode(client, as_base64(np.ascontiguousarray(upright), ".png"))) < 0.01
    assert found["metadata"]["turned_deg"] == 180


@pytest.mark.parametrize("path", ["ml/encode-face", "v1/faces", "v1/quality"])
def test_case_drawing_is_refused(client: TestClient, shared_cases: Path, path: str) -> None:
    body = {"image_base64": case(shared_cases, "drawing.png")}
    options = {"single": True} if path == "v1/faces" else {}

    answer = client.post(f"/api/{path}", json=body | options).json()

    assert (answer["success"], answer["error_code"]) == (False, "NOT_A_PHOTO")


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_after_xmp_gives_one_template(
    client: TestClient, photo: Photo, orientation: int
) -> None:
    picture = cv2.resize(photo("person-1-a.jpg"), (455, 568), interpolation=cv2.INTER_AREA)
    exif = segment(0xE1, b"Exif\0\0" + tiff(orientation, "II"))
    data = jpeg(STORED[orientation](picture), [_XMP, exif])

    found = encode(client, base64.b64encode(data).decode())

    assert apart(found, encode(client, as_base64(np.asarray(picture, np.uint8)))) < 0.1
    assert found["metadata"]["turned_deg"] == 0


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("name", ["person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg"])
def test_a_portrait_without_exif_is_turned_upright(
    client: TestClient, photo: Photo, name: str, quarters: int
) -> None:
    picture = photo(name)

    found = encode(client, as_base64(np.ascontiguousarray(np.rot90(picture, quarters))))

    assert apart(found, encode(client, as_base64(picture))) < 0.15
    assert found["metadata"]["turned_deg"] == 90 * quarters
    height, width = picture.shape[:2]
    assert found["metadata"]["image_dimensions"] == [width, height]


def test_a_wrong_orientation_in_the_file_does_not_count(client: TestClient, photo: Photo) -> None:
    exif = segment(0xE1, b"Exif\0\0" + tiff(3))
    data = jpeg(photo("person-1-a.jpg"), [exif])

    found = encode(client, base64.b64encode(data).decode())

    assert apart(found, encode(client, as_base64(photo("person-1-a.jpg")))) < 0.1
    assert found["metadata"]["turned_deg"] == 180


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize(("name", "count"), [("group_000_5.jpg", 5), ("group_015_6.jpg", 6)])
def test_a_turned_group_is_turned_upright(
    client: TestClient, shared_faces: Path, name: str, count: int, quarters: int
) -> None:
    picture = np.asarray(cv2.imread(str(shared_faces / "photos" / name)), np.uint8)
    image = as_base64(np.ascontiguousarray(np.rot90(picture, quarters)))

    answer = client.post("/api/ml/detect-faces", json={"image_base64": image, "model": "cnn"})

    assert answer.json()["count"] == count
    assert answer.json()["metadata"]["turned_deg"] == 90 * quarters


def test_real_portraits_are_never_turned_wrongly(client: TestClient, shared_faces: Path) -> None:
    paths = sorted((shared_faces / "lfw-dev").glob("*/*.jpg"))[::90]
    wrong = []
    for number, path in enumerate(paths):
        picture = np.asarray(cv2.imread(str(path)), np.uint8)
        image = as_base64(np.ascontiguousarray(np.rot90(picture, number % 4)))
        answer = client.post("/api/v1/faces", json={"image_base64": image, "single": True}).json()
        if answer["success"] and answer["turned_deg"] != number % 4 * 90:
            wrong.append(path.name)

    assert wrong == []


@pytest.mark.parametrize("style", ["ellipses", "cartoon", "sketch", "printed"])
def test_a_drawing_gets_no_template(client: TestClient, style: str) -> None:
    answers = [encode(client, as_base64(drawing(style, number), ".png")) for number in range(3)]

    assert {answer.get("error_code") for answer in answers} <= {"NOT_A_PHOTO", "NO_FACE_FOUND"}


def test_a_drawing_beside_a_person_is_left_out(client: TestClient, photo: Photo) -> None:
    portrait = cv2.resize(photo("person-1-a.jpg"), (455, 568), interpolation=cv2.INTER_AREA)
    picture = np.full((568, 1000, 3), 200, np.uint8)
    picture[:, :455] = portrait
    picture[40:520, 500:980] = drawing("cartoon", 1)

    body = client.post("/api/v1/faces", json={"image_base64": as_base64(picture)}).json()

    assert len(body["faces"]) == 1
    assert body["faces"][0]["box"]["left"] < 455


def test_a_heic_file_is_decoded(client: TestClient) -> None:
    image = base64.b64encode(heic_pictures.UPRIGHT).decode()

    assert encode(client, image)["error_code"] == "NO_FACE_FOUND"
