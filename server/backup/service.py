"""Make a backup as the settings say, verify it, and delete old ones."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.backup.dump import WrittenBackup, write_backup
from server.backup.errors import BackupError
from server.backup.key_backup import write_keys
from server.backup.reading import FindKey
from server.backup.recovery_key import RecoveryKey, read_key, refuse_beside
from server.backup.retention import KEYS_ENDING, backup_name, remove_old, school_id
from server.backup.scratch import Verified, verify_backup
from server.backup.sealed_file import remove_leftovers
from server.backup_history.service import INCOMPLETE
from server.config import Settings
from server.db.engine import Database
from server.db.private import private_folder
from server.db.vault import Vault

_HOW = "Make a recovery key with `rollcall-server backup --new-key FILE`, then set"


@dataclass(frozen=True)
class Places:
    """Where backups go.

    Attributes:
        folder: of the backups of the database.
        keys_folder: of the backups of keys.
        key: that encrypts both.
    """

    folder: Path
    keys_folder: Path
    key: RecoveryKey


@dataclass(frozen=True)
class FinishedBackup:
    """A backup that was written and verified."""

    written: WrittenBackup
    verified: Verified
    keys_path: Path

    @property
    def problem(self) -> str | None:
        """What is wrong with what it holds; None: nothing."""
        return None if self.verified.is_good else INCOMPLETE


def places_of(settings: Settings, key_file: Path | None = None) -> Places:
    """Return where backups go.

    Raises:
        ConfigurationError: no folder or key is set, or the key cannot be used.
    """
    key_file = key_file or settings.backup_key_file
    if settings.backup_folder is None:
        raise BackupError(
            "No backup folder is set. Set ROLLCALL_SERVER_BACKUP_FOLDER to a folder on another"
            " disk."
        )
    if key_file is None:
        raise BackupError(f"No recovery key is set. {_HOW} ROLLCALL_SERVER_BACKUP_KEY_FILE to it.")
    refuse_near_data(key_file, settings)
    folder = settings.backup_folder
    return Places(folder, settings.backup_keys_folder or folder / "keys", read_key(key_file))


def refuse_near_data(key_file: Path, settings: Settings) -> None:
    """Refuse a recovery key that a thief of data or backups would get with them.

    Raises:
        ConfigurationError: it lies in one of those folders.
    """
    folders = {
        "backup folder": settings.backup_folder,
        "folder of the keys' backups": settings.backup_keys_folder,
        "data folder": settings.data_dir,
    }
    for name, folder in folders.items():
        if folder is not None:
            refuse_beside(key_file, folder, name)


def back_up(
    database: Database, vault: Vault, settings: Settings, places: Places, at: datetime
) -> FinishedBackup:
    """Write, verify, and delete what is older than the settings keep.

    Old backups are deleted only after the new one was verified, and none where the audit trail in
    the new one is broken or it needs data keys that are missing: the old ones may be better.

    Raises:
        BackupError: the new backup is not fit to be restored; it was deleted.
        OSError: a folder cannot be written to, or is full.
    """
    for folder in (places.folder, places.keys_folder):
        private_folder(folder)
        remove_leftovers(folder)
    with database.snapshot() as connection:
        school = school_id(connection)
        written = write_backup(connection, places.folder / backup_name(at, school), places.key)
    try:
        verified = verify_backup(
            written.path,
            only(places.key),
            folder=settings.data_dir,
            time_zone=settings.school.timezone,
            known_keys=vault.key_ids(),
        )
    except BaseException:
        written.path.unlink()
        raise
    keys_path = places.keys_folder / written.path.with_suffix(KEYS_ENDING).name
    write_keys(settings.data_dir, keys_path, places.key)
    if verified.is_good:
        keep = (settings.backup_keep_daily, settings.backup_keep_weekly)
        for folder in (places.folder, places.keys_folder):
            remove_old(folder, keep, settings.zone, school)
    return FinishedBackup(written, verified, keys_path)


def only(key: RecoveryKey) -> FindKey:
    """Find one key."""
    return lambda key_id: key if key_id == key.id else None
