"""Note backups and failures, and say how things stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from server.audit.service import SYSTEM, record
from server.backup_history.tables import BackupRun
from server.db.engine import Database
from server.db.full import is_disk_full

_KEPT_FOR = timedelta(days=365)
DISK_FULL, NOT_WRITABLE, FAILED = "disk_full", "not_writable", "failed"
#: The file is there and whole, but its audit trail is broken or data keys are missing.
INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class BackupStanding:
    """How the backups stand.

    Attributes:
        last_good_at: when the newest whole one was made; None: there is none.
        last_size_bytes: of that one.
        problem: why the newest attempt failed; None: it did not.
        failed_at: when it failed.
        made_at: when the newest file was written, also one with a problem; None: there is none.
    """

    last_good_at: datetime | None
    last_size_bytes: int
    problem: str | None
    failed_at: datetime | None
    made_at: datetime | None = None


def note_backup(
    database: Database, file: str, size_bytes: int, at: datetime, *, problem: str | None = None
) -> None:
    """Note a backup that was written.

    Args:
        database: where to.
        file: its name.
        size_bytes: of it.
        at: when it was made.
        problem: what is wrong with what it holds; None: nothing.
    """
    with database.transaction() as db:
        _forget_old(db, at)
        record(db, actor=SYSTEM, action="backup.create", subject=f"backup:{file}")
        db.add(BackupRun(at=at, file=file, size_bytes=size_bytes, problem=problem))


def note_failure(database: Database, error: Exception, at: datetime) -> None:
    """Note an attempt that failed."""
    with database.transaction() as db:
        _forget_old(db, at)
        db.add(BackupRun(at=at, problem=problem_of(error)))


def problem_of(error: Exception) -> str:
    """Return the code of what went wrong; pages have words for each."""
    if is_disk_full(error):
        return DISK_FULL
    return NOT_WRITABLE if isinstance(error, OSError) else FAILED


def standing(db: Session) -> BackupStanding:
    """Return how the backups stand."""
    newest = select(BackupRun).order_by(col(BackupRun.at).desc()).limit(1)
    last = db.exec(newest).first()
    good = db.exec(newest.where(col(BackupRun.problem).is_(None))).first()
    made = db.exec(newest.where(col(BackupRun.file) != "")).first()
    has_failed = last is not None and last.problem is not None
    return BackupStanding(
        last_good_at=good.at if good else None,
        last_size_bytes=good.size_bytes if good else 0,
        problem=last.problem if last else None,
        failed_at=last.at if last and has_failed else None,
        made_at=made.at if made else None,
    )


def _forget_old(db: Session, at: datetime) -> None:
    db.exec(delete(BackupRun).where(col(BackupRun.at) < at - _KEPT_FOR))
