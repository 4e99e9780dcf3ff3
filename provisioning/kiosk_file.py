"""Writes the kiosk's settings file, and only one that the kiosk itself would accept."""

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from kiosk.config import UnusableSettingsError, load_settings
from provisioning.errors import ProvisioningError, SettingsRefusedError

Settings = Mapping[str, str | int | float | bool]

_MOST_BYTES = 1 << 20
_AUTHORITY = ("server_ca", "server_ca_fingerprint")


@dataclass(frozen=True)
class KioskFile:
    """A settings file as it is now.

    Attributes:
        path: as it was named.
        target: the file that a symlink leads to; otherwise the path itself.
        text: what it holds; empty where there is no file yet.
        state: its owner and mode; None where there is no file yet.
    """

    path: Path
    target: Path
    text: str = ""
    state: os.stat_result | None = None

    @property
    def settings(self) -> dict[str, object]:
        """The settings in it."""
        return dict(tomlkit.parse(self.text).unwrap())


@dataclass(frozen=True)
class FileChange:
    """What is to be written, and whether that differs from what is there."""

    file: KioskFile
    text: str

    @property
    def is_needed(self) -> bool:
        """Whether anything changes; the text of a file that is there is compared as it is."""
        return self.file.state is None or self.text != self.file.text


def read(path: Path) -> KioskFile:
    """Read a settings file; a missing one counts as empty.

    Raises:
        SettingsRefusedError: it is not TOML, or not a regular file.
        ProvisioningError: it cannot be read.
    """
    try:
        target = path.resolve()
        text, state = _content(path, target)
        tomlkit.parse(text)
    except FileNotFoundError:
        return KioskFile(path, target)
    except (TOMLKitError, UnicodeDecodeError) as exc:
        raise SettingsRefusedError(f"{path} is not a settings file: {exc}") from exc
    except (OSError, RuntimeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "its symlinks lead in a circle"
        raise ProvisioningError(f"cannot read {path}: {reason}") from exc
    return KioskFile(path, target, text, state)


def _content(path: Path, target: Path) -> tuple[str, os.stat_result]:
    """Read a regular file; a device or a pipe is not even opened for longer than to look at it."""
    if not stat.S_ISREG(target.stat().st_mode):
        raise SettingsRefusedError(f"{path} is not a regular file, nothing was written")
    descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
            raise SettingsRefusedError(f"{path} is not a settings file, nothing was written")
        return file.read().decode("utf-8"), state


def changed(file: KioskFile, changes: Settings, *, is_public: bool = False) -> FileChange:
    """Put settings into a file; comments, order and all other settings stay.

    The authority of another server is dropped, and that of a server with a public certificate.

    Args:
        file: as it is now.
        changes: settings with their new values.
        is_public: the server was met, and its certificate is public.
    """
    document = tomlkit.parse(file.text)
    is_other = "server_url" in changes and document.get("server_url") != changes["server_url"]
    for name in _AUTHORITY if is_other or is_public else ():
        document.pop(name, None)
    for name, value in changes.items():
        if name not in document or document[name] != value:
            document[name] = value
    return FileChange(file, tomlkit.dumps(document))


def check(change: FileChange) -> None:
    """Check that the kiosk would start with these settings; leaves no trace.

    Raises:
        SettingsRefusedError: it would not.
        ProvisioningError: the temporary folder cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="rollcall-") as folder:
            draft = Path(folder) / "kiosk.toml"
            _fill(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), draft, change.text)
    except OSError as exc:
        raise ProvisioningError(f"cannot write a temporary file: {exc.strerror}") from exc


def check_place(file: KioskFile) -> None:
    """Check that this account may replace the file, before anything is spent on its content.

    Raises:
        ProvisioningError: it may not.
    """
    folders = (one for one in file.target.parents if one.is_dir())
    folder = next(folders, file.target.parent)
    is_own = file.state is None or os.geteuid() in (0, file.state.st_uid)
    if not is_own or not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise ProvisioningError(f"this account may not write {file.path}; run this with sudo")


def write(change: FileChange) -> None:
    """Replace the file in one step; owner, mode and symlinks stay, a new file is its owner's alone.

    Raises:
        SettingsRefusedError: the kiosk would refuse these settings; the file is untouched.
        ProvisioningError: the folder cannot be written, or the owner cannot be kept.
    """
    target = change.file.target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".kiosk-", suffix=".toml", dir=target.parent)
        draft = Path(name)
        try:
            _fill(handle, draft, change.text)
            _keep_access(change.file, draft)
            draft.replace(target)
            _sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise ProvisioningError(f"cannot write {change.file.path}: {exc.strerror}") from exc


def _fill(handle: int, draft: Path, text: str) -> None:
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        load_settings(draft)
    except UnusableSettingsError as exc:
        words = str(exc).replace(str(draft), "as it would be written")
        raise SettingsRefusedError(f"the kiosk would not start: {words}") from exc


def _keep_access(file: KioskFile, draft: Path) -> None:
    """Give the draft the owner, the mode and the access lists of the file that it replaces."""
    if file.state is None:
        return
    made = draft.stat()
    if (made.st_uid, made.st_gid) != (file.state.st_uid, file.state.st_gid):
        try:
            os.chown(draft, file.state.st_uid, file.state.st_gid)
        except PermissionError as exc:
            raise ProvisioningError(
                f"cannot keep the owner of {file.path}; run this with sudo"
            ) from exc
    draft.chmod(stat.S_IMODE(file.state.st_mode))
    with suppress(OSError):
        for name in os.listxattr(file.target):
            os.setxattr(draft, name, os.getxattr(file.target, name))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
