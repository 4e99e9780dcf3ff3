"""Keep files of register lines encrypted, hand them out to few, and delete them in time."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, func, select

from server.audit.service import SYSTEM, record
from server.db.prepared import Prepared, table_of
from server.db.vault import Sealed, Vault
from server.documents.checks import CheckedFile, DocumentKind
from server.errors import ConflictError, ForbiddenError, NotFoundError
from server.line_files.tables import LineFile
from server.timetable.tables import Lesson
from server.web.principal import Principal, Role

PURPOSE = "line-file"
#: Of one line. A note has few pages, and a photo of a phone is 2 to 5 MiB.
MOST_FILES = 5
_MOST_MIB = 16
MOST_BYTES = _MOST_MIB * 1024 * 1024
#: Files are kept for so long after the end of the lesson, as those of absences are after theirs.
KEPT = timedelta(days=365)
_table = table_of(LineFile)


class LineAddress(NamedTuple):
    """Which line of which register."""

    lesson_id: uuid.UUID
    person_id: uuid.UUID


class LineFileRow(NamedTuple):
    """What is known of a file without opening it; see `LineFile`."""

    id: uuid.UUID
    kind: str
    size_bytes: int
    added_by: uuid.UUID
    added_at: datetime


_ROWS = Prepared(
    sqlalchemy.select(*(_table.c[name] for name in LineFileRow._fields))
    .where(
        _table.c.lesson_id == bindparam("lesson"),
        _table.c.person_id == bindparam("person"),
    )
    .order_by(_table.c.added_at, _table.c.id)
)


def files_of(db: Session, line: LineAddress) -> list[LineFileRow]:
    """Return the files of a line in the order in which they were added, without content."""
    rows = _ROWS.rows(db, lesson=line.lesson_id, person=line.person_id)
    return [LineFileRow(*row) for row in rows]


def owners_of(db: Session, lesson_id: uuid.UUID, principal: Principal) -> set[uuid.UUID]:
    """Return whose lines of a lesson have files that an account may open."""
    columns = select(LineFile.person_id, LineFile.added_by).where(LineFile.lesson_id == lesson_id)
    return {person for person, added_by in db.exec(columns) if _may_open(added_by, principal)}


def may_open(file: LineFile | LineFileRow, principal: Principal) -> bool:
    """Whether an account may open and delete a file: who added it, the office, administrators."""
    return _may_open(file.added_by, principal)


def _may_open(added_by: uuid.UUID, principal: Principal) -> bool:
    is_office = principal.role in (Role.ADMIN, Role.OFFICE)
    return is_office or added_by == principal.account_id


def keep(
    db: Session,
    vault: Vault,
    line: LineAddress,
    file: CheckedFile,
    *,
    by: uuid.UUID,
    at: datetime,
) -> LineFile:
    """Store a file. The caller has locked the lesson, so that no two are added at once.

    Raises:
        ConflictError: the line has `MOST_FILES` files, or more than `MOST_BYTES` with this one.
    """
    _refuse_full(files_of(db, line), len(file.content))
    key = uuid.uuid4()
    sealed = vault.seal(file.content, purpose=PURPOSE, context=str(key))
    row = LineFile(
        id=key,
        lesson_id=line.lesson_id,
        person_id=line.person_id,
        kind=file.kind,
        size_bytes=len(file.content),
        key_id=sealed.key_id,
        data=sealed.data,
        added_by=by,
        added_at=at,
    )
    db.add(row)
    db.flush()
    return row


def file_for(
    db: Session, line: LineAddress, file_id: uuid.UUID, principal: Principal, *, lock: bool = False
) -> LineFile:
    """Return a file to an account that may open it.

    Raises:
        NotFoundError: the line has no such file.
        ForbiddenError: another person added it, and the account is not the office's.
    """
    row = db.get(LineFile, file_id, with_for_update=lock or None)
    if row is None or (row.lesson_id, row.person_id) != line:
        raise NotFoundError("There is no such file.", problem="no_file")
    if not may_open(row, principal):
        raise ForbiddenError(
            "Only the person who added this file and the office can open it.",
            problem="file_of_another",
        )
    return row


def content_of(row: LineFile, vault: Vault) -> tuple[DocumentKind, bytes]:
    """Decrypt a file.

    Raises:
        SealBrokenError: the key is missing, or the row was altered.
    """
    content = vault.open(Sealed(row.key_id, row.data), purpose=PURPOSE, context=str(row.id))
    return DocumentKind(row.kind), content


def erase_files(db: Session, person_id: uuid.UUID) -> None:
    """Delete every file with a line of one person."""
    db.exec(delete(LineFile).where(col(LineFile.person_id) == person_id))


def expire_files(db: Session, today: date, *, at_a_time: int = 100) -> int:
    """Delete files of lessons that ended `KEPT` ago; returns how many."""
    before = datetime.combine(today, time(), tzinfo=UTC) - KEPT
    old = (
        select(LineFile.id)
        .join(Lesson, col(Lesson.id) == col(LineFile.lesson_id))
        .where(col(Lesson.ends_at) < before)
    )
    ids = list(db.exec(old.limit(at_a_time)))
    if ids:
        db.exec(delete(LineFile).where(col(LineFile.id).in_(ids)))
        details = {"files": len(ids)}
        action = "attendance.expire_files"
        record(db, actor=SYSTEM, action=action, subject="registers", details=details)
    return len(ids)


def is_too_late(lesson_ends_at: datetime, at: datetime) -> bool:
    """Whether a file of a lesson would be deleted at once."""
    return at >= lesson_ends_at + KEPT


def counts_by_key(db: Session) -> dict[str, int]:
    """Return how many files each key encrypted."""
    query = select(LineFile.key_id, func.count()).group_by(col(LineFile.key_id))
    return dict(db.exec(query).all())


def _refuse_full(files: list[LineFileRow], more_bytes: int) -> None:
    if len(files) >= MOST_FILES:
        raise ConflictError(
            f"A line has at most {MOST_FILES} files.", problem="line_files_full", most=MOST_FILES
        )
    if sum(one.size_bytes for one in files) + more_bytes > MOST_BYTES:
        raise ConflictError(
            f"The files of a line have at most {_MOST_MIB} MiB.",
            problem="line_files_bytes",
            most_mib=_MOST_MIB,
        )
