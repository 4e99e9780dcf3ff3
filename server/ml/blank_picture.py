"""A generated picture without a face: it proves address, key and decoding with nobody's photo."""

import struct
import zlib
from functools import cache

_SIDE_PX = 96


@cache
def blank_picture() -> bytes:
    """Draw a grey gradient and return it as a PNG file, 96x96 pixels, 8 bits of grey."""
    # Source: PNG specification (ISO/IEC 15948), 5.2 and 11.2; filter type 0 for each row.
    rows = b"".join(b"\0" + bytes(64 + x for x in range(_SIDE_PX)) for _ in range(_SIDE_PX))
    header = struct.pack(">IIBBBBB", _SIDE_PX, _SIDE_PX, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
