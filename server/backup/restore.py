"""Put a backup in the place of the database: all of it, or nothing."""

import glob
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlmodel import Session

from server.backup.dump import tables_of
from server.backup.errors import BackupError
from server.backup.load import Loaded, load
from server.backup.records import Manifest, RecordReader
from server.backup.scratch import check_pages, filling
from server.backup.sealed_file import sync_folder
from server.backup.settle import settle
from server.backup.since import Repeated, Since, repeat, taken_back_since
from server.db.address import file_address
from server.db.engine import Database
from server.db.lock import MIGRATION_LOCK

#: Between the names of a database file and the moment at which a restore put it aside.
KEPT = ".before-restore-"
_KEPT_SCHEMA = "before_restore_"
_STAMP = "%Y%m%dT%H%M%SZ"
#: They hold names, so they do not stay.
KEPT_FOR = timedelta(days=30)
#: PostgreSQL ends the connection of a program that has ended within 2 seconds: 50 ms each.
_LOOKS = 40
_IN_USE = (
    "Another program uses the database. Stop every Rollcall server and every tool that is connected"
    " to it, then repeat. Nothing was changed."
)
_FILLED = (
    "The database is not empty. Nothing was changed. Repeat with --replace to put the backup in its"
    " place; the old database is kept beside it."
)


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes:
        manifest: what the backup says about itself.
        loaded: what became of its rows.
        kept: where the old database is now; None: there was none.
        since: what was taken back after the backup; None: nothing is known of that.
        repeated: what of it the restore took back again.
    """

    manifest: Manifest
    loaded: Loaded
    kept: str | None
    since: Since | None
    repeated: Repeated


@dataclass(frozen=True)
class Wish:
    """How to restore.

    Attributes:
        replace: whether a database that is not empty may be put aside.
        time_zone: IANA name of the school's zone.
        at: now, UTC.
    """

    replace: bool
    time_zone: str
    at: datetime

    @property
    def today(self) -> date:
        """The school's date."""
        return self.at.astimezone(ZoneInfo(self.time_zone)).date()


def is_unused(url: str) -> bool:
    """Return whether a database has neither people nor kiosks, as on a new machine."""
    with closing(Database(url)) as database:
        try:
            with database.snapshot() as connection:
                tables = {table.name: table for table in tables_of(connection)}
                used = (tables[name] for name in ("people", "kiosks") if name in tables)
                return all(
                    connection.execute(one.select().limit(1)).first() is None for one in used
                )
        except DatabaseError:
            return False


def restore(url: str, backup: RecordReader, wish: Wish) -> Restored:
    """Restore into the database of an address. The caller sees to it that no server runs.

    Raises:
        BackupError: the backup or the database is not fit for it; nothing was changed.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            return _into_file(Path(str(database.engine.url.database)), database, backup, wish)
        return _into_schema(database, backup, wish)
    finally:
        database.close()


def _into_file(path: Path, old: Database, backup: RecordReader, wish: Wish) -> Restored:
    """Build a new file beside the old one, and change the names at the end."""
    draft = path.with_name(path.name + ".restoring")
    found = _look_at(path, old, backup.manifest)
    old.close()
    if found.is_filled and not wish.replace:
        raise BackupError(_FILLED)
    if not found.is_damaged:
        _fold_log(path)
    _remove(draft)
    try:
        loaded, repeated = _build(draft, backup, wish, found.since)
        _fold_log(draft)
        kept = _keep(path, wish.at) if found.is_filled else None
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        _remove(draft)
    return Restored(backup.manifest, loaded, kept, found.since, repeated)


@dataclass(frozen=True)
class _Found:
    """The database file that is there."""

    is_filled: bool
    is_damaged: bool = False
    since: Since | None = None


def _look_at(path: Path, old: Database, manifest: Manifest) -> _Found:
    try:
        with old.snapshot() as connection:
            if not tables_of(connection):
                return _Found(is_filled=False)
            return _Found(is_filled=True, since=_since(connection, manifest))
    except OperationalError as exc:
        raise BackupError(_IN_USE) from exc
    except DatabaseError:
        return _Found(is_filled=path.stat().st_size > 0, is_damaged=True)


def _keep(path: Path, at: datetime) -> str:
    """Give the old file a second name, so that at no moment there is no database."""
    kept = path.with_name(f"{path.name}{KEPT}{at.astimezone(UTC).strftime(_STAMP)}")
    os.link(path, kept)
    for end in ("-wal", "-shm"):  # only of a damaged file: they belong to it
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(kept.with_name(kept.name + end))
    return str(kept)


def remove_kept(database: Database, at: datetime) -> None:
    """Delete databases that restores put aside more than 30 days ago."""
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        for kept in kept_files(path):
            if _is_over(kept.name.removeprefix(path.name + KEPT), at):
                for end in ("-wal", "-shm", ""):
                    kept.with_name(kept.name + end).unlink(missing_ok=True)
        return
    with database.transaction() as db:
        for schema in kept_schemas(db.connection()):
            if _is_over(schema.removeprefix(_KEPT_SCHEMA).upper(), at):
                db.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))


def kept_files(path: Path) -> list[Path]:
    """Return the database files that restores put aside."""
    found = path.parent.glob(f"{glob.escape(path.name + KEPT)}*")
    return sorted(one for one in found if not one.name.endswith(("-wal", "-shm")))


def kept_schemas(connection: Connection) -> list[str]:
    """Return the schemas that restores put aside, on PostgreSQL."""
    query = text("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, :kept) ORDER BY 1")
    return list(connection.execute(query, {"kept": _KEPT_SCHEMA}).scalars())


def _is_over(stamp: str, at: datetime) -> bool:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC) < at - KEPT_FOR
    except ValueError:  # not one of ours
        return False


def _build(
    draft: Path, backup: RecordReader, wish: Wish, since: Since | None
) -> tuple[Loaded, Repeated]:
    database = Database(file_address(draft))
    try:
        with filling(database) as connection:
            loaded = load(connection, backup, time_zone=wish.time_zone)
            settle(connection, backup.manifest, wish.at)
        with database.transaction() as db:  # with foreign keys, as rows are deleted
            repeated = repeat(db, since or Since(), at=wish.at, today=wish.today)
        with database.engine.connect() as connection:
            check_pages(connection)
        return loaded, repeated
    finally:
        database.close()


def _fold_log(path: Path) -> None:
    """Write SQLite's log into the file, and prove that nobody else has it open.

    A log that stays behind would be read into the file that takes this one's name.
    """
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError as exc:
            raise BackupError(_IN_USE) from exc
    if mode != "delete":
        raise BackupError(_IN_USE)


def _into_schema(database: Database, backup: RecordReader, wish: Wish) -> Restored:
    """Rename the old schema, and build a new one, in one transaction."""
    with database.engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
        _refuse_others(connection)
        is_filled = bool(tables_of(connection))
        since = _since(connection, backup.manifest) if is_filled else None
        kept = _put_aside(connection, wish) if is_filled else None
        loaded = load(connection, backup, time_zone=wish.time_zone)
        settle(connection, backup.manifest, wish.at)
        with Session(connection, expire_on_commit=False) as db:
            repeated = repeat(db, since or Since(), at=wish.at, today=wish.today)
    return Restored(backup.manifest, loaded, kept, since, repeated)


def _refuse_others(connection: Connection) -> None:
    """Refuse while other programs are connected; one that has just ended has a moment to go."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    for _ in range(_LOOKS):
        if not connection.execute(query).scalar_one():
            return
        connection.execute(text("SELECT pg_sleep(0.05), pg_stat_clear_snapshot()"))
    raise BackupError(_IN_USE)


def _put_aside(connection: Connection, wish: Wish) -> str:
    if not wish.replace:
        raise BackupError(_FILLED)
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    kept = f"{_KEPT_SCHEMA}{wish.at.astimezone(UTC).strftime(_STAMP).lower()}"
    connection.execute(text(f'ALTER SCHEMA "{schema}" RENAME TO {kept}'))
    connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    return f"the schema {kept}"


def _since(connection: Connection, manifest: Manifest) -> Since | None:
    with suppress(SQLAlchemyError, LookupError, ValueError):  # it is damaged or very old
        if connection.dialect.name == "sqlite":
            return taken_back_since(connection, manifest)
        with connection.begin_nested():
            return taken_back_since(connection, manifest)
    return None


def _remove(draft: Path) -> None:
    for one in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm"))):
        one.unlink(missing_ok=True)
