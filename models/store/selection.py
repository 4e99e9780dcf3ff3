"""Which embedder this machine is to use, where its settings say `auto`: one small TOML file."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from models.errors import SelectionError

if TYPE_CHECKING:
    from pathlib import Path

AUTO = "auto"
"""The reference that stands for the selected embedder, see `ModelStore.selected_embedder`."""

DEFAULT_EMBEDDER = "sface-2021dec"
"""The one that serves where it is installed and none was selected."""

BUNDLED_EMBEDDER = "dlib-resnet-v1"
"""The one that needs no installation; less accurate."""

FILE_NAME = "selection.toml"


def read_selection(path: Path) -> str | None:
    """Read the selected embedder's reference; None where nothing was selected.

    Raises:
        SelectionError: the file cannot be read or says something else.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SelectionError(f"{path} cannot be read: {error}") from error
    embedder = values.get("embedder")
    if not isinstance(embedder, str) or len(values) != 1:
        raise SelectionError(f'{path} must hold one line such as embedder = "{DEFAULT_EMBEDDER}"')
    return embedder


def write_selection(path: Path, reference: str) -> None:
    """Select an embedder.

    Args:
        path: replaced whole.
        reference: of a card, see `ModelStore.find`.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.new")
    written.write_text(f'# Written by rollcall-models use.\nembedder = "{reference}"\n', "utf-8")
    written.replace(path)
