"""Send an archive while it is written: it is never whole in memory or in a file."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import ReadableBuffer as Buffer


class ArchivePipe(io.RawIOBase):
    """Takes what the archive writes, for the reader to fetch; it cannot go back."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, data: Buffer) -> int:
        """Keep what the archive writes."""
        self._kept += data
        return memoryview(data).nbytes

    def take(self) -> bytes:
        """Return what was written since."""
        kept, self._kept = bytes(self._kept), bytearray()
        return kept


def archive_pieces(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Return the bytes of an archive with these files; each is read when the one before is sent."""
    pipe = ArchivePipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content)  # PDF is compressed already
            yield pipe.take()
    yield pipe.take()
