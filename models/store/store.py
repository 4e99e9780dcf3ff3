"""Finds a model's file, proves that it is the one its card names, and hands out its bytes."""

from __future__ import annotations

import hashlib
import hmac
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
    """The cards of one folder and the folders in which their files may lie.

    Attributes:
        cards_folder: holds `*.toml`, one card each.
        folders: searched in this order.
    """

    cards_folder: Path
    folders: Sequence[Path]

    @cached_property
    def cards(self) -> dict[str, ModelCard]:
        """All cards by id.

        Raises:
            CardError: a card is against the schema, or two cards have one id or reference.
        """
        cards: dict[str, ModelCard] = {}
        references: set[str] = set()
        for path in sorted(self.cards_folder.glob("*.toml")):
            card = read_card(path)
            own = {card.id, *(f"{card.id}-{file.variant}" for file in card.files)}
            if own & references:
                raise CardError(f"the model card {path.name} takes a name that another card has")
            references |= own
            cards[card.id] = card
        return cards

    def find(self, reference: str) -> tuple[ModelCard, CardFile]:
        """Find the card and file that a reference names.

        Args:
            reference: a card's id (its first file is meant) or `<id>-<variant>`.

        Raises:
            UnknownModelError: no card has it.
        """
        for card in self.cards.values():
            if reference == card.id:
                return card, card.files[0]
            for file in card.files:
                if reference == f"{card.id}-{file.variant}":
                    return card, file
        known = ", ".join(sorted(self.cards))
        raise UnknownModelError(f"there is no model {reference!r}; known are: {known}")

    def path_of(self, file: CardFile) -> Path:
        """Say where a card's file lies.

        Raises:
            ModelFileMissingError: in none of the folders.
        """
        for folder in self.folders:
            path = folder / file.name
            if path.is_file():
                return path
        looked = ", ".join(str(folder) for folder in self.folders)
        raise ModelFileMissingError(
            f"the model file {file.name} is in none of these folders: {looked};"
            " run scripts/fetch_assets to get it"
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
                f" {digest[:12]}…, expected {file.sha256[:12]}…; delete it and run"
                " scripts/fetch_assets again"
            )
        return VerifiedModel(card, file, content)


def asset_folder() -> Path:
    """Say where fetched assets lie: `$ROLLCALL_ASSETS`, or `~/.cache/rollcall/assets`."""
    named = os.environ.get("ROLLCALL_ASSETS")  # noqa: TID251 -- shared by every process
    return Path(named) if named else Path.home() / ".cache" / "rollcall" / "assets"


def default_store() -> ModelStore:
    """Make the store of the shipped cards, over the shipped weights and the asset cache."""
    return ModelStore(_HERE / "cards", (_HERE / "weights", asset_folder() / "models"))
