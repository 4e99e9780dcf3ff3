"""Steps of the start that need the disk: while it refuses, the kiosk says so and tries again."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from kiosk.errors import FolderInUseError, StorageError

logger = logging.getLogger(__name__)

AGAIN_S = 5.0

_Result = TypeVar("_Result")


class StorageWait:
    """Does steps of the start, each until the disk allows it.

    Args:
        stop: ends the waiting.
        on_fault: hears of each failure.
        again_s: wait between two tries.
    """

    def __init__(
        self,
        stop: threading.Event,
        on_fault: Callable[[StorageError], None],
        again_s: float = AGAIN_S,
    ) -> None:
        self._stop = stop
        self._on_fault = on_fault
        self._again_s = again_s
        self._said = ""

    def until_done(self, step: Callable[[], _Result]) -> _Result | None:
        """Do a step and return its result; None when stopped meanwhile.

        Raises:
            FolderInUseError: another process works in the data folder; waiting would not help.
        """
        while not self._stop.is_set():
            try:
                result = step()
            except FolderInUseError:
                raise
            except StorageError as exc:
                self._say(exc)
                self._stop.wait(self._again_s)
            else:
                self._clear()
                return result
        return None

    def _say(self, error: StorageError) -> None:
        """Log a fault once; the screen hears of it each time."""
        if str(error) != self._said:
            self._said = str(error)
            logger.error("storage unusable, retrying: %s", error)
        self._on_fault(error)

    def _clear(self) -> None:
        if self._said:
            self._said = ""
            logger.info("storage usable again")
