"""Room set aside on the disk, so that a full disk can still be emptied."""

import contextlib
import os
from pathlib import Path

from kiosk.errors import StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import PRIVATE_FILE, clear_place


class Reserve:
    """A placeholder to delete on a full disk, because SQLite needs space to delete rows.

    Args:
        path: the file.
        size_bytes: the space to reserve.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> None:
        """Set the room aside, if the disk has it."""
        try:
            with translated(self._path):
                if self._is_held():
                    return
                clear_place(self._path)
                self._allocate()
        except StorageError:
            with contextlib.suppress(StorageError):
                self.release()

    def release(self) -> None:
        """Give the room up.

        Raises:
            StorageError: the file cannot be deleted.
        """
        clear_place(self._path)

    def _is_held(self) -> bool:
        return self._path.is_file() and self._path.stat().st_size >= self._size_bytes

    def _allocate(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        finally:
            os.close(descriptor)
