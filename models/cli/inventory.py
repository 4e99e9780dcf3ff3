"""Which embedders there are, which of them are here, and which is in use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from models.cli.packaged import source_target
from models.errors import (
    InstallError,
    ModelFileCorruptError,
    ModelFileMissingError,
    UnknownModelError,
)
from models.store import OnnxOrigin
from models.store.selection import AUTO, FILE_NAME, write_selection

if TYPE_CHECKING:
    from pathlib import Path

    from models.store import ModelCard, ModelStore


class State(StrEnum):
    """Where a model stands on this machine."""

    SHIPPED = "shipped"
    INSTALLED = "installed"
    DAMAGED = "damaged"
    NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Entry:
    """One embedder.

    Attributes:
        is_in_use: `auto` stands for it.
    """

    card: ModelCard
    state: State
    is_in_use: bool


def entries(store: ModelStore, folder: Path) -> list[Entry]:
    """List every embedder that has a card, by id.

    Args:
        store: the cards.
        folder: the asset folder.

    Raises:
        StoreError: a card or the selection cannot be used.
    """
    in_use, _ = store.find(AUTO)
    cards = sorted(store.cards.values(), key=lambda card: card.id)
    return [
        Entry(card, _state(store, card, folder), card.id == in_use.id)
        for card in cards
        if card.role == "embedder"
    ]


def embedder(store: ModelStore, reference: str) -> ModelCard:
    """Find an embedder's card.

    Raises:
        UnknownModelError: there is none of that name.
    """
    card, _ = store.find(reference)
    if card.role != "embedder":
        raise UnknownModelError(f"{card.id} is no embedder but of role {card.role}")
    return card


def is_there(store: ModelStore, reference: str) -> bool:
    """Return whether a model's file is on this machine and is the one of its card."""
    try:
        store.load(reference)
    except (ModelFileMissingError, ModelFileCorruptError):
        return False
    return True


def select(store: ModelStore, reference: str, folder: Path) -> None:
    """Make `auto` stand for an embedder, after verifying it.

    Raises:
        StoreError: it is unknown, not installed, or damaged.
        OSError: the selection cannot be written.
    """
    embedder(store, reference)
    store.load(reference)
    write_selection(store.selection or folder / FILE_NAME, reference)


def remove(store: ModelStore, reference: str, folder: Path) -> list[Path]:
    """Delete an embedder's files, and what they were translated from; returns what was deleted.

    Raises:
        InstallError: it is in use, or is not there.
        StoreError: it is unknown, or the selection cannot be used.
        OSError: it cannot be deleted.
    """
    card = embedder(store, reference)
    if store.find(AUTO)[0].id == card.id:
        raise InstallError(f"{card.id} is in use: first run rollcall-models use with another")
    models = folder / "models"
    paths = [path for file in card.files if (path := models / file.name).is_file()]
    if not paths:
        raise InstallError(f"{card.id} is not in {models}")
    if isinstance(card.origin, OnnxOrigin):
        source = folder / source_target(card.origin)
        paths += [source] if source.is_file() else []
    for path in paths:
        path.unlink()
    return paths


def _state(store: ModelStore, card: ModelCard, folder: Path) -> State:
    try:
        store.load(card.id)
    except ModelFileMissingError:
        return State.NOT_INSTALLED
    except ModelFileCorruptError:
        return State.DAMAGED
    is_asset = store.path_of(card.files[0]).parent == folder / "models"
    return State.INSTALLED if is_asset else State.SHIPPED
