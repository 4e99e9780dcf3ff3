"""Codes of phones that counted here: each counts once, also over a restart."""

from datetime import datetime, timedelta
from pathlib import Path

from kiosk.domain.clock import Clock
from kiosk.storage.caches import open_cache
from kiosk.storage.database import Durability
from kiosk.storage.used_codes_schema import MIGRATIONS

KEPT_AFTER = timedelta(hours=1)
"""How long an id stays after its code expired, so that a corrected clock brings no code back."""


class SQLiteUsedCodes:
    """Ids of used codes in one SQLite file, committed before a code counts. Safe from any thread.

    A file that is damaged or of another version is made anew: what was used in the last minute
    and a half could then be used here once more, and the server lists it.

    Args:
        path: the file.
        clock: ids are deleted by its time, and only while that can be trusted.

    Attributes:
        was_renewed: the file was of no use and was made anew.

    Raises:
        StorageError: the disk refuses altogether.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        opened = open_cache(
            path, MIGRATIONS, is_usable=lambda _db: True, durability=Durability.FULL
        )
        self._database, self.was_renewed = opened.database, opened.was_renewed

    @property
    def size(self) -> int:
        """How many are kept."""
        with self._database.reading() as db:
            count: int = db.execute("SELECT count(*) FROM used").fetchone()[0]
        return count

    def use(self, code_id: str, until: datetime) -> bool:
        """Use a code up; when this returns, that is on disk.

        Args:
            code_id: of the code.
            until: when it expires.

        Returns:
            False where it was used before.

        Raises:
            StorageError: it was not used up.
        """
        now = self._clock.reading()
        with self._database.transaction() as db:
            if now.is_trusted:
                db.execute("DELETE FROM used WHERE until_ms < ?", (_ms(now.best_at - KEPT_AFTER),))
            row = (code_id, _ms(until))
            made = db.execute("INSERT OR IGNORE INTO used (code_id, until_ms) VALUES (?, ?)", row)
            return made.rowcount == 1

    def wipe(self) -> None:
        """Delete everything.

        Raises:
            StorageError: the disk refuses.
        """
        with self._database.transaction() as db:
            db.execute("DELETE FROM used")
        self._database.fold_journal()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
