"""Unpack a zip within limits: neither what it declares nor what it really holds may exceed them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from server.imports.sheets import MOST_ENTRIES, MOST_UNPACKED_BYTES, UnreadableFileError

_CHUNK = 1024 * 1024
_MIB = 1024 * 1024
_KNOWN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


def unpacked(data: bytes, is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted entries of a zip by name.

    Args:
        data: the zip.
        is_wanted: tells by its name whether an entry is read at all.

    Raises:
        UnreadableFileError: it is damaged, has a password, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _entries(archive, is_wanted)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        OverflowError,
        RuntimeError,  # NotImplementedError is one
    ) as exc:
        raise damaged() from exc


def damaged() -> UnreadableFileError:
    """Return the error for a workbook that does not open."""
    return UnreadableFileError(
        "The workbook is damaged or incomplete. Export it again.", problem="workbook_damaged"
    )


def _entries(archive: zipfile.ZipFile, is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    listed = archive.infolist()
    if len(listed) > MOST_ENTRIES or sum(one.file_size for one in listed) > MOST_UNPACKED_BYTES:
        raise _too_large()
    found: dict[str, bytes] = {}
    left = MOST_UNPACKED_BYTES
    for entry in listed:
        if not is_wanted(entry.filename):
            continue
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _KNOWN:
            raise damaged()
        if entry.filename in found:
            raise damaged()
        found[entry.filename] = _inflated(archive, entry, left)
        left -= len(found[entry.filename])
    return found


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Return an entry; reading stops where it is larger than it may be."""
    parts, size = [], 0
    with archive.open(entry) as file:
        while part := file.read(_CHUNK):
            size += len(part)
            if size > most:
                raise _too_large()
            parts.append(part)
    return b"".join(parts)


def _too_large() -> UnreadableFileError:
    most = MOST_UNPACKED_BYTES // _MIB
    return UnreadableFileError(
        f"The file unpacks to more than {most} MB or to too many parts. Save the rows as CSV.",
        problem="file_unpacks",
        most=most,
    )
