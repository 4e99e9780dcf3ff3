"""The server's own MQTT password: made once in the data folder, shared with the broker process."""

import os
import secrets
from pathlib import Path

from server.config import Settings
from server.db.private import private_folder
from server.errors import ConfigurationError


def broker_folder(settings: Settings) -> Path:
    """Return where the broker keeps its files; made on first use, for its owner only."""
    return private_folder(private_folder(settings.data_dir.resolve()) / "broker")


def server_password(settings: Settings) -> str:
    """Return the MQTT password of the server, making it on first use.

    Raises:
        ConfigurationError: the file is readable by others, or empty.
    """
    if settings.broker_password is not None:
        return settings.broker_password.get_secret_value()
    path = broker_folder(settings) / "server-password"
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"The file {path} must be readable by its owner only.")
    password = path.read_text().strip()
    if not password:
        raise ConfigurationError(f"The file {path} is empty; delete it and start again.")
    return password


def _make(path: Path) -> None:
    """Write a new password; where two processes race, the first one's stays."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
