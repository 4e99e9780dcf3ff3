"""Check an attached file by its own bytes; what a client calls it does not count.

Nothing is decoded: pictures are read up to their size, and PDF files are searched for what a reader
might run (`server.documents.pdf`). What a camera wrote about place, time and device is left out of
pictures (`server.documents.jpeg_segments`), and what follows their end is cut off.
"""

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from server.documents.jpeg_segments import kept_segment
from server.documents.pdf import check_pdf
from server.documents.refusals import damaged
from server.errors import TooLargeError, UnsupportedMediaError

MOST_BYTES = 8 * 1024 * 1024
_MOST_MIB = MOST_BYTES // 1024 // 1024
_LONGEST_SIDE, _MOST_PIXELS = 20_000, 100_000_000
#: A progressive picture has about ten scans; each one of a hostile file costs a reader a pass.
_MOST_SCANS = 100
_JPEG, _PNG, _PDF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-"


class DocumentKind(StrEnum):
    """What a file is."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"


MEDIA_TYPES = {
    DocumentKind.PDF: "application/pdf",
    DocumentKind.JPEG: "image/jpeg",
    DocumentKind.PNG: "image/png",
}


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be kept."""

    kind: DocumentKind
    content: bytes


def read_file(file: BinaryIO) -> CheckedFile:
    """Read an upload, no further than its limit, and check what it is.

    Raises:
        TooLargeError, UnsupportedMediaError: see `check_file`.
    """
    return check_file(file.read(MOST_BYTES + 1))


def check_file(content: bytes) -> CheckedFile:
    """Return what a file is, and the part of it that is kept.

    Raises:
        TooLargeError: more than `MOST_BYTES`.
        UnsupportedMediaError: of another kind, damaged, too large a picture, or a PDF file with
            parts that a reader might run; `problem` names which.
    """
    if len(content) > MOST_BYTES:
        raise TooLargeError(
            f"The file is larger than {_MOST_MIB} MiB.",
            problem="file_too_large",
            max_bytes=MOST_BYTES,
            most_mib=_MOST_MIB,
        )
    if not content:
        raise UnsupportedMediaError("The file is empty.", problem="file_empty")
    if content.startswith(_PDF):
        check_pdf(content)
        return CheckedFile(DocumentKind.PDF, content)
    if content.startswith(_JPEG):
        return CheckedFile(DocumentKind.JPEG, _whole_jpeg(content))
    if content.startswith(_PNG):
        return CheckedFile(DocumentKind.PNG, _whole_png(content))
    raise UnsupportedMediaError("Use a PDF, JPEG or PNG file.", problem="file_kind")


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise damaged()
    if max(width, height) > _LONGEST_SIDE or width * height > _MOST_PIXELS:
        raise UnsupportedMediaError("The picture is too large.", problem="picture_too_large")


# Source: ITU-T T.81, annex B. Frame headers are SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, 0xD9
#: Markers without a length, which no segment may have.
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})
_LENGTH_BYTES = 2
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _whole_jpeg(content: bytes) -> bytes:
    """Return a JPEG up to its end, with the segments that are kept."""
    at, frames, scans = len(_JPEG) - 1, 0, 0
    parts = [content[:at]]
    while True:
        found = _MARKER.match(content, at)
        if found is None:
            raise damaged()
        marker, at = found[1][0], found.end()
        if marker == _END and frames and scans:
            return b"".join((*parts, b"\xff\xd9"))
        after = _segment_end(content, marker, at)
        if marker in _FRAMES:
            height, width = content[at + 3 : at + 5], content[at + 5 : at + 7]
            _check_size(int.from_bytes(width, "big"), int.from_bytes(height, "big"))
            frames += 1
        parts.append(kept_segment(marker, content[found.end(1) - 2 : after]))
        at = after
        if marker == _SCAN:
            scans += 1
            at = _scan_end(content, after, scans)
            parts.append(content[after:at])


def _segment_end(content: bytes, marker: int, at: int) -> int:
    length = int.from_bytes(content[at : at + _LENGTH_BYTES], "big")
    if marker in _ALONE or length < _LENGTH_BYTES or at + length > len(content):
        raise damaged()
    return at + length


def _scan_end(content: bytes, at: int, scans: int) -> int:
    found = _AFTER_SCAN.search(content, at)
    if found is None or scans > _MOST_SCANS:
        raise damaged()
    return found.start()


#: Source: PNG specification, third edition. Others hold texts and colour profiles, some of them
#: compressed, which no doctor's note needs.
_KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"sRGB", b"pHYs"})
#: A chunk is its length, its name, so many bytes, and a checksum.
_CHUNK_BYTES = 12
_MOST_CHUNKS = 20_000
_HEADER_BYTES = _CHUNK_BYTES + 13


def _whole_png(content: bytes) -> bytes:
    """Return a PNG up to its end, without texts and profiles."""
    parts, at = [_PNG], len(_PNG)
    names: list[bytes] = []
    while names[-1:] != [b"IEND"]:
        if len(names) > _MOST_CHUNKS:
            raise damaged()
        chunk = _chunk(content, at)
        name = chunk[4:8]
        names.append(name)
        if name in _KEPT_CHUNKS:
            parts.append(chunk)
        at += len(chunk)
    header = parts[1]
    if names[0] != b"IHDR" or len(header) != _HEADER_BYTES or b"IDAT" not in names:
        raise damaged()
    _check_size(int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:16], "big"))
    return b"".join(parts)


def _chunk(content: bytes, at: int) -> bytes:
    """Return a chunk whose checksum is right."""
    size = _CHUNK_BYTES + int.from_bytes(content[at : at + 4], "big")
    chunk = content[at : at + size]
    checksum = int.from_bytes(chunk[-4:], "big")
    if len(chunk) != size or checksum != zlib.crc32(chunk[4:-4]):
        raise damaged()
    return chunk
