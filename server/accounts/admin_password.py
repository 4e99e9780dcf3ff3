"""Print the first one-time password once when the server starts, and keep it in a file."""

import os
import sys
from pathlib import Path

from server.config import Settings


def announce_admin_password(settings: Settings, password: str) -> None:
    """Print the password on standard output, and keep it in a file only its owner can read."""
    path = _path(settings)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password + "\n")
    sys.stdout.write(f"admin password: {password}\n")
    sys.stdout.flush()


def forget_admin_password(settings: Settings) -> None:
    """Delete the file after the admin has chosen a new password."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.data_dir / "admin-password.txt"
