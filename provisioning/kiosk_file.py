"""Writes the kiosk's settings file, and only one that the kiosk itself would accept."""

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomli_w

from kiosk.config import UnusableSettingsError, load_settings
from provisioning.errors import ProvisioningError, SettingsRefusedError

Settings = Mapping[str, str | int | float | bool]


def merged(path: Path, changes: Settings) -> dict[str, object]:
    """Put changes over what the file holds; a missing file counts as empty.

    Raises:
        SettingsRefusedError: the present file is not TOML.
    """
    try:
        present = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        present = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsRefusedError(f"{path} is not a settings file: {exc}") from exc
    return {**present, **changes}


def drop_stale(path: Path, settings: dict[str, object], *, is_public: bool) -> None:
    """Forget the authority of another server, or of one that has a public certificate now.

    Args:
        path: the present file.
        settings: what is to be written in its place, without what was given now; changed.
        is_public: the server was met, and its certificate is public.
    """
    is_other = merged(path, {}).get("server_url") != settings.get("server_url")
    if is_other or is_public:
        for name in ("server_ca", "server_ca_fingerprint"):
            settings.pop(name, None)


def write(path: Path, settings: Mapping[str, object], *, is_dry_run: bool) -> bool:
    """Replace the file at once, readable by its owner alone; True when something changed.

    Raises:
        SettingsRefusedError: the kiosk would refuse these settings; the file is untouched.
        ProvisioningError: the folder cannot be written.
    """
    text = tomli_w.dumps(settings)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    try:
        _replace(path, text, is_dry_run=is_dry_run)
    except OSError as exc:
        raise ProvisioningError(f"cannot write {path}: {exc.strerror}") from exc
    return True


def _replace(path: Path, text: str, *, is_dry_run: bool) -> None:
    if not is_dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
    folder = None if is_dry_run else path.parent
    handle, name = tempfile.mkstemp(prefix=".kiosk-", suffix=".toml", dir=folder)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _refuse_unusable(draft)
        if not is_dry_run:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _refuse_unusable(draft: Path) -> None:
    try:
        load_settings(draft)
    except UnusableSettingsError as exc:
        raise SettingsRefusedError(f"the kiosk would not start: {exc}") from exc
