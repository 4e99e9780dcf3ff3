"""Zips as people make them, and as no program would."""

import io
import struct
import zipfile


def zip_of(files: dict[str, bytes], *, packed: bool = False) -> bytes:
    """Return a zip; the first name of two equal ones is kept."""
    found = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(found, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return found.getvalue()


def central(data: bytes, field: int, value: bytes, *, number: int = 0) -> bytes:
    """Change a field of an entry of the central directory.

    Args:
        data: the zip.
        field: its place within the entry.
        value: its new bytes.
        number: of the entry.
    """
    at = -1
    for _ in range(number + 1):
        at = data.index(b"PK\x01\x02", at + 1)
    return data[: at + field] + value + data[at + field + len(value) :]


def ending(data: bytes, field: int, value: bytes) -> bytes:
    """Change a field of the record at the end."""
    at = data.rindex(b"PK\x05\x06")
    return data[: at + field] + value + data[at + field + len(value) :]


def overlapping() -> bytes:
    """Return a zip whose files share the same bytes."""
    data = zip_of({f"{number}.jpg": b"\xff\xd8\xff" + bytes(range(256)) * 4 for number in range(3)})
    for number in (1, 2):
        data = central(data, 42, struct.pack("<L", 0), number=number)
    return data
