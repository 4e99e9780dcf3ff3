"""Copy the database before a new version changes its schema."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from server.backup.dump import WrittenBackup, write_backup
from server.backup.errors import BackupError
from server.backup.reading import opened
from server.backup.retention import BACKUP_ENDING, backup_name, moment_of
from server.backup.sealed_file import remove_leftovers
from server.backup.vault_key import active_key, vault_key
from server.config import Settings
from server.db.engine import Database
from server.db.full import is_disk_full
from server.db.private import private_folder
from server.db.types import now
from server.db.vault import Vault

_logger = logging.getLogger(__name__)
FOLDER = "before-migration"
#: The copies hold names, so they do not stay; a school notices a bad update sooner.
KEPT_FOR = timedelta(days=30)


def copying(database: Database, vault: Vault, settings: Settings) -> Callable[[], None] | None:
    """Return what copies the database before a migration; None: a setting says not to."""
    if not settings.backup_before_migration:
        return None

    def copy() -> None:
        at = now()
        folder = settings.data_dir / FOLDER
        try:
            private_folder(folder)
            remove_leftovers(folder)
            # The caller holds the lock of migrations: nobody changes the schema meanwhile.
            with database.snapshot(is_migrating=True) as connection:
                written = write_backup(connection, folder / backup_name(at), active_key(vault))
        except OSError as exc:
            raise _not_copied(folder, exc) from exc
        remove_expired(settings, at)
        _remove_superseded(written, vault)
        _logger.info("database copied before its migration file=%s", written.path.name)

    return copy


def _remove_superseded(written: WrittenBackup, vault: Vault) -> None:
    """Delete older copies of the same schema: a migration that fails is tried at each start."""
    for path in written.path.parent.glob(f"*{BACKUP_ENDING}"):
        if path == written.path or moment_of(path.name) is None:
            continue
        try:
            with opened(path, lambda key_id: vault_key(vault, key_id)) as copy:
                is_same = copy.manifest.revision == written.manifest.revision
        except (OSError, BackupError):
            continue
        if is_same:
            path.unlink(missing_ok=True)


def remove_expired(settings: Settings, at: datetime) -> None:
    """Delete copies that are older than 30 days."""
    for path in (settings.data_dir / FOLDER).glob("*"):
        made_at = moment_of(path.name)
        if made_at is not None and made_at < at - KEPT_FOR:
            path.unlink(missing_ok=True)


def _not_copied(folder: Path, error: OSError) -> BackupError:
    reason = "the disk is full" if is_disk_full(error) else error.strerror
    return BackupError(
        "This version must change the database. Before it does, it copies the database to"
        f" {folder}, and that failed ({reason}). Nothing was changed. Solve this, or make a backup"
        " elsewhere and set ROLLCALL_SERVER_BACKUP_BEFORE_MIGRATION=false."
    )
