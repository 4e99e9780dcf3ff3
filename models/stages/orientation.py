"""Which way up a picture file says it is: EXIF in any segment, chunk or byte order, or XMP."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from models.stages.picture_header import PictureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.stages.images import BGRImage

AS_STORED = 1
# What Pillow raises for damaged files; a picture whose pixels are sound is used as it is stored.
_FAULTS = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(struct.error, OverflowError, ZeroDivisionError, RuntimeError, UserWarning, MemoryError),
)
_READERS: dict[PictureKind, type[JpegImageFile | PngImageFile | WebPImageFile]] = {
    PictureKind.JPEG: JpegImageFile,
    PictureKind.PNG: PngImageFile,
    PictureKind.WEBP: WebPImageFile,
}
# Of a PNG: the pixels, and the frames of an animation.
_PIXELS = frozenset((b"IDAT", b"fdAT", b"fcTL", b"acTL"))


def stored_orientation(data: bytes, kind: PictureKind) -> int:
    """Read the orientation, 1 to 8; 1 where there is none or it cannot be read.

    HEIC files are turned while they are decoded: theirs is always 1.

    Source: CIPA DC-008 (EXIF 2.32), 4.6.4 A, tag 274; XMP part 2, tiff:Orientation.
    """
    if kind not in _READERS:
        return AS_STORED
    head = without_pixels(data) if kind is PictureKind.PNG else data
    try:
        with _READERS[kind](io.BytesIO(head)) as picture:
            # PngImageFile's own method would decode all pixels first.
            found = Image.Image.getexif(picture).get(ExifTags.Base.Orientation)
    except _FAULTS:
        return AS_STORED
    return found if isinstance(found, int) and 1 <= found <= 8 else AS_STORED


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


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """List a PNG's chunks: kind, start and end, each as long as it says, up to the end chunk.

    The end of one may lie behind the file's.
    """
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        yield kind, position, position + 12 + length
        if kind == b"IEND":
            return
        position += 12 + length


def without_pixels(data: bytes) -> bytes:
    """Return a PNG's header, texts and EXIF, wherever they stand."""
    kept = [data[start:end] for kind, start, end in png_chunks(data) if kind not in _PIXELS]
    return data[:8] + b"".join(kept)
