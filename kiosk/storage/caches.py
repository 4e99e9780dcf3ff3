"""Opening a file whose content the server can give again: a file of no use is made anew."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kiosk.errors import CorruptStoreError, NoAccessError
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.files import remove

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedCache:
    """A cache ready for use; ``was_renewed`` where its file was of no use."""

    database: SQLiteFile
    was_renewed: bool


def open_cache(
    path: Path,
    migrations: Sequence[str],
    *,
    is_usable: Callable[[sqlite3.Connection], bool],
    before_removal: Callable[[], None] = lambda: None,
    durability: Durability = Durability.NORMAL,
) -> OpenedCache:
    """Open a cache; make it anew where it is damaged, of another version or another account's.

    Args:
        path: the file.
        migrations: see `SQLiteFile`.
        is_usable: asked of a file that SQLite can open: whether its rows make sense.
        before_removal: called before the old file is deleted.
        durability: of each commit.

    Raises:
        StorageError: the disk refuses; nothing was deleted.
    """
    try:
        return OpenedCache(_checked(path, migrations, durability, is_usable), was_renewed=False)
    except (CorruptStoreError, NoAccessError) as exc:
        before_removal()
        remove(path)
        database = SQLiteFile(path, migrations, durability)
        logger.warning("cache unusable, created again: %s", exc)
        return OpenedCache(database, was_renewed=True)


def _checked(
    path: Path,
    migrations: Sequence[str],
    durability: Durability,
    is_usable: Callable[[sqlite3.Connection], bool],
) -> SQLiteFile:
    database = SQLiteFile(path, migrations, durability)
    with ExitStack() as opened:
        opened.callback(database.close)
        with database.reading() as db:
            if not is_usable(db):
                raise CorruptStoreError(f"{path.name} holds rows that make no sense", path.name)
        opened.pop_all()
    return database
