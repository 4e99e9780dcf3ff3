"""How a technician turned the camera's picture on the screen, kept in one small file."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from kiosk.domain.camera_turn import CameraTurn, KeptTurn
from kiosk.errors import StorageError
from kiosk.storage.files import read_if_there, write_private

logger = logging.getLogger(__name__)


class _Turn(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    rotation_deg: Literal[0, 90, 180, 270]
    is_mirrored: bool


class _TurnDocument(BaseModel):
    """What the file says; the digest beside it tells a damaged digit."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    chosen: _Turn
    settings: _Turn


class CameraTurnFile:
    """One private file with the choice; without it the settings count."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> KeptTurn | None:
        """Return what was chosen; None if there is nothing, or nothing that can be trusted."""
        try:
            raw = read_if_there(self._path)
            return None if raw is None else _read(raw)
        except (StorageError, ValueError, TypeError, KeyError, RecursionError) as exc:
            name = type(exc).__name__
            logger.warning("camera turn file unreadable, using the settings: %s", name)
            return None

    def save(self, kept: KeptTurn) -> None:
        """Replace the file; after a power cut it is the old or the new one.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        write_private(self._path, _written(kept))


def _read(raw: bytes) -> KeptTurn:
    """Return what the bytes say.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: they are not what `_written` makes.
    """
    document = json.loads(raw)
    kept = _TurnDocument.model_validate(document["turn"])
    if document["digest"] != _digest(kept):
        raise ValueError("the digest does not fit")
    return KeptTurn(_turn(kept.chosen), _turn(kept.settings))


def _turn(kept: _Turn) -> CameraTurn:
    return CameraTurn(kept.rotation_deg, kept.is_mirrored)


def _written(kept: KeptTurn) -> bytes:
    turns = {"chosen": kept.chosen, "settings": kept.settings}
    shaped = _TurnDocument.model_validate(
        {
            name: {"rotation_deg": turn.rotation_deg, "is_mirrored": turn.is_mirrored}
            for name, turn in turns.items()
        }
    )
    return json.dumps({"turn": shaped.model_dump(), "digest": _digest(shaped)}).encode()


def _digest(kept: _TurnDocument) -> str:
    text = json.dumps(kept.model_dump(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
