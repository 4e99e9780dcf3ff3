"""From the base64 of a request to a picture, or to words that say why not."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from models.errors import ImageError
from models.service.errors import IMAGE_CODES, ErrorCode, RefusalError
from models.stages.decode import decode_image
from models.stages.heic import is_avif

if TYPE_CHECKING:
    from models.service.config import Settings
    from models.stages.images import BGRImage

_WORDS = {
    ErrorCode.EMPTY_IMAGE: "The picture is empty.",
    ErrorCode.NOT_AN_IMAGE: "The data is not a picture.",
    ErrorCode.UNSUPPORTED_FORMAT: "The picture's format is not supported; send JPEG, PNG, WebP or"
    " HEIC.",
    ErrorCode.IMAGE_TOO_LARGE: "The picture has too many pixels.",
    ErrorCode.CORRUPT_IMAGE: "The picture is damaged.",
}
_AVIF_WORDS = "The picture is an AVIF file, which is not supported; send JPEG, PNG, WebP or HEIC."


def decode_picture(image_base64: str, settings: Settings) -> BGRImage:
    """Decode a base64 picture, with or without a data URL's head.

    Args:
        image_base64: the picture.
        settings: with the largest picture that is accepted.

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
        return decode_image(
            data, max_pixels=settings.max_pixels, max_jpeg_pixels=settings.max_jpeg_pixels
        )
    except ImageError as error:
        code = IMAGE_CODES[error.code]
        raise RefusalError(code, _words(code, data)) from error


def _words(code: ErrorCode, data: bytes) -> str:
    is_unsupported = code is ErrorCode.UNSUPPORTED_FORMAT
    return _AVIF_WORDS if is_unsupported and is_avif(data) else _WORDS[code]
