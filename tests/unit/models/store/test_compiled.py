"""A compiled file counts when it is whole, verified and really compiled."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from models.errors import ModelFileCorruptError
from models.store import ModelStore, default_store, load_compiled

if TYPE_CHECKING:
    from pathlib import Path

CARD = default_store().cards["dlib-resnet-v1"]
NAME = "dlib-resnet-v1-edgetpu.tflite"
CONTENT = b"....TFL3 edgetpu-custom-op"


def store(folder: Path) -> ModelStore:
    return ModelStore(folder / "cards", (folder,))


def place(folder: Path, content: bytes, digest_of: bytes) -> None:
    (folder / NAME).write_bytes(content)
    line = f"{hashlib.sha256(digest_of).hexdigest()}  {NAME}\n"
    (folder / f"{NAME}.sha256").write_text(line)


def test_a_verified_file_is_a_variant_of_its_card(tmp_path: Path) -> None:
    place(tmp_path, CONTENT, CONTENT)

    model = load_compiled(store(tmp_path), CARD)

    assert model is not None
    assert (model.card.id, model.file.variant, model.content) == (CARD.id, "edgetpu", CONTENT)


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert load_compiled(store(tmp_path), CARD) is None


@pytest.mark.parametrize(
    ("content", "digest_of", "reason"),
    [
        (CONTENT[:-1], CONTENT, "is not the one"),
        (b"....TFL3 only int8", b"....TFL3 only int8", "run edgetpu_compiler"),
    ],
)
def test_another_or_an_uncompiled_file_is_refused(
    tmp_path: Path, content: bytes, digest_of: bytes, reason: str
) -> None:
    place(tmp_path, content, digest_of)

    with pytest.raises(ModelFileCorruptError, match=reason):
        load_compiled(store(tmp_path), CARD)


def test_a_file_without_a_digest_is_refused_with_the_command(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)

    with pytest.raises(ModelFileCorruptError, match=f"sha256sum {NAME} > {NAME}.sha256"):
        load_compiled(store(tmp_path), CARD)


@pytest.mark.parametrize("digest", [b"", b"\xff\xfe", b"short"])
def test_a_broken_digest_is_refused(tmp_path: Path, digest: bytes) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    (tmp_path / f"{NAME}.sha256").write_bytes(digest)

    with pytest.raises(ModelFileCorruptError):
        load_compiled(store(tmp_path), CARD)
