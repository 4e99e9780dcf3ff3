"""Finds a model's file, proves that it is the one its card names, and hands out its bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import (
    CardError,
    ModelFileCorruptError,
    ModelFileMissingError,
    UnknownModelError,
)
from models.store.card import CardFile, ModelCard, read_card
from models.store.selection import (
    AUTO,
    BUNDLED_EMBEDDER,
    DEFAULT_EMBEDDER,
    FILE_NAME,
    read_selection,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class VerifiedModel:
    """A model whose bytes have the sha256 of its card."""

    card: ModelCard
    file: CardFile
    content: bytes


@dataclass(frozen=True)
class ModelStore:
    """Cards, and the folders in which their files may lie.

    Attributes:
        cards_folder: holds `*.toml`, one card each, and recorded embeddings in `vectors`.
        folders: searched for files in this order. A model that is not the project's may lie
            there too, its card beside it.
        selection: the file that says what the reference `auto` stands for, see `selection`.
    """

    cards_folder: Path
    folders: Sequence[Path]
    selection: Path | None = None

    @cached_property
    def cards(self) -> dict[str, ModelCard]:
        """All cards by id.

        Raises:
            CardError: a card is against the schema, or two cards have one id or reference.
        """
        cards: dict[str, ModelCard] = {}
        references: set[str] = set()
        for path in self._card_paths():
            card = read_card(path)
            own = {card.id, *(f"{card.id}-{file.variant}" for file in card.files)}
            if own & references:
                raise CardError(f"the model card {path.name} takes a name that another card has")
            references |= own
            cards[card.id] = card
        return cards

    def _card_paths(self) -> list[Path]:
        folders = dict.fromkeys((self.cards_folder, *self.folders))
        return [path for folder in folders for path in sorted(folder.glob("*.toml"))]

    def find(self, reference: str) -> tuple[ModelCard, CardFile]:
        """Find the card and file that a reference names.

        Args:
            reference: a card's id (its first file is meant), `<id>-<variant>`, or `auto`, see
                `selected_embedder`.

        Raises:
            UnknownModelError: no card has it.
            SelectionError: the file that names the selected embedder cannot be used.
        """
        if reference == AUTO:
            reference, _ = self.selected_embedder()
        for card in self.cards.values():
            if reference == card.id:
                return card, card.files[0]
            for file in card.files:
                if reference == f"{card.id}-{file.variant}":
                    return card, file
        known = ", ".join(sorted(self.cards))
        raise UnknownModelError(f"there is no model {reference!r}; known are: {known}")

    def selected_embedder(self) -> tuple[str, str | None]:
        """Return which embedder `auto` stands for on this machine.

        It is the selected one, else `DEFAULT_EMBEDDER` where that is installed, else
        `BUNDLED_EMBEDDER`.

        Returns:
            Its reference; and a sentence where a better one should be installed.

        Raises:
            SelectionError: the file that names the selected embedder cannot be used.
        """
        selected = read_selection(self.selection) if self.selection else None
        if selected not in (None, AUTO) and self.is_installed(selected):
            return selected, None
        has_default = self.is_installed(DEFAULT_EMBEDDER)
        reference = DEFAULT_EMBEDDER if has_default else BUNDLED_EMBEDDER
        if selected not in (None, AUTO):
            return reference, (
                f"the selected embedder {selected} is not installed here, {reference} takes its"
                f" place: run rollcall-models install {selected}"
            )
        if has_default:
            return reference, None
        return reference, (
            f"the less accurate {reference} is used because {DEFAULT_EMBEDDER} is not installed:"
            f" run rollcall-models install {DEFAULT_EMBEDDER}"
        )

    def is_installed(self, reference: str) -> bool:
        """Return whether a card's file is here; of a card without a variant, any of its files.

        Its bytes are not checked, see `load`.
        """
        try:
            card, named = self.find(reference)
        except UnknownModelError:
            return False
        files = card.files if reference == card.id else (named,)
        return any(self._existing_path(file) for file in files)

    def _existing_path(self, file: CardFile) -> Path | None:
        paths = (folder / file.name for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)

    def recorded_embeddings(self, card: ModelCard) -> dict[str, list[float]]:
        """Read what the publisher's runtime answered for the pictures of `stages.parity`.

        Returns:
            Embeddings by the picture's name; empty where nothing was recorded.
        """
        path = self.cards_folder / "vectors" / f"{card.id}.json"
        recorded: dict[str, list[float]] = (
            json.loads(path.read_text("utf-8")) if path.is_file() else {}
        )
        return recorded

    def path_of(self, file: CardFile) -> Path:
        """Say where a card's file lies.

        Raises:
            ModelFileMissingError: in none of the folders.
        """
        path = self._existing_path(file)
        if path is not None:
            return path
        looked = ", ".join(str(folder) for folder in self.folders)
        raise ModelFileMissingError(
            f"the model file {file.name} is in none of these folders: {looked};"
            f" {self._remedy(file)}"
        )

    def load(self, reference: str) -> VerifiedModel:
        """Read a model and verify it; what is returned is exactly what was verified.

        Raises:
            UnknownModelError: no card has the reference.
            ModelFileMissingError: the file is in none of the folders.
            ModelFileCorruptError: the file cannot be read or is not the one of the card.
        """
        card, file = self.find(reference)
        path = self.path_of(file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelFileCorruptError(f"the model file {path} cannot be read") from error
        digest = hashlib.sha256(content).hexdigest()
        if not hmac.compare_digest(digest, file.sha256):
            raise ModelFileCorruptError(
                f"the model file {path} is not the one of the card {card.id}: its sha256 is"
                f" {digest[:12]}…, expected {file.sha256[:12]}…; delete it and"
                f" {self._remedy(file)}"
            )
        return VerifiedModel(card, file, content)

    def _remedy(self, file: CardFile) -> str:
        owner = next((card for card in self.cards.values() if file in card.files), None)
        if owner is not None and owner.origin is not None:
            return f"run rollcall-models install {owner.id} to get it"
        if (self.cards_folder / f"{owner.id if owner else ''}.toml").is_file():
            return "it comes with Rollcall: install Rollcall again"
        return "put it beside its card"


ASSET_SETTING = (
    "ROLLCALL_ASSETS",
    "~/.cache/rollcall/assets",
    "Folder that rollcall-models fills.",
)
"""Variable, default and description, for --help and the docs of every process with models."""


def asset_folder() -> Path:
    """Say where fetched assets lie: `$ROLLCALL_ASSETS`, or `~/.cache/rollcall/assets`."""
    named = os.environ.get(ASSET_SETTING[0])  # noqa: TID251 -- shared by every process
    return Path(named) if named else Path.home() / ".cache" / "rollcall" / "assets"


def default_store() -> ModelStore:
    """Make the store over the shipped cards and weights and over the asset cache."""
    assets = asset_folder()
    return ModelStore(
        _HERE / "cards", (_HERE / "weights", assets / "models"), selection=assets / FILE_NAME
    )
