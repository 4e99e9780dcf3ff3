"""`auto` stands for the selected embedder, else SFace where it is installed, else dlib's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import SelectionError
from models.store import ModelStore, default_store
from models.store.selection import (
    BUNDLED_EMBEDDER,
    DEFAULT_EMBEDDER,
    read_selection,
    write_selection,
)

if TYPE_CHECKING:
    from pathlib import Path


def store_with(selection: Path | None, *more: Path) -> ModelStore:
    shipped = default_store()
    return ModelStore(shipped.cards_folder, (*shipped.folders[:1], *more), selection)


def with_file(folder: Path, *names: str) -> Path:
    """A folder with files of these names; whether their bytes are right is asked when they load."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_without_a_selection_and_without_sface_the_bundled_one_serves(tmp_path: Path) -> None:
    for selection in (None, tmp_path / "selection.toml"):
        reference, note = store_with(selection).selected_embedder()

        assert reference == BUNDLED_EMBEDDER == "dlib-resnet-v1"
        assert note is not None
        assert note.endswith(f"run rollcall-models install {DEFAULT_EMBEDDER}")


@pytest.mark.parametrize("variant", ["float16", "int8", "int8-weights"])
def test_without_a_selection_sface_serves_where_any_of_its_files_is(
    tmp_path: Path, variant: str
) -> None:
    models = with_file(tmp_path / "models", f"sface-2021dec-{variant}.tflite")
    store = store_with(tmp_path / "selection.toml", models)

    assert store.selected_embedder() == ("sface-2021dec", None)
    assert store.find("auto")[0].id == DEFAULT_EMBEDDER


@pytest.mark.parametrize("selected", ["dlib-resnet-v1", "dlib-resnet-v1-float16"])
def test_a_selection_counts_more_than_an_installed_sface(tmp_path: Path, selected: str) -> None:
    models = with_file(tmp_path / "models", "sface-2021dec-int8.tflite")
    write_selection(tmp_path / "selection.toml", selected)

    store = store_with(tmp_path / "selection.toml", models)
    assert store.selected_embedder() == (selected, None)


def test_selecting_auto_is_selecting_nothing(tmp_path: Path) -> None:
    models = with_file(tmp_path / "models", "sface-2021dec-int8.tflite")
    write_selection(tmp_path / "selection.toml", "auto")

    store = store_with(tmp_path / "selection.toml", models)
    assert store.selected_embedder() == ("sface-2021dec", None)


def test_other_networks_that_are_installed_are_not_chosen(tmp_path: Path) -> None:
    models = with_file(tmp_path / "models", "omz-0095-float16.tflite")

    assert store_with(None, models).find("auto")[0].id == "dlib-resnet-v1"


def test_a_selection_names_card_and_variant(tmp_path: Path) -> None:
    path = tmp_path / "new" / "selection.toml"
    write_selection(path, "dlib-resnet-v1-int8")

    assert read_selection(path) == "dlib-resnet-v1-int8"
    assert store_with(path).find("auto")[1].variant == "int8"
    assert [found.name for found in path.parent.iterdir()] == ["selection.toml"]


@pytest.mark.parametrize(
    ("files", "instead"),
    [((), "dlib-resnet-v1"), (("sface-2021dec-int8.tflite",), "sface-2021dec")],
)
@pytest.mark.parametrize("selected", ["omz-0095", "sface-2021dec-float16", "one-that-has-gone"])
def test_what_is_selected_but_not_there_is_said(
    tmp_path: Path, selected: str, files: tuple[str, ...], instead: str
) -> None:
    path = tmp_path / "selection.toml"
    write_selection(path, selected)
    store = store_with(path, with_file(tmp_path / "models", *files))

    assert store.selected_embedder() == (
        instead,
        f"the selected embedder {selected} is not installed here, {instead} takes its place:"
        f" run rollcall-models install {selected}",
    )


@pytest.mark.parametrize(
    "content", [b"embedder = 3", b"embedder = ", b"\xff", b"", b'embedder = "a"\nother = "b"']
)
def test_a_damaged_selection_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "selection.toml"
    path.write_bytes(content)

    with pytest.raises(SelectionError, match=r"selection\.toml"):
        store_with(path).find("auto")
