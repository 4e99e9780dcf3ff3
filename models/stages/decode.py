"""Turns an upload's bytes into a picture, and refuses whatever is not a sound one.

Nothing is decoded before the header has said how large the picture would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import cv2
import numpy as np

from models.errors import ImageError, ImageErrorCode

if TYPE_CHECKING:
    from models.stages.images import BGRImage

_FOREIGN = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0", b"%PDF", b"8BPS", b"\x76\x2f\x31\x01")
# Source: ISO/IEC 23008-12, annexes B and F, and the AVIF specification, section 6.
_PHONE_BRANDS = frozenset(
    (
        *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
        *(b"mif1", b"mif2", b"msf1", b"avif", b"avis", b"avio"),
    )
)
_MOST_BRANDS = 32
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # Source: ITU-T T.81, table B.1
_JPEG_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers without a length
_ORIENTATION_TAG = 274
# OpenCV's warpAffine, which the stages cut windows out with, asserts sides below SHRT_MAX.
_MAX_SIDE_PX = 32_766
_MAX_EXIF_ENTRIES = 200


def decode_image(data: bytes, *, max_pixels: int) -> BGRImage:
    """Decode a JPEG, PNG or WebP picture, upright as its EXIF orientation says.

    Args:
        data: the file's bytes, from anyone.
        max_pixels: width times height above this is refused unread, and so is a side above
            32,766 pixels.

    Returns:
        (H, W, 3) uint8, BGR; transparency is dropped, more bits are reduced to 8.

    Raises:
        ImageError: EMPTY, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TOO_LARGE or CORRUPT.
    """
    if not data:
        raise ImageError(ImageErrorCode.EMPTY, "the picture is empty")
    width_px, height_px = image_size(data)
    if width_px * height_px > max_pixels or max(width_px, height_px) > _MAX_SIDE_PX:
        raise ImageError(
            ImageErrorCode.TOO_LARGE,
            f"the picture has {width_px} x {height_px} pixels, more than {max_pixels}"
            f" or a side above {_MAX_SIDE_PX}",
        )
    picture = _decode(data)
    if picture.shape[:2] not in {(height_px, width_px), (width_px, height_px)}:
        raise _corrupt("the picture is not as large as its header says")
    return picture


def image_size(data: bytes) -> tuple[int, int]:
    """Read width and height from the header, as stored, before any EXIF rotation.

    Raises:
        ImageError: NOT_AN_IMAGE, UNSUPPORTED_FORMAT or CORRUPT.
    """
    if data.startswith(b"\xff\xd8\xff"):
        size = _jpeg_size(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        size = _png_size(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size = _webp_size(data)
    elif data.startswith(_FOREIGN) or _is_of_a_phone(data):
        raise ImageError(
            ImageErrorCode.UNSUPPORTED_FORMAT, "the picture is not a JPEG, PNG or WebP file"
        )
    else:
        raise ImageError(ImageErrorCode.NOT_AN_IMAGE, "this is not a picture")
    if size is None or not all(size):
        raise _corrupt("the picture's header is damaged")
    return size


def _is_of_a_phone(data: bytes) -> bool:
    """HEIC or AVIF, by the brand of the file or one it says it is compatible with."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * _MOST_BRANDS, len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    return not _PHONE_BRANDS.isdisjoint(brands)


def _decode(data: bytes) -> BGRImage:
    if data.startswith(b"\x89PNG"):
        data = _without_the_rest(data)
    is_webp = data.startswith(b"RIFF")
    # WORKAROUND OpenCV 4.11 turns JPEG and PNG upright, but not WebP: done here, and switched off
    # there so that a later OpenCV does not turn it twice.
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if is_webp else 0)
    try:
        picture = cast("BGRImage | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
    except cv2.error as error:
        raise _corrupt("the picture cannot be decoded") from error
    if picture is None:
        raise _corrupt("the picture cannot be decoded")
    return upright(picture, _webp_orientation(data)) if is_webp else picture


def upright(picture: BGRImage, orientation: int) -> BGRImage:
    """Turn a picture by its EXIF orientation, 1 to 8; other values leave it as it is.

    Source: CIPA DC-008 (EXIF 2.32), 4.6.4 A, tag 274.
    """
    turned = picture.transpose(1, 0, 2) if 5 <= orientation <= 8 else picture
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def _webp_orientation(data: bytes) -> int:
    position = 12
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"EXIF":
            return _exif_orientation(data[position + 8 : position + 8 + size])
        position += 8 + size + size % 2
    return 1


def _exif_orientation(tiff: bytes) -> int:
    tiff = tiff.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(at: int, width: int) -> int:
        return int.from_bytes(tiff[at : at + width], order)

    directory = number(4, 4)
    for entry in range(min(number(directory, 2), _MAX_EXIF_ENTRIES)):
        at = directory + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION_TAG:
            return number(at + 8, 2)
    return 1


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _JPEG_FRAMES:
            return _pair(data, position + 5, "big", 2, swap=True)
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _png_size(data: bytes) -> tuple[int, int] | None:
    return _pair(data, 16, "big", 4) if data[12:16] == b"IHDR" else None


def _without_the_rest(data: bytes) -> bytes:
    """A PNG up to its end, each chunk as long as it says.

    WORKAROUND OpenCV 4.11 allocates what a chunk says it holds, behind the end too: 161 bytes took
    3.5 GB.
    """
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        position += 12 + length
        if kind == b"IEND" and length == 0:
            return data[:position]
    raise _corrupt("the picture ends early")


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


def _corrupt(message: str) -> ImageError:
    return ImageError(ImageErrorCode.CORRUPT, message)
