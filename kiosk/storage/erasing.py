"""Deleting what the server gave, after a revocation: also where it was cut short before."""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from kiosk.errors import CorruptStoreError, NoAccessError
from kiosk.storage import gallery_schema, scans_schema, used_codes_schema
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.files import clear_place, remove

logger = logging.getLogger(__name__)

_GALLERY = (
    "DELETE FROM template",
    "UPDATE state SET value = '0' WHERE name IN ('since', 'run', 'resetting')",
    "UPDATE state SET value = '' WHERE name = 'key_id'",
)
_SCANS = ("DELETE FROM scan", "DELETE FROM made")
_USED_CODES = ("DELETE FROM used",)
_DOCUMENTS = ("config.json", "credentials.json", "shadow.json")


def erase_school_data(folder: Path) -> None:
    """Delete all that the server gave and counts; events and erasure receipts stay.

    Events hold ids, times and distances, and are the proof of what this kiosk recorded.

    Args:
        folder: the data folder; a kiosk may have its files open.

    Raises:
        StorageError: the disk refuses; what was deleted until then stays deleted.
    """
    for name in _DOCUMENTS:
        clear_place(folder / name)
        clear_place(folder / f"{name}.new")
    _empty(folder / "gallery.db", gallery_schema.MIGRATIONS, _GALLERY)
    _empty(folder / "scans.db", scans_schema.MIGRATIONS, _SCANS)
    _empty(folder / "used_codes.db", used_codes_schema.MIGRATIONS, _USED_CODES)


def _empty(path: Path, migrations: Sequence[str], statements: Sequence[str]) -> None:
    """Delete rows so that their bytes are overwritten; a file of no use is deleted."""
    if not path.is_file():
        remove(path)
        return
    try:
        with closing(SQLiteFile(path, migrations, Durability.NORMAL)) as file:
            with file.transaction() as db:
                for statement in statements:
                    db.execute(statement)
            file.fold_journal()  # keeps no old copy of what was deleted
    except (CorruptStoreError, NoAccessError) as exc:
        remove(path)
        logger.warning("cache unusable, deleted: %s", exc)
