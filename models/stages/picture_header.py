"""Reads from a picture file's first bytes what it is and how large, before anything is decoded."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from models.errors import ImageError, ImageErrorCode
from models.stages.heic import heic_size, is_avif, is_heic

_FOREIGN = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0", b"%PDF", b"8BPS", b"\x76\x2f\x31\x01")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # Source: ITU-T T.81, table B.1
_JPEG_SEQUENTIAL = frozenset([0xC0, 0xC1])  # Huffman coded, not progressive
_JPEG_SCAN = 0xDA
_JPEG_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers without a length


class PictureKind(StrEnum):
    """The formats that are decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    HEIC = "HEIC"


def picture_kind(data: bytes) -> PictureKind:
    """Name the format by the file's own bytes.

    Raises:
        ImageError: NOT_AN_IMAGE or UNSUPPORTED_FORMAT.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return PictureKind.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PictureKind.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return PictureKind.WEBP
    if is_heic(data):
        return PictureKind.HEIC
    if data.startswith(_FOREIGN) or is_avif(data):
        raise ImageError(
            ImageErrorCode.UNSUPPORTED_FORMAT, "the picture is not a JPEG, PNG, WebP or HEIC file"
        )
    raise ImageError(ImageErrorCode.NOT_AN_IMAGE, "this is not a picture")


def image_size(data: bytes) -> tuple[int, int]:
    """Read width and height from the header: as stored; of a HEIC file as it is shown.

    Raises:
        ImageError: NOT_AN_IMAGE, UNSUPPORTED_FORMAT or CORRUPT.
    """
    match picture_kind(data):
        case PictureKind.JPEG:
            size = _jpeg_size(data)
        case PictureKind.PNG:
            size = _png_size(data)
        case PictureKind.WEBP:
            size = _webp_size(data)
        case PictureKind.HEIC:
            size = heic_size(data)
    if size is None or not all(size):
        raise ImageError(ImageErrorCode.CORRUPT, "the picture's header is damaged")
    return size


def is_row_by_row(data: bytes) -> bool:
    """Whether a JPEG can be decoded row by row, without all its coefficients in memory.

    Progressive ones cannot, nor can those whose colours come one after another.
    """
    components = 0
    for marker, at in _jpeg_segments(data):
        if marker in _JPEG_FRAMES:
            if marker not in _JPEG_SEQUENTIAL or len(data) < at + 10:
                return False
            components = data[at + 9]
        elif marker == _JPEG_SCAN:
            return len(data) > at + 4 and data[at + 4] == components > 0
    return False


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Markers up to the first scan, each with the place of its 0xFF."""
    found = []
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        found.append((marker, position))
        if marker == _JPEG_SCAN:
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return found


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, at in _jpeg_segments(data):
        if marker in _JPEG_FRAMES:
            return _pair(data, at + 5, "big", 2, swap=True)
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    return _pair(data, 16, "big", 4) if data[12:16] == b"IHDR" else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Source: RFC 9649, 2.5 to 2.7; RFC 6386, 9.1."""
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        size = _pair(data, 26, "little", 2)
        return size and (size[0] & 0x3FFF, size[1] & 0x3FFF)
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        size = _pair(data, 24, "little", 3)
        return size and (size[0] + 1, size[1] + 1)
    return None


def _pair(
    data: bytes, at: int, order: Literal["little", "big"], width: int, *, swap: bool = False
) -> tuple[int, int] | None:
    if len(data) < at + 2 * width:
        return None
    one, other = (int.from_bytes(data[start : start + width], order) for start in (at, at + width))
    return (other, one) if swap else (one, other)
