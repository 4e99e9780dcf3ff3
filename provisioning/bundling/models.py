"""Brings the model files into a bundle, each with the digest of its card."""

import os
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from provisioning.bundling.folder import has_digest, place
from provisioning.errors import ProvisioningError

MODELS = "models"
_EMBEDDER = "embedder"


@dataclass(frozen=True)
class BundledModels:
    """What of the models went into a bundle.

    Attributes:
        paths: in the bundle.
        notices: a line about each model's licence and origin.
        left_out: cards whose files are not on this machine.
    """

    paths: list[str]
    notices: list[str]
    left_out: list[str]


def card_folder() -> Path:
    """Return where the cards of the installed Rollcall lie.

    Raises:
        ProvisioningError: its models are not installed here.
    """
    spec = find_spec("models")
    for place_ in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place_) / "cards").is_dir():
            return Path(place_) / "cards"
    raise ProvisioningError("the model cards of Rollcall are not installed here")


def bring_models(cards: Path, sources: list[Path], folder: Path) -> BundledModels:
    """Put the files of every card into the bundle, apart from embedders that are not here.

    Args:
        cards: folder of the cards.
        sources: folders that may hold the files.
        folder: the bundle.

    Raises:
        ProvisioningError: a model that every kiosk needs is missing, or there is no embedder.
        OSError: the folder cannot be written.
    """
    paths: list[str] = []
    notices: list[str] = []
    left_out: list[str] = []
    embedders = 0
    for card in sorted(map(_card, cards.glob("*.toml")), key=lambda one: str(one["id"])):
        found = [_found(file, sources) for file in card["files"]]
        if any(file is None for file in found):
            if card["role"] != _EMBEDDER:
                raise ProvisioningError(
                    f"the files of {card['id']} are not here; run rollcall-models install first"
                )
            left_out.append(card["id"])
            continue
        embedders += card["role"] == _EMBEDDER
        notices.append(f"{card['id']}: {card['licence']}; {card['title']}; {card['source']}")
        for file in filter(None, found):
            path = f"{MODELS}/{file.name}"
            place(file.read_bytes(), folder / path)
            paths.append(path)
    if not embedders:
        raise ProvisioningError("no embedding network is here; run rollcall-models install first")
    return BundledModels(paths, notices, left_out)


def _card(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _found(file: dict[str, Any], sources: list[Path]) -> Path | None:
    places = (source / os.path.basename(file["name"]) for source in sources)  # noqa: PTH119
    return next((path for path in places if has_digest(path, file["sha256"])), None)
