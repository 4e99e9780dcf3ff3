"""Templates of the next network that wait for the server: sealed, signed, few, and not for long."""

import sqlite3
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

from kiosk.storage.caches import open_cache
from kiosk.storage.scans_schema import MIGRATIONS
from protocol.v1.messages import ScanTemplate

MAX_SCANS = 500
KEPT = timedelta(days=7)


class SQLiteScans:
    """Scans in one SQLite file, each as it will be sent. Safe from any thread.

    A template in it is sealed under the gallery data key, which is on no disk in the clear. A file
    that is damaged or of another version is deleted, and so is everything in a file of another
    claim or another network.

    Args:
        path: the file.
        owner: of the claim: a text that differs from claim to claim.

    Attributes:
        was_renewed: the file was of no use and was made anew.

    Raises:
        StorageError: the disk refuses altogether.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self._owner = owner
        opened = open_cache(path, MIGRATIONS, is_usable=lambda db: _owner(db) is not None)
        self._database, self.was_renewed = opened.database, opened.was_renewed
        self.bind("")

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._database.reading() as db:
            count: int = db.execute("SELECT count(*) FROM scan").fetchone()[0]
        return count

    def bind(self, model_id: str) -> None:
        """Keep only what was made by this claim and, where named, of this network.

        Args:
            model_id: card id of the next network; empty leaves the network as it is.

        Raises:
            StorageError: the disk refuses.
        """
        with self._database.reading() as db:
            owner, _, network = (_owner(db) or "").rpartition(" ")
        wanted = model_id or network
        if (owner, network) == (self._owner, wanted):
            return
        with self._database.transaction() as db:
            _delete_all(db)
            db.execute(
                "UPDATE state SET value = ? WHERE name = 'owner'", (f"{self._owner} {wanted}",)
            )
        self._database.fold_journal()

    def put(self, scan: ScanTemplate, day: date) -> bool:
        """Keep a scan; beyond the limit the oldest ones go.

        Args:
            scan: sealed and signed.
            day: of the scan, at the school.

        Returns:
            Whether it was kept: of each person at most one a day is.

        Raises:
            StorageError: nothing was kept.
        """
        at_ms = _ms(scan.captured_at)
        with self._database.transaction() as db:
            made = db.execute(
                "INSERT OR IGNORE INTO made (person_id, day, at_ms) VALUES (?, ?, ?)",
                (scan.person_id, day.isoformat(), at_ms),
            )
            if not made.rowcount:
                return False
            db.execute(
                "INSERT INTO scan (id, event_id, person_id, at_ms, body) VALUES (?, ?, ?, ?, ?)",
                (scan.id, scan.event_id, scan.person_id, at_ms, scan.to_json()),
            )
            db.execute(
                "DELETE FROM scan WHERE id NOT IN"
                " (SELECT id FROM scan ORDER BY at_ms DESC, id DESC LIMIT ?)",
                (MAX_SCANS,),
            )
        return True

    def oldest(self, limit: int) -> list[ScanTemplate]:
        """Return the oldest that wait, at most so many."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT body FROM scan ORDER BY at_ms, id LIMIT ?", (limit,)
            ).fetchall()
        return [ScanTemplate.model_validate_json(body) for (body,) in rows]

    def delete(self, ids: Iterable[str]) -> int:
        """Delete scans by id; return how many there were."""
        return self._delete("DELETE FROM scan WHERE id = ?", [(one,) for one in ids])

    def delete_scans_of(self, person_ids: Collection[str]) -> int:
        """Delete the scans of these people; return how many there were.

        They stay counted for their days: there is no second one on the same day.
        """
        rows = [(person_id,) for person_id in person_ids]
        return self._delete("DELETE FROM scan WHERE person_id = ?", rows)

    def keep_people(self, person_ids: Collection[str]) -> int:
        """Delete everything of people who are not among these; return how many scans went."""
        with self._database.reading() as db:
            known = db.execute("SELECT person_id FROM scan UNION SELECT person_id FROM made")
            gone = {person_id for (person_id,) in known} - set(person_ids)
        self._delete("DELETE FROM made WHERE person_id = ?", [(one,) for one in gone])
        return self.delete_scans_of(gone)

    def prune(self, now: datetime) -> int:
        """Delete what is older than `KEPT`, or from a time the clock has not reached."""
        bounds = (_ms(now - KEPT), _ms(now + KEPT))
        self._delete("DELETE FROM made WHERE at_ms < ? OR at_ms > ?", [bounds])
        return self._delete("DELETE FROM scan WHERE at_ms < ? OR at_ms > ?", [bounds])

    def wipe(self) -> None:
        """Delete everything.

        Raises:
            StorageError: the disk refuses.
        """
        with self._database.transaction() as db:
            _delete_all(db)
        self._database.fold_journal()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()

    def _delete(self, statement: str, rows: list[tuple[str]] | list[tuple[int, int]]) -> int:
        with self._database.transaction() as db:
            count = db.executemany(statement, rows).rowcount
        if count > 0:
            self._database.fold_journal()  # keeps no old copy of what was deleted
        return max(count, 0)


def _owner(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT value FROM state WHERE name = 'owner'").fetchone()
    return None if row is None else str(row[0])


def _delete_all(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM scan")
    db.execute("DELETE FROM made")


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
