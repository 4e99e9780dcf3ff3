"""List a zip that a person uploaded, and refuse one that is hostile. Nothing is unpacked here.

Only what a plain zip of photos is passes: one part, no password, no zip64, files one after the
other, names that stay inside. So no listed size or place is believed before it was compared.
"""

import os
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from server.imports.sheets import UnreadableFileError

#: Files and folders in an archive.
MOST_FILES = 5_000
#: An archive that unpacks to more than this many times its size holds no photos.
MOST_RATIO = 20
LONGEST_PATH = 300
# Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.12, 4.3.15, 4.3.16, 4.4.4 and 4.5.3.
_END = struct.Struct("<4s4H2LH")
_END_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_LOCAL_BYTES = 30
_CENTRAL_BYTES = 46
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_ZIP64_EXTRA = 1
_LONGEST_COMMENT = 65_535
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_OUTSIDE = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
#: What programs add to archives.
_NOT_MEANT = re.compile(r"(^|/)(__MACOSX/|\.|thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_BROKEN = (
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
)


@dataclass(frozen=True)
class ArchivedFile:
    """A file in an archive.

    Attributes:
        number: its place among the files, from 1.
        path: folders and name, with slashes.
        info: what reads it.
    """

    number: int
    path: str
    info: zipfile.ZipInfo

    @property
    def same(self) -> tuple[int, int]:
        """What files with the same content share; reading a file proves it."""
        return self.info.CRC, self.info.file_size


def open_zip(
    file: BinaryIO, *, most_ratio: int = MOST_RATIO
) -> tuple[zipfile.ZipFile, list[ArchivedFile]]:
    """Open an archive and list its files, without folders and what programs add.

    Args:
        file: the archive.
        most_ratio: how many times its size it may unpack to.

    Raises:
        UnreadableFileError: it is damaged or hostile; the sentence says what to do.
    """
    try:
        size = file.seek(0, os.SEEK_END)
        _refuse_end(file, size)
        archive = zipfile.ZipFile(file)
        listed = archive.infolist()
    except _BROKEN as exc:
        raise broken() from exc
    _refuse_listed(listed, archive.start_dir, size, most_ratio)
    plain = [(info.filename.replace("\\", "/"), info) for info in listed]
    files = [(path, info) for path, info in plain if not path.endswith("/")]
    meant = [(path, info) for path, info in files if not _NOT_MEANT.search(path)]
    if not meant:
        raise UnreadableFileError("No file is in the archive.", problem="zip_empty")
    return archive, [ArchivedFile(at, *one) for at, one in enumerate(meant, start=1)]


def broken() -> UnreadableFileError:
    """Return the error for an archive that does not open."""
    return UnreadableFileError(
        "The archive is damaged or incomplete. Make it again.", problem="zip_broken"
    )


def read_whole(archive: zipfile.ZipFile, file: ArchivedFile, most_bytes: int) -> bytes | None:
    """Return what is in a file; None where it is damaged or larger than the archive says.

    Raises:
        SealBrokenError: the archive itself cannot be decrypted.
    """
    if file.info.file_size > most_bytes:
        return None
    try:
        with archive.open(file.info) as content:
            data = content.read(most_bytes + 1)
    except (*_BROKEN, RuntimeError, zlib.error):
        return None
    return data if len(data) == file.info.file_size else None


def _refuse_end(file: BinaryIO, size: int) -> None:
    """Check the record at the end before anything is allocated by what it says.

    Raises:
        UnreadableFileError, BadZipFile: it is not that of a plain zip.
    """
    file.seek(max(0, size - _LONGEST_COMMENT - 2 * _END.size))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0:
        raise zipfile.BadZipFile
    _, disk, first_disk, here, entries, length, start, comment = _END.unpack_from(tail, at)
    place = size - len(tail) + at
    if tail.find(_END64_MARK) >= 0 or max(length, start) == 2**32 - 1:
        raise _zip64()
    if entries > MOST_FILES or length > MOST_FILES * (_CENTRAL_BYTES + 2 * LONGEST_PATH):
        raise _too_many()
    is_whole = start + length == place and place + _END.size + comment == size
    if not is_whole or disk or first_disk or here != entries:
        raise zipfile.BadZipFile


def _refuse_listed(
    listed: Sequence[zipfile.ZipInfo], start_dir: int, size: int, most_ratio: int
) -> None:
    """Refuse what no archive of photos needs.

    Raises:
        UnreadableFileError: says what.
    """
    if len(listed) > MOST_FILES:
        raise _too_many()
    for info in listed:
        _refuse_one(info)
    if len({info.filename for info in listed}) < len(listed):
        raise broken()
    if sum(info.file_size for info in listed) > most_ratio * size:
        raise UnreadableFileError(
            f"The archive unpacks to more than {most_ratio} times its size.",
            problem="zip_ratio",
            most=most_ratio,
        )
    _refuse_overlaps(listed, start_dir)


def _refuse_one(info: zipfile.ZipInfo) -> None:
    path = info.filename.replace("\\", "/")
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableFileError(
            "The archive has a password. Make one without.", problem="zip_password"
        )
    if info.compress_type not in _METHODS:
        raise UnreadableFileError(
            "The archive is packed in an unusual way. Make a plain zip.", problem="zip_method"
        )
    if _has_zip64(info.extra):
        raise _zip64()
    if _OUTSIDE.search(path) or len(path) > LONGEST_PATH or not path.isprintable():
        raise UnreadableFileError(
            "A file in the archive has a name that cannot be used. Make the archive again from"
            " one folder.",
            problem="zip_names",
        )


def _refuse_overlaps(listed: Sequence[zipfile.ZipInfo], start_dir: int) -> None:
    """Refuse files that share bytes: so few bytes unpack to very many.

    Raises:
        UnreadableFileError: they do.
    """
    in_order = sorted(listed, key=lambda info: info.header_offset)
    ends = [*(info.header_offset for info in in_order[1:]), start_dir]
    for info, end in zip(in_order, ends, strict=True):
        if info.header_offset < 0 or info.compress_size < 0:
            raise broken()
        if info.header_offset + _LOCAL_BYTES + info.compress_size > end:
            raise broken()


def _has_zip64(extra: bytes) -> bool:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64_EXTRA:
            return True
        at += 4 + length
    return False


def _zip64() -> UnreadableFileError:
    return UnreadableFileError(
        "The archive is of the kind for more than 4 GB (zip64). Make a plain zip.",
        problem="zip_zip64",
    )


def _too_many() -> UnreadableFileError:
    return UnreadableFileError(
        f"More than {MOST_FILES} files are in the archive. Divide it into several.",
        problem="zip_files",
        most=MOST_FILES,
    )
