"""Check an attached file by its own bytes; what a client calls it does not count.

Nothing is decoded: pictures are read up to their size, and PDF files are searched for what a
reader might run. What follows the end of a picture is cut off.
"""

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

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
        return CheckedFile(DocumentKind.PDF, _whole_pdf(content))
    if content.startswith(_JPEG):
        return CheckedFile(DocumentKind.JPEG, _whole_jpeg(content))
    if content.startswith(_PNG):
        return CheckedFile(DocumentKind.PNG, _whole_png(content))
    raise UnsupportedMediaError("Use a PDF, JPEG or PNG file.", problem="file_kind")


def _damaged() -> UnsupportedMediaError:
    return UnsupportedMediaError("The file is damaged or incomplete.", problem="file_damaged")


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise _damaged()
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
    """Return a JPEG up to its end."""
    at, frames, scans = len(_JPEG) - 1, 0, 0
    while True:
        found = _MARKER.match(content, at)
        if found is None:
            raise _damaged()
        marker, at = found[1][0], found.end()
        if marker == _END and frames and scans:
            return content[:at]
        after = _segment_end(content, marker, at)
        if marker in _FRAMES:
            height, width = content[at + 3 : at + 5], content[at + 5 : at + 7]
            _check_size(int.from_bytes(width, "big"), int.from_bytes(height, "big"))
            frames += 1
        at = after
        if marker == _SCAN:
            scans += 1
            at = _scan_end(content, after, scans)


def _segment_end(content: bytes, marker: int, at: int) -> int:
    length = int.from_bytes(content[at : at + _LENGTH_BYTES], "big")
    if marker in _ALONE or length < _LENGTH_BYTES or at + length > len(content):
        raise _damaged()
    return at + length


def _scan_end(content: bytes, at: int, scans: int) -> int:
    found = _AFTER_SCAN.search(content, at)
    if found is None or scans > _MOST_SCANS:
        raise _damaged()
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
            raise _damaged()
        chunk = _chunk(content, at)
        name = chunk[4:8]
        names.append(name)
        if name in _KEPT_CHUNKS:
            parts.append(chunk)
        at += len(chunk)
    header = parts[1]
    if names[0] != b"IHDR" or len(header) != _HEADER_BYTES or b"IDAT" not in names:
        raise _damaged()
    _check_size(int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:16], "big"))
    return b"".join(parts)


def _chunk(content: bytes, at: int) -> bytes:
    """Return a chunk whose checksum is right."""
    size = _CHUNK_BYTES + int.from_bytes(content[at : at + 4], "big")
    chunk = content[at : at + size]
    checksum = int.from_bytes(chunk[-4:], "big")
    if len(chunk) != size or checksum != zlib.crc32(chunk[4:-4]):
        raise _damaged()
    return chunk


# Source: ISO 32000-2, 7.3.5 (names), 7.5.7 (object streams) and 12.6.4 (actions).
_DELIMITER = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|\Z)"


def _names(*words: str) -> re.Pattern[bytes]:
    """Return a pattern for names; each of their characters may be written as two hex digits."""
    firsts = "".join({word[0] for word in words})
    spelled = ("".join(f"(?:{one}|#(?i:{ord(one):02x}))" for one in word) for word in words)
    # What may not follow a slash is ruled out at once: there may be millions of them.
    return re.compile(f"/(?=[{firsts}#])(?:{'|'.join(spelled)})".encode() + _DELIMITER)


_ENCRYPTED = _names("Encrypt")
_ACTIVE = _names(
    *("JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "RichMedia", "XFA"),
    *("SubmitForm", "ImportData", "GoToE", "GoToR", "Rendition", "Movie", "Sound"),
)
_STREAM = re.compile(rb"(?<!end)stream(?:\r\n|\n|\r)")
_OBJECTS, _FIRST_OBJECT, _COUNT = _names("ObjStm"), _names("First"), _names("N")
_FLATE = _names("FlateDecode")
_OTHER_FILTER = _names(
    *("LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode", "Crypt"),
    *("LZW", "AHx", "A85", "RL", "Fl", "DecodeParms"),
)
_MOST_STREAMS, _MOST_OBJECT_BYTES, _PIECE_BYTES = 20_000, 8 * 1024 * 1024, 65_536
_TAIL_BYTES = 1024


def _whole_pdf(content: bytes) -> bytes:
    """Return a PDF file that a reader only shows."""
    tail = content[-_TAIL_BYTES:].rstrip(b"\x00\t\n\f\r ")
    if not tail.endswith(b"%%EOF") or b"startxref" not in tail:
        raise _damaged()
    if _ENCRYPTED.search(content):
        raise UnsupportedMediaError("The PDF file is encrypted.", problem="pdf_encrypted")
    if _ACTIVE.search(content) or any(_ACTIVE.search(one) for one in _object_streams(content)):
        raise UnsupportedMediaError("The PDF file has active parts.", problem="pdf_active")
    return content


def _object_streams(content: bytes) -> list[bytes]:
    """Return the objects that a PDF file holds in compressed streams."""
    found: list[bytes] = []
    left, before = _MOST_OBJECT_BYTES, 0
    for number, stream in enumerate(_STREAM.finditer(content)):
        if number > _MOST_STREAMS:
            raise _unclear()
        described, before = content[before : stream.start()], stream.end()
        is_plain_pair = _FIRST_OBJECT.search(described) and _COUNT.search(described)
        if not (_OBJECTS.search(described) or is_plain_pair):
            continue
        if _OTHER_FILTER.search(described):
            raise _unclear()
        if _FLATE.search(described):
            found.append(_inflated(content, stream.end(), left))
            left -= len(found[-1])
    return found


def _inflated(content: bytes, start: int, most: int) -> bytes:
    """Return what a stream holds, a piece of the file at a time."""
    reader, found = zlib.decompressobj(), bytearray()
    try:
        for at in range(start, len(content), _PIECE_BYTES):
            found += reader.decompress(content[at : at + _PIECE_BYTES], most + 1 - len(found))
            if len(found) > most:
                raise _unclear()
            if reader.eof:
                return bytes(found)
    except zlib.error as exc:
        raise _damaged() from exc
    raise _damaged()


def _unclear() -> UnsupportedMediaError:
    return UnsupportedMediaError("The PDF file cannot be checked.", problem="pdf_unclear")
