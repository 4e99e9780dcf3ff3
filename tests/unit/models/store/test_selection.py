"""`auto` stands for the embedder that was selected, and for the shipped one without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import SelectionError
from models.store import ModelStore, default_store
from models.store.selection import read_selection, write_selection

if TYPE_CHECKING:
    from pathlib import Path


def store_with(selection: Path | None) -> ModelStore:
    shipped = default_store()
    return ModelStore(shipped.cards_folder, shipped.folders[:1], selection)


def test_without_a_selection_the_shipped_one_serves(tmp_path: Path) -> None:
    assert store_with(None).find("auto")[0].id == "dlib-resnet-v1"
    assert store_with(tmp_path / "selection.toml").find("auto")[0].id == "dlib-resnet-v1"


def test_a_selection_names_card_and_variant(tmp_path: Path) -> None:
    path = tmp_path / "new" / "selection.toml"
    write_selection(path, "dlib-resnet-v1-int8")

    assert read_selection(path) == "dlib-resnet-v1-int8"
    assert store_with(path).find("auto")[1].variant == "int8"
    assert [found.name for found in path.parent.iterdir()] == ["selection.toml"]


@pytest.mark.parametrize("selected", ["omz-0095", "one-that-has-gone"])
def test_what_is_selected_but_not_there_is_said(tmp_path: Path, selected: str) -> None:
    path = tmp_path / "selection.toml"
    write_selection(path, selected)
    reference, note = store_with(path).selected_embedder()

    assert reference == "dlib-resnet-v1"
    assert note is not None
    assert note.startswith(f"the selected embedder {selected} is not installed here")


@pytest.mark.parametrize(
    "content", [b"embedder = 3", b"embedder = ", b"\xff", b"", b'embedder = "a"\nother = "b"']
)
def test_a_damaged_selection_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "selection.toml"
    path.write_bytes(content)

    with pytest.raises(SelectionError, match=r"selection\.toml"):
        store_with(path).find("auto")
