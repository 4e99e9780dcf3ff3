"""Make backups at the hours that are set, and try again an hour after a failure."""

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from prometheus_client import Gauge
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from server.audit.tables import AuditEntry
from server.backup.before_migration import remove_expired
from server.backup.restore import remove_kept
from server.backup.scratch import remove_killed
from server.backup.service import back_up, places_of
from server.backup_history.service import BackupStanding, note_backup, note_failure, standing
from server.backup_history.words import BackupView
from server.config import Settings
from server.db.engine import Database
from server.db.private import private_folder
from server.db.types import now
from server.db.vault import Vault
from server.errors import ConfigurationError
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)
_LAST_GOOD = Gauge("rollcall_backup_last_good_seconds", "Time of the last backup, Unix.")
_FAILED = Gauge("rollcall_backup_failed", "1: the newest attempt at a backup failed.")
_SIZE = Gauge("rollcall_backup_size_bytes", "Size of the last backup.")

LOOK_S = 60.0
RETRY_AFTER = timedelta(hours=1)
_STOP_TIMEOUT_S = 10.0
_LOCK = ".lock"


def last_due(at: datetime, hours: tuple[int, ...], zone: ZoneInfo) -> datetime:
    """Return the newest moment, not after `at`, at which a backup was due.

    A server that was off at that hour makes it when it is on again.
    """
    today = at.astimezone(zone).date()
    times = (
        datetime(day.year, day.month, day.day, hour, tzinfo=zone)
        for day in (today, today - timedelta(days=1))
        for hour in hours
    )
    return max(moment for moment in times if moment <= at)


def is_due(found: BackupStanding, due: datetime, at: datetime) -> bool:
    """Return whether a backup is missing, and the last attempt was not just now."""
    made_at = found.made_at or found.last_good_at  # one with a problem would be the same again
    is_missing = made_at is None or made_at < due
    return is_missing and (found.failed_at is None or found.failed_at <= at - RETRY_AFTER)


class BackupSchedule:
    """A thread that makes backups, and knows how they stand."""

    def __init__(self, database: Database, vault: Vault, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._settings = settings
        self._view: BackupView | None = None
        self._began_at = now()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backups", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        remove_killed(self._settings.data_dir)
        self._thread.start()

    def stop(self) -> None:
        """Stop it. A backup in the middle is made again after the next start."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def view(self) -> BackupView | None:
        """Return how the backups stand; None: the server has not looked yet."""
        return self._view

    def look(self, at: datetime) -> bool:
        """Make a backup if one is due; returns whether it was attempted."""
        remove_expired(self._settings, at)
        remove_kept(self._database, at)
        folder = self._settings.backup_folder
        is_set_up = folder is not None and self._settings.backup_key_file is not None
        attempted = folder is not None and is_set_up and self._back_up_if_due(folder, at)
        self._note_view(is_set_up=is_set_up)
        return attempted

    def _back_up_if_due(self, folder: Path, at: datetime) -> bool:
        due = last_due(at, self._settings.backup_times(), self._settings.zone)
        if not self._is_due(due, at):
            return False
        with _alone(folder) as is_alone:
            # Another server may have made it meanwhile.
            if not is_alone or not self._is_due(due, at):
                return False
            self._attempt(at)
        return True

    def _is_due(self, due: datetime, at: datetime) -> bool:
        with self._database.reading() as db:
            return is_due(standing(db), due, at)

    def _attempt(self, at: datetime) -> None:
        settings = self._settings
        try:
            finished = back_up(self._database, self._vault, settings, places_of(settings), at)
        except Exception as exc:  # whatever it was, Today must say that no backup was made
            is_known = isinstance(exc, ConfigurationError | OSError | DBAPIError)
            reason = exc.message if isinstance(exc, ConfigurationError) else type(exc).__name__
            said = "backup failed, retrying in an hour reason=%s"
            _logger.error(said, reason, exc_info=not is_known)  # noqa: TRY400 - a known one is said
            note_failure(self._database, exc, at)
            return
        name, size = finished.written.path.name, finished.written.size_bytes
        note_backup(self._database, name, size, at, problem=finished.problem)
        if finished.problem is None:
            _logger.info("backup made file=%s bytes=%s", name, size)
        else:
            _logger.error("backup made, invalid content file=%s problem=%s", name, finished.problem)

    def _note_view(self, *, is_set_up: bool) -> None:
        with self._database.reading() as db:
            found, since = standing(db), _began_at(db)
        self._view = BackupView(is_set_up, found, since, self._began_at)
        _LAST_GOOD.set(found.last_good_at.timestamp() if found.last_good_at else 0)
        _FAILED.set(found.problem is not None)
        _SIZE.set(found.last_size_bytes)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_S):
            new_correlation_id()
            try:
                self.look(now())
            except Exception:  # the edge of a thread that must not end
                _logger.exception("backup step failed, retrying")


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Let one server at a time write to a backup folder; yields whether this one may."""
    try:
        file = (private_folder(folder) / _LOCK).open("w")
    except OSError:
        yield True  # the attempt says what is wrong with the folder
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # some network drives have no locks
            _logger.debug("backup folder has no locks")
        yield True


def _began_at(db: Session) -> datetime | None:
    return db.exec(select(AuditEntry.at).where(AuditEntry.seq == 1)).first()


def signs(view: BackupView | None) -> dict[str, object]:
    """Return what /health says about backups."""
    if view is None:
        return {"state": "unknown"}
    last = view.standing.last_good_at
    state = "failed" if view.standing.problem else "ok" if last else "none"
    return {
        "state": state if view.is_set_up else "off",
        "last_good_at": last and last.isoformat(timespec="seconds"),
    }
