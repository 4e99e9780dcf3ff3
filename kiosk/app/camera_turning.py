"""Turns the camera's picture for a technician at once, and keeps the choice over a restart."""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from kiosk.config import Settings
from kiosk.domain.camera_turn import (
    CameraChoice,
    CameraTurn,
    KeptTurn,
    TurnKeeping,
    turn_in_force,
)
from kiosk.errors import StorageError
from kiosk.storage.camera_turn import CameraTurnFile

logger = logging.getLogger(__name__)

CAMERA_FILE = "camera.json"


class Turnable(Protocol):
    """The camera."""

    def turn(self, wanted: CameraTurn) -> None:
        """Turn pictures like this from now on; returns at once."""
        ...


def turn_of(settings: Settings) -> CameraTurn:
    """Return how the settings turn pictures."""
    return CameraTurn(int(settings.camera_rotation), settings.camera_mirror)


class CameraTurning:
    """Knows how pictures are turned. `turn` and `tell` belong to the GUI thread and return at once.

    Args:
        settings: how the settings turn pictures.
        file: keeps what is chosen on the screen; read here.

    Attributes:
        now: how pictures are turned.
    """

    def __init__(self, settings: CameraTurn, file: CameraTurnFile) -> None:
        self._settings = settings
        self._file = file
        self._saving = threading.Lock()
        self._guard = threading.Lock()
        self._camera: Turnable | None = None
        self._on_choice: Callable[[CameraChoice], None] = lambda _choice: None
        self.now = self._at_start()
        self._keeping = self._usual(self.now)

    def use(self, camera: Turnable) -> None:
        """Turn the pictures of this camera from now on; it is turned like `now` already."""
        self._camera = camera

    def show_on(self, on_choice: Callable[[CameraChoice], None]) -> None:
        """Show each change there; called from any thread."""
        self._on_choice = on_choice

    def tell(self) -> None:
        """Show how pictures are turned now."""
        with self._guard:
            choice = CameraChoice(self.now, self._settings, self._keeping)
        self._on_choice(choice)

    def turn(self, wanted: CameraTurn) -> None:
        """Turn pictures like this, and keep it: the disk is written on another thread."""
        with self._guard:
            self.now, self._keeping = wanted, TurnKeeping.SAVING
        if self._camera is not None:
            self._camera.turn(wanted)
        self.tell()
        threading.Thread(target=self._keep, name="technician-camera", daemon=True).start()

    def reset(self) -> None:
        """Turn pictures as the settings say, from now on."""
        self.turn(self._settings)

    def _keep(self) -> None:
        """Write the newest choice; of several threads the last one writes it too."""
        with self._saving:
            wanted = self.now
            keeping = self._written(wanted)
            with self._guard:
                if wanted == self.now:
                    self._keeping = keeping
        logger.info(
            "camera turned on the screen rotation=%d mirrored=%s outcome=%s",
            wanted.rotation_deg,
            wanted.is_mirrored,
            keeping.value,
        )
        self.tell()

    def _written(self, wanted: CameraTurn) -> TurnKeeping:
        try:
            self._file.save(KeptTurn(wanted, self._settings))
        except StorageError as exc:
            logger.warning("camera turn not stored: %s", exc)
            return TurnKeeping.FAILED
        return self._usual(wanted)

    def _usual(self, turn: CameraTurn) -> TurnKeeping:
        return TurnKeeping.SETTINGS if turn == self._settings else TurnKeeping.KEPT

    def _at_start(self) -> CameraTurn:
        kept = self._file.load()
        now = turn_in_force(self._settings, kept)
        if kept is not None and kept.settings != self._settings:
            logger.info("camera turn of the screen dropped, the settings changed since")
            self._written(now)  # it must not come back with the old settings
        elif now != self._settings:
            logger.info(
                "camera turn of the screen used rotation=%d mirrored=%s",
                now.rotation_deg,
                now.is_mirrored,
            )
        return now
