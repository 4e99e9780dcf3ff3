"""One kiosk process a data folder: two would fork the chain of events."""

import fcntl
import os
from pathlib import Path

from kiosk.errors import FolderInUseError
from kiosk.storage.failures import translated


class FolderLock:
    """A lock on the data folder itself, so that no file of it can be lost or damaged.

    Held from construction until `release` or the end of the process, however it ends.

    Raises:
        FolderInUseError: another process holds it.
        StorageError: the folder cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        with translated(folder):
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(self._descriptor)
            raise FolderInUseError(f"another kiosk process works in {folder}") from exc

    def release(self) -> None:
        """Let another process in."""
        os.close(self._descriptor)
