"""A disk that is really full: a small file system in memory, filled to the last byte."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "3m", owner: str | None = None) -> Iterator[Path]:
    """Mount a file system of this size; the test skips where mounting is not allowed.

    Args:
        folder: where; made if it does not exist.
        size: in the words of tmpfs, such as `3m`.
        owner: account that may write into it; None: ours.
    """
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk to the last byte; returns the file to delete."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    return path
