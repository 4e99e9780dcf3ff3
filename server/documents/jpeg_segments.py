"""Which segments of a JPEG are kept: nothing that says where, when or with what it was taken.

A camera writes the place, the time and the device into the picture, and often a small copy of it
from before it was cropped. Only what decoders need is kept, and which side is up.
"""

import struct

# Source: ITU-T T.81, annex B (APPn, COM); T.871 (JFIF, in APP0); Adobe's colours are in APP14.
_JFIF_MARKER, _EXIF_MARKER, _ADOBE_MARKER, _COMMENT = 0xE0, 0xE1, 0xEE, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_JFIF, _EXIF = b"JFIF\0", b"Exif\0\0"
#: A JFIF header up to the size of the small copy, which ends it where there is none.
_JFIF_BYTES = 12
_NO_COPY = b"\0\0"
_HEADER_BYTES = 4  # marker and length

# Source: TIFF 6.0, section 2 (header, directory), and Exif 2.32, 4.6.4 (orientation).
_ENTRY_BYTES = 12
_ORIENTATION_TAG, _SHORT = 0x0112, 3
_ORIENTATIONS = range(2, 9)  # 1 is the same as none


def kept_segment(marker: int, segment: bytes) -> bytes:
    """Return what is kept of a segment; nothing where it is left out.

    Args:
        marker: its second byte.
        segment: the whole of it, with marker and length.
    """
    data = segment[_HEADER_BYTES:]
    if marker == _JFIF_MARKER:
        return _without_copy(segment, data) if data.startswith(_JFIF) else b""
    if marker == _EXIF_MARKER and data.startswith(_EXIF):
        return _only_orientation(data[len(_EXIF) :])
    if marker == _COMMENT or (marker in _APPLICATION and marker != _ADOBE_MARKER):
        return b""
    return segment


def _without_copy(segment: bytes, data: bytes) -> bytes:
    if len(data) <= _JFIF_BYTES + len(_NO_COPY):
        return segment
    return _segment(_JFIF_MARKER, data[:_JFIF_BYTES] + _NO_COPY)


def _only_orientation(tiff: bytes) -> bytes:
    """Return a segment that says which side is up; nothing where the picture is upright."""
    orientation = _orientation(tiff)
    if orientation not in _ORIENTATIONS:
        return b""
    entry = struct.pack(">HHIHH", _ORIENTATION_TAG, _SHORT, 1, orientation, 0)
    directory = struct.pack(">H", 1) + entry + struct.pack(">I", 0)
    return _segment(_EXIF_MARKER, _EXIF + b"MM\0*" + struct.pack(">I", 8) + directory)


def _orientation(tiff: bytes) -> int | None:
    """Return the orientation of the first directory; None where it has none, or is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for number in range(count):
            entry = at + 2 + number * _ENTRY_BYTES
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if (tag, kind) == (_ORIENTATION_TAG, _SHORT):
                return int(value)
    except struct.error:
        return None
    return None


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
