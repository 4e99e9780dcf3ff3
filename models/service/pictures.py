"""From the base64 of a request to a picture, or to words that say why not."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from models.errors import ImageError
from models.service.errors import IMAGE_CODES, ErrorCode, RefusalError
from models.stages.decode import decode_image

if TYPE_CHECKING:
    from models.stages.images import BGRImage

_WORDS = {
    ErrorCode.EMPTY_IMAGE: "The picture is empty.",
    ErrorCode.NOT_AN_IMAGE: "The data is not a picture.",
    ErrorCode.UNSUPPORTED_FORMAT: "The picture's format is not supported; send JPEG, PNG or WebP.",
    ErrorCode.IMAGE_TOO_LARGE: "The picture has too many pixels.",
    ErrorCode.CORRUPT_IMAGE: "The picture is damaged.",
}
_PHONE_WORDS = (
    "The picture is a HEIC or AVIF file, which is not supported; send JPEG, PNG or WebP. An iPhone"
    " takes JPEG with Settings > Camera > Formats > Most Compatible."
)


def decode_picture(image_base64: str, max_pixels: int) -> BGRImage:
    """Decode a base64 picture, with or without a data URL's head.

    Returns:
        (H, W, 3) uint8, BGR, upright.

    Raises:
        RefusalError: it is not base64, or not a picture that can be used.
    """
    head, comma, body = image_base64.partition(",")
    text = body if comma and head.startswith("data:") else image_base64
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusalError(ErrorCode.INVALID_BASE64, "image_base64 is not base64.") from error
    try:
        return decode_image(data, max_pixels=max_pixels)
    except ImageError as error:
        code = IMAGE_CODES[error.code]
        raise RefusalError(code, _words(code, data)) from error


def _words(code: ErrorCode, data: bytes) -> str:
    # Of the formats that are known and not taken, HEIC and AVIF are those in ISO media files.
    is_phone_format = code is ErrorCode.UNSUPPORTED_FORMAT and data[4:8] == b"ftyp"
    return _PHONE_WORDS if is_phone_format else _WORDS[code]
