"""Turns an upload's bytes into an upright picture, and refuses data that is not a sound one.

Nothing is decoded before the header has said how large the picture would be.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

from models.errors import ImageError, ImageErrorCode
from models.stages.heic import decode_heic
from models.stages.images import shrunk
from models.stages.orientation import png_chunks, stored_orientation, upright
from models.stages.picture_header import PictureKind, image_size, is_row_by_row, picture_kind

if TYPE_CHECKING:
    from models.stages.images import BGRImage

# OpenCV's warpAffine, which the stages cut windows out with, asserts sides below SHRT_MAX.
_MAX_SIDE_PX = 32_766
MAX_WORKING_PIXELS = 25_000_000
"""Larger pictures are made smaller: a face in them has more pixels than any model looks at."""
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_image(data: bytes, *, max_pixels: int, max_jpeg_pixels: int = 0) -> BGRImage:
    """Decode a JPEG, PNG, WebP or HEIC picture, upright as its EXIF orientation says.

    A picture above `MAX_WORKING_PIXELS` comes at a half, a quarter or an eighth of its sides; a
    JPEG is decoded at that size from the start.

    Args:
        data: the file's bytes, from anyone.
        max_pixels: width times height above this is refused unread, and so is a side above
            32,766 pixels.
        max_jpeg_pixels: the same for a JPEG that can be decoded row by row, which takes little
            memory however large it is; below `max_pixels` it counts for nothing.

    Returns:
        (H, W, 3) uint8, BGR; transparency is dropped, more bits are reduced to 8.

    Raises:
        ImageError: EMPTY, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, TOO_LARGE or CORRUPT.
    """
    if not data:
        raise ImageError(ImageErrorCode.EMPTY, "the picture is empty")
    kind, (width_px, height_px) = picture_kind(data), image_size(data)
    most = max_pixels
    if kind is PictureKind.JPEG and is_row_by_row(data):
        most = max(max_pixels, max_jpeg_pixels)
    part = _part(width_px, height_px)
    if width_px * height_px > most or ceil(max(width_px, height_px) / part) > _MAX_SIDE_PX:
        raise ImageError(
            ImageErrorCode.TOO_LARGE,
            f"the picture has {width_px} x {height_px} pixels, more than {most}"
            f" or a side above {_MAX_SIDE_PX}",
        )
    if kind is PictureKind.HEIC:
        return decode_heic(data, part)
    picture = _decode(data, kind, part)
    decoded = part if kind is PictureKind.JPEG else 1
    if picture.shape[:2] != (ceil(height_px / decoded), ceil(width_px / decoded)):
        raise _corrupt("the picture is not as large as its header says")
    return upright(shrunk(picture, part // decoded), stored_orientation(data, kind))


def _part(width_px: int, height_px: int) -> int:
    """By how much the sides are divided: 1, 2, 4 or 8."""
    for part in _REDUCED:
        if ceil(width_px / part) * ceil(height_px / part) <= MAX_WORKING_PIXELS:
            return part
    return max(_REDUCED)


def _decode(data: bytes, kind: PictureKind, part: int) -> BGRImage:
    if kind is PictureKind.PNG:
        data = _without_the_rest(data)
    # OpenCV would read the orientation from a JPEG's first segment only, and none of WebP.
    flags = _REDUCED[part if kind is PictureKind.JPEG else 1] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        picture = cast("BGRImage | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
    except cv2.error as error:
        raise _corrupt("the picture cannot be decoded") from error
    if picture is None:
        raise _corrupt("the picture cannot be decoded")
    return picture


def _without_the_rest(data: bytes) -> bytes:
    """A PNG up to its end, each chunk as long as it says.

    WORKAROUND OpenCV 4.11 allocates what a chunk says it holds, behind the end too: 161 bytes took
    3.5 GB.
    """
    for kind, start, end in png_chunks(data):
        if kind == b"IEND" and end - start == 12:
            return data[:end]
    raise _corrupt("the picture ends early")


def _corrupt(message: str) -> ImageError:
    return ImageError(ImageErrorCode.CORRUPT, message)
