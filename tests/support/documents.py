"""Files that people attach: small whole ones, and hostile ones made from them."""

import struct
import zlib


def tiny_pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF file of one empty page, with further objects and entries of the trailer."""
    body = [
        b"%PDF-1.4\n",
        b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
        b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
        b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>\nendobj\n",
        *objects,
        b"xref\n0 1\n0000000000 65535 f \n",
        b"trailer\n<< /Size 4 /Root 1 0 R " + trailer + b">>\nstartxref\n180\n%%EOF\n",
    ]
    return b"".join(body)


def object_stream(content: bytes, entries: bytes = b"/Type /ObjStm /N 1 /First 4") -> bytes:
    """Objects in a compressed stream."""
    packed = zlib.compress(content)
    described = b"<< %b /Filter /FlateDecode /Length %d >>" % (entries, len(packed))
    return b"9 0 obj\n" + described + b"\nstream\n" + packed + b"\nendstream\nendobj\n"


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiny_png(width: int = 1, height: int = 1, *extra: bytes) -> bytes:
    """A PNG that says it has this size, with further chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + chunk(b"IEND", b"")


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def tiny_jpeg(width: int = 1, height: int = 1, *, scans: int = 1) -> bytes:
    """A JPEG that says it has this size; its scans hold nothing that can be shown."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\xff\xd0\x34"
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + frame + scan * scans + b"\xff\xd9"
