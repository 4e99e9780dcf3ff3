"""Finds the bundles in the administrator's folder, and opens the files that they list."""

import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from server.errors import NotFoundError

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
MOST_BUNDLES = 50
"""A school has two or three: one for each Python, and those of the version before."""
_MOST_MANIFEST_BYTES = 4 * 1024 * 1024
_FORMAT = 1
_DIGEST = re.compile("[0-9a-f]{64}")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocking, so that a named pipe in place of a file holds up nothing.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class BundleEntry:
    """A file that a manifest lists."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle says of itself.

    Attributes:
        sha256: of the manifest file; the name of the bundle.
        rollcall: version.
        python: tag, such as `cp311`.
        platform: processor and libc.
        entries: its files by their path in it; the manifest is one of them.
    """

    sha256: str
    rollcall: str
    python: str
    platform: str
    entries: dict[str, BundleEntry]


@dataclass(frozen=True)
class OfferedBundle:
    """A bundle that can be downloaded.

    Attributes:
        folder: where it lies.
        manifest: its list of files.
        changed_at: when its manifest was written, UTC.
    """

    folder: Path
    manifest: BundleManifest
    changed_at: datetime


def offered(place: Path) -> list[OfferedBundle]:
    """Return the bundles in a folder, newest first; a folder without a finished one is skipped.

    Args:
        place: holds a folder for each bundle; it may be missing.
    """
    found = [one for folder in _folders(place) if (one := _bundle(folder)) is not None]
    return sorted(found, key=lambda one: one.changed_at, reverse=True)


def open_file(place: Path, sha256: str, path: str) -> tuple[BinaryIO, BundleEntry]:
    """Open a file that a bundle lists; no other can be opened, whatever the path says.

    Args:
        place: holds a folder for each bundle.
        sha256: of the bundle's manifest.
        path: of the file in the bundle.

    Raises:
        NotFoundError: there is no such bundle, or the file is missing or damaged in it.
    """
    found = (one for one in offered(place) if one.manifest.sha256 == sha256)
    if (bundle := next(found, None)) is None:
        raise NotFoundError("This server does not offer this bundle.", problem="no_bundle")
    if (entry := bundle.manifest.entries.get(path)) is not None:
        try:
            file = _opened(bundle.folder, path)
        except OSError as exc:
            logger.warning("bundle file unreadable sha256=%s reason=%s", sha256, type(exc).__name__)
        else:
            if os.fstat(file.fileno()).st_size == entry.size_bytes:
                return file, entry
            file.close()
            logger.warning("bundle file has another size sha256=%s", sha256)
    raise NotFoundError("The bundle on this server lacks this file.", problem="no_bundle_file")


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as found:
            folders = [one.path for one in found if one.is_dir(follow_symlinks=False)]
    except OSError:  # nothing was put there yet
        return []
    return [Path(path) for path in sorted(folders)[:MOST_BUNDLES]]


def _bundle(folder: Path) -> OfferedBundle | None:
    try:
        with _opened(folder, MANIFEST) as file:
            changed_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            raw = file.read(_MOST_MANIFEST_BYTES)
        return OfferedBundle(folder, _read(raw), changed_at)
    except (OSError, OverflowError):
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None  # another folder, or a bundle that is being made


@lru_cache(maxsize=MOST_BUNDLES)
def _read(raw: bytes) -> BundleManifest:
    content = json.loads(raw)
    if content["format"] != _FORMAT:
        raise ValueError("another version of the manifest")
    sha256 = hashlib.sha256(raw).hexdigest()
    entries = {MANIFEST: BundleEntry(sha256, len(raw))}
    for one in content["files"]:
        path, entry = str(one["path"]), BundleEntry(str(one["sha256"]), int(one["bytes"]))
        if _leads_out(path) or path in entries or not _DIGEST.fullmatch(entry.sha256):
            raise ValueError("a file that no bundle has")
        entries[path] = entry
    rollcall, python = str(content["rollcall"]), str(content["python"])
    return BundleManifest(sha256, rollcall, python, str(content["platform"]), entries)


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path)
    is_plain = path.isprintable() and str(parts) == path and path != "."
    return not is_plain or parts.is_absolute() or ".." in parts.parts


def _opened(folder: Path, path: str) -> BinaryIO:
    """Open a file below a folder without following a link on the way.

    Raises:
        OSError: a part of the way is missing or a link, or it leads to no regular file.
    """
    *folders, name = PurePosixPath(path).parts
    handle = os.open(folder, _FOLDER_FLAGS)
    try:
        for part in folders:
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=handle)
            os.close(handle)
            handle = inner
        found = os.open(name, _FILE_FLAGS, dir_fd=handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise FileNotFoundError("not a regular file")
    return os.fdopen(found, "rb")


def pieces_of(file: BinaryIO, start: int, size_bytes: int, piece_bytes: int) -> Iterator[bytes]:
    """Yield a part of a file.

    Args:
        file: open.
        start: first byte.
        size_bytes: how many bytes; a file that was cut meanwhile yields fewer.
        piece_bytes: how many at a time.
    """
    file.seek(start)
    while size_bytes and (piece := file.read(min(piece_bytes, size_bytes))):
        size_bytes -= len(piece)
        yield piece
