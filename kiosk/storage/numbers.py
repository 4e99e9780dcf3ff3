"""The highest number given, in a small file beside the outbox, so that no number is given twice."""

import logging
import os
import re
import threading
import zlib
from pathlib import Path

from kiosk.errors import StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import clear_place, open_up, read_if_there, write_private

logger = logging.getLogger(__name__)

_PLACE_BYTES = 4096
"""The two copies lie in different pages, so that a write cut short spoils one of them at most."""
_COPY = re.compile(rb"(\S+ (\S+) (\d{1,19})) ([0-9a-f]{8})\n")
_MAGIC = "rollcall-outbox-seq"


class NumberFile:
    """Remembers the highest number of a chain outside its database. Safe from any thread.

    The number is written after the event is committed and before the event is shown or sent. So
    a database that ends below it has lost events, and one that ends above it has lost none.

    Args:
        path: the file; it need not be there.
        kiosk_id: whose chain is counted; the number of another one counts as none.

    Attributes:
        written: the highest number; 0 where the file is missing or damaged.
    """

    def __init__(self, path: Path, kiosk_id: str) -> None:
        self._path = path
        self._kiosk_id = kiosk_id
        self._lock = threading.Lock()
        self._is_failing = False
        first, second = self._copies()
        self._next_place = 0 if (first or 0) <= (second or 0) else _PLACE_BYTES
        self.written = max(first or 0, second or 0)

    def advance(self, number: int) -> None:
        """Write a higher number down, synced; a lower one changes nothing.

        A disk that refuses is logged once: the event itself is committed already.
        """
        with self._lock:
            if number <= self.written:
                return
            self.written = number
            try:
                self._write(number)
            except StorageError as exc:
                if not self._is_failing:
                    logger.error("number file not written: %s", exc)  # noqa: TRY400
                self._is_failing = True
            else:
                self._is_failing = False

    def _copies(self) -> list[int | None]:
        try:
            content = read_if_there(self._path) or b""
        except StorageError:
            content = b""
        return [_number(content, place, self._kiosk_id) for place in (0, _PLACE_BYTES)]

    def _write(self, number: int) -> None:
        """Overwrite the older of the two copies."""
        with translated(self._path):
            open_up(self._path)
            if not self._is_usable():
                clear_place(self._path)
                copy = self._copy(number)
                write_private(self._path, copy.ljust(_PLACE_BYTES, b" ") + copy)
                return
            descriptor = os.open(self._path, os.O_WRONLY)
            try:
                os.pwrite(descriptor, self._copy(number), self._next_place)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            self._next_place = _PLACE_BYTES - self._next_place

    def _is_usable(self) -> bool:
        """A file that this account may write, not a pipe or another account's."""
        return self._path.is_file() and os.access(self._path, os.W_OK, effective_ids=True)

    def _copy(self, number: int) -> bytes:
        text = f"{_MAGIC} {self._kiosk_id} {number:019d}".encode()
        return text + f" {zlib.crc32(text):08x}\n".encode()


def _number(content: bytes, place: int, kiosk_id: str) -> int | None:
    found = _COPY.match(content, place)
    if found is None or int(found[4], 16) != zlib.crc32(found[1]):
        return None
    return int(found[3]) if found[2] == kiosk_id.encode() else None
