"""One kiosk process a data folder: two would fork the chain of events."""

import fcntl
import os
from pathlib import Path

from kiosk.errors import StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import PRIVATE_FILE


class FolderLock:
    """Held from construction until `release` or the end of the process, however it ends.

    Raises:
        StorageError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        with translated(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._descriptor)
            raise StorageError(f"another kiosk process works in {folder}") from exc

    def release(self) -> None:
        """Let another process in."""
        os.close(self._descriptor)
