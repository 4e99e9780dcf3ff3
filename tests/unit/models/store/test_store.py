"""A model is handed out only when every byte is the card's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import (
    CardError,
    ModelFileCorruptError,
    ModelFileMissingError,
    UnknownModelError,
)
from models.store import ModelStore, asset_folder, default_store

CONTENT = b"TFL3" * 300
CARD = """
id = "tiny"
role = "detector"
title = "A network for this test"
licence = "CC0-1.0"
source = "written by hand"
outputs = [[4, 16], [4, 1]]
[[files]]
variant = "float16"
name = "tiny-float16.tflite"
sha256 = "{digest}"
size_bytes = 1200
[[files]]
variant = "int8"
name = "tiny-int8.tflite"
sha256 = "{digest}"
size_bytes = 1200
[input]
width_px = 8
height_px = 8
channels = "RGB"
mean = [0, 0, 0]
scale = [255, 255, 255]
[detector]
strides = [4]
anchors_per_cell = [1]
keypoints = 6
min_score = 0.5
merge_iou = 0.3
"""


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """One card, two folders; the second holds the float16 file."""
    for name in ("cards", "first", "second"):
        (tmp_path / name).mkdir()
    card = CARD.format(digest=hashlib.sha256(CONTENT).hexdigest())
    (tmp_path / "cards" / "tiny.toml").write_text(card)
    (tmp_path / "second" / "tiny-float16.tflite").write_bytes(CONTENT)
    return ModelStore(tmp_path / "cards", (tmp_path / "first", tmp_path / "second"))


@pytest.mark.parametrize(
    ("reference", "variant"),
    [("tiny", "float16"), ("tiny-float16", "float16"), ("tiny-int8", "int8")],
)
def test_a_reference_names_a_card_or_one_of_its_files(
    store: ModelStore, reference: str, variant: str
) -> None:
    card, file = store.find(reference)

    assert (card.id, file.variant) == ("tiny", variant)


def test_loads_the_bytes_it_verified_from_any_folder(store: ModelStore) -> None:
    model = store.load("tiny")

    assert model.content == CONTENT
    assert model.file.variant == "float16"


def test_the_first_folder_wins(store: ModelStore) -> None:
    (store.folders[0] / "tiny-float16.tflite").write_bytes(b"damaged")

    with pytest.raises(ModelFileCorruptError):
        store.load("tiny")


def test_an_unknown_model_is_refused_with_the_known_ones(store: ModelStore) -> None:
    with pytest.raises(UnknownModelError, match="known are: tiny"):
        store.load("tiny-float32")


def test_a_missing_file_says_where_it_was_sought_and_what_helps(store: ModelStore) -> None:
    with pytest.raises(ModelFileMissingError, match=r"tiny-int8\.tflite.*second.*again"):
        store.load("tiny-int8")


@given(position=st.integers(0, len(CONTENT) - 1), change=st.integers(1, 255), cut=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_wrong_byte_is_enough_to_refuse(
    store: ModelStore, position: int, change: int, cut: bool
) -> None:
    wrong = bytearray(CONTENT)
    wrong[position] ^= change
    path = store.folders[1] / "tiny-float16.tflite"
    path.write_bytes(wrong[:position] if cut else wrong)

    with pytest.raises(ModelFileCorruptError, match="tiny"):
        store.load("tiny")


def test_two_cards_with_one_name_are_refused(store: ModelStore) -> None:
    text = (store.cards_folder / "tiny.toml").read_text()
    (store.cards_folder / "other.toml").write_text(text.replace('"tiny"', '"tiny-int8"'))

    with pytest.raises(CardError, match=r"tiny\.toml"):
        store.find("tiny")


def test_the_asset_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ASSETS", "/somewhere/else")
    assert asset_folder() == Path("/somewhere/else")
    assert default_store().folders[1] == Path("/somewhere/else/models")

    monkeypatch.delenv("ROLLCALL_ASSETS")
    assert asset_folder() == Path.home() / ".cache" / "rollcall" / "assets"
