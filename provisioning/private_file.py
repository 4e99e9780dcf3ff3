"""Writes files that hold secrets or reports: in one step, and readable by their owner alone."""

import os
import stat
import tempfile
from pathlib import Path

from provisioning.errors import ProvisioningError


def check_place(path: Path) -> None:
    """Check that a file can be written here, before anything is spent on its content.

    Raises:
        ProvisioningError: it cannot, or something else than a regular file is there.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise ProvisioningError(f"{path} is not a regular file, nothing was written")
        handle, name = tempfile.mkstemp(prefix=".rollcall-", dir=path.resolve().parent)
        os.close(handle)
        Path(name).unlink()
    except OSError as exc:
        raise ProvisioningError(f"cannot write {path}: {exc.strerror}") from exc


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600; one that is there is replaced in one step.

    Raises:
        ProvisioningError: it cannot be written.
    """
    check_place(path)
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(prefix=".rollcall-", dir=target.parent)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise ProvisioningError(f"cannot write {path}: {exc.strerror}") from exc
