"""Writes into the asset folder: whole files, one command at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def place(content: bytes, target: Path) -> Path:
    """Write a file so that it is there whole or not at all; returns the target.

    Raises:
        OSError: it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".partial-", dir=target.parent, delete=False) as file:
        path = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            path.chmod(0o644)
            path.replace(target)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return target


@contextmanager
def sole_use_of(folder: Path) -> Iterator[None]:
    """Wait until no other `rollcall-models` changes the folder; made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".rollcall-models.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
