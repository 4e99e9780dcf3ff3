"""Pictures go through the product's own pipeline once; the cache knows when it does not apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.evaluate.faces import FaceReader
from models.stages.quality import assess
from models.store import default_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.evaluate.faces import Face

EMBEDDER = "dlib-resnet-v1-int8"


@pytest.fixture
def photo(assets: Path) -> bytes:
    return (assets / "photos" / "person-2-a.jpg").read_bytes()


@pytest.fixture
def reader(assets: Path, tmp_path: Path) -> FaceReader:
    assert assets.is_dir()
    return FaceReader(default_store(), EMBEDDER, tmp_path / "cache")


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.npz"))


def same(one: Face | None, other: Face | None) -> bool:
    assert one is not None
    assert other is not None
    return np.array_equal(one.embedding, other.embedding) and one.sharpness == other.sharpness


def test_a_face_is_embedded_both_ways(reader: FaceReader, photo: bytes) -> None:
    face = reader.face(photo)

    assert face is not None
    assert face.embedding.shape == face.mirrored.shape == (128,)
    apart = np.linalg.norm(face.embedding - face.mirrored)
    assert 0.01 < apart < 0.5


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photo_is_turned_upright(reader: FaceReader, photo: bytes, quarters: int) -> None:
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    lying = cv2.imencode(".png", np.ascontiguousarray(np.rot90(picture, quarters)))[1].tobytes()

    upright, found = reader.face(photo), reader.face(lying)

    assert upright is not None
    assert found is not None
    assert np.linalg.norm(upright.embedding - found.embedding) < 0.1


def test_the_second_time_comes_from_the_cache(
    reader: FaceReader, photo: bytes, tmp_path: Path
) -> None:
    first = reader.face(photo)
    (entry,) = entries(tmp_path)
    written = entry.stat().st_mtime_ns

    assert same(reader.face(photo), first)
    assert entry.stat().st_mtime_ns == written


@pytest.mark.parametrize("content", [b"", b"damaged", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_entry_is_made_again(
    reader: FaceReader, photo: bytes, tmp_path: Path, content: bytes
) -> None:
    first = reader.face(photo)
    (entry,) = entries(tmp_path)
    entry.write_bytes(content)

    assert same(reader.face(photo), first)
    assert entry.stat().st_size > len(content)


def test_another_file_of_the_network_has_its_own_entries(
    reader: FaceReader, photo: bytes, tmp_path: Path
) -> None:
    other = FaceReader(default_store(), "dlib-resnet-v1-float16", tmp_path / "cache")
    reader.face(photo)
    other.face(photo)

    first, second = entries(tmp_path)

    assert first.name == second.name
    assert first.parent != second.parent


def test_only_the_owner_can_read_the_cache(
    reader: FaceReader, photo: bytes, tmp_path: Path
) -> None:
    reader.face(photo)

    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_what_is_no_picture_has_no_face(reader: FaceReader, content: bytes) -> None:
    assert reader.face(content) is None
    assert reader.face(content) is None


def test_a_wall_has_no_face(reader: FaceReader) -> None:
    content = cv2.imencode(".png", np.full((200, 200, 3), 150, np.uint8))[1].tobytes()

    assert reader.face(content) is None


def test_of_two_faces_the_central_one_counts(reader: FaceReader, photo: bytes) -> None:
    alone = np.asarray(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    assert assess(alone, []).reasons
    height, width = alone.shape[:2]
    beside = np.full((3 * height, 3 * width, 3), 128, np.uint8)
    beside[height : 2 * height, width : 2 * width] = alone
    beside[2 * height :, 2 * width :] = alone[:, ::-1]

    face = reader.face(cv2.imencode(".png", beside)[1].tobytes())
    expected = reader.face(photo)

    assert face is not None
    assert expected is not None
    assert np.linalg.norm(face.embedding - expected.embedding) < np.linalg.norm(
        face.embedding - expected.mirrored
    )
