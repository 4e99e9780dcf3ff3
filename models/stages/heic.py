"""HEIC, the format of iPhones: recognised by its brands, decoded by libheif."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pi_heif

from models.errors import ImageError, ImageErrorCode
from models.stages.images import shrunk

if TYPE_CHECKING:
    from models.stages.images import BGRImage

# Source: ISO/IEC 23008-12, annexes B and F, and the AVIF specification, section 6.
_HEIC_BRANDS = frozenset(
    (
        *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
        *(b"mif1", b"mif2", b"msf1"),
    )
)
_AVIF_BRANDS = frozenset((b"avif", b"avis", b"avio"))
_MOST_BRANDS = 32
# libheif's own limits stay on: a file whose pixels are more than its header says is refused unread.
_FAULTS = (RuntimeError, ValueError, EOFError, OSError, SyntaxError, MemoryError)


def is_heic(data: bytes) -> bool:
    """Whether the file says that it is HEIC, and not AVIF."""
    brands = _brands(data)
    return not _HEIC_BRANDS.isdisjoint(brands) and _AVIF_BRANDS.isdisjoint(brands)


def is_avif(data: bytes) -> bool:
    """Whether the file says that it is AVIF, or compatible with it."""
    return not _AVIF_BRANDS.isdisjoint(_brands(data))


def heic_size(data: bytes) -> tuple[int, int]:
    """Read width and height, turned as the file says, without decoding.

    Raises:
        ImageError: CORRUPT.
    """
    width, height = _opened(data).size
    return width, height


def decode_heic(data: bytes, part: int = 1) -> BGRImage:
    """Decode the file's main picture, turned and cut as the file says.

    Args:
        data: the file's bytes.
        part: by how much its sides are divided, > 0.

    Returns:
        (H, W, 3) uint8, BGR.

    Raises:
        ImageError: CORRUPT.
    """
    opened = _opened(data)
    width_px, height_px = opened.size
    try:
        # WORKAROUND pi-heif 1.4 frees the pixels with the file, whatever array still shows them;
        # and its rows may be longer than the picture.
        picture = np.asarray(opened, np.uint8)[:height_px, :width_px]
    except _FAULTS as error:
        raise ImageError(ImageErrorCode.CORRUPT, "the picture cannot be decoded") from error
    if picture.ndim == 2:
        picture = picture[..., None].repeat(3, axis=-1)
    if picture.shape[:2] != (height_px, width_px):
        raise ImageError(ImageErrorCode.CORRUPT, "the picture is not as large as its header says")
    coloured = picture[..., :3]
    return coloured.copy() if part == 1 else shrunk(np.ascontiguousarray(coloured), part)


def _opened(data: bytes) -> pi_heif.HeifFile:
    try:
        return pi_heif.open_heif(data, convert_hdr_to_8bit=True, bgr_mode=True)
    except _FAULTS as error:
        raise ImageError(ImageErrorCode.CORRUPT, "the picture's header is damaged") from error


def _brands(data: bytes) -> list[bytes]:
    """The brand of the file and those it says it is compatible with."""
    if data[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * _MOST_BRANDS, len(data))
    return [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
