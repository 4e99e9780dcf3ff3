"""The clock's offset on disk: a cache, made anew at the next answer of the server."""

import hashlib
import json
import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from kiosk.domain.offset import KeptOffset, Offset
from kiosk.errors import StorageError
from kiosk.storage.files import read_if_there, write_private

logger = logging.getLogger(__name__)

_LONGEST_S = 1e11


class _Kept(BaseModel):
    """What the file says; the digest tells a damaged digit."""

    model_config = ConfigDict(allow_inf_nan=False, hide_input_in_errors=True)

    boot_id: str = Field(min_length=1, max_length=64)
    boot_at_s: float = Field(ge=0, le=_LONGEST_S)
    measured_s: float = Field(ge=-_LONGEST_S, le=_LONGEST_S)
    error_s: float = Field(ge=0, le=_LONGEST_S)
    is_carried: bool
    uptime_s: float = Field(ge=0, le=_LONGEST_S)
    battery_s: float | None = Field(ge=0, le=_LONGEST_S)


class ClockFile:
    """One private file with the offset; it never stops the kiosk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False

    def load(self) -> KeptOffset | None:
        """Return what was kept; None if there is nothing, or nothing that can be trusted."""
        try:
            raw = read_if_there(self._path)
            return None if raw is None else _read(raw)
        except (StorageError, ValueError, TypeError, KeyError, RecursionError) as exc:
            name = type(exc).__name__
            logger.warning("clock file unreadable, starting without it: %s", name)
            return None

    def save(self, kept: KeptOffset) -> None:
        """Replace the file; a disk that refuses is logged once."""
        try:
            write_private(self._path, _written(kept))
        except StorageError as exc:
            if not self._is_failing:
                logger.warning("clock offset not stored: %s", exc)
            self._is_failing = True
        else:
            self._is_failing = False


class ReadClockFile(ClockFile):
    """The same for a command: the running kiosk alone writes the file."""

    def save(self, kept: KeptOffset) -> None:
        """Keep nothing."""
        del kept


def _read(raw: bytes) -> KeptOffset:
    """Return what the bytes say.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: they are not what `_written` makes.
    """
    document = json.loads(raw)
    kept = _Kept.model_validate(document["clock"])
    if document["digest"] != _digest(kept):
        raise ValueError("the digest does not fit")
    offset = Offset(kept.boot_at_s, kept.measured_s, kept.error_s, kept.is_carried)
    return KeptOffset(offset, kept.boot_id, kept.uptime_s, kept.battery_s)


def _written(kept: KeptOffset) -> bytes:
    offset = kept.offset
    clock = _Kept.model_construct(
        boot_id=kept.boot_id,
        boot_at_s=offset.boot_at_s,
        measured_s=offset.measured_s,
        error_s=offset.error_s,
        is_carried=offset.is_carried,
        uptime_s=kept.uptime_s,
        battery_s=kept.battery_s,
    )
    return json.dumps({"clock": clock.model_dump(), "digest": _digest(clock)}).encode()


def _digest(kept: _Kept) -> str:
    text = json.dumps(kept.model_dump(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
