"""Remarks and files of lines, and the newest action over several: what stands beside them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy
from sqlalchemy import bindparam, exists, func, literal
from sqlmodel import Session, col, delete, select

from server.attendance.decisions.corrections import locked_register
from server.attendance.decisions.undo import is_confirmed_since, is_fresh
from server.attendance.tables import CorrectionBatch, LineRemark
from server.audit.service import SYSTEM, record
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import InvalidError
from server.line_files.tables import LineFile

#: Remarks are free text about a person, and are kept for so long, as the notes of absences are.
REMARKS_KEPT = timedelta(days=365)
_REMARKS, _BATCHES = table_of(LineRemark), table_of(CorrectionBatch)
_FILES = table_of(LineFile)
_undoing = _BATCHES.alias("undoing")
#: Remarks, actions that were not undone, and how many files each line has, of one lesson.
_NOTES = Prepared(
    sqlalchemy.union_all(
        sqlalchemy.select(
            literal("remark").label("kind"),
            _REMARKS.c.id.label("id"),
            _REMARKS.c.person_id.label("about_id"),
            _REMARKS.c.text.label("text"),
            literal(0).label("lines"),
            _REMARKS.c.made_at.label("made_at"),
        ).where(_REMARKS.c.lesson_id == bindparam("lesson")),
        sqlalchemy.select(
            literal("batch"),
            _BATCHES.c.id,
            _BATCHES.c.code_id,
            literal(""),
            _BATCHES.c.lines,
            _BATCHES.c.made_at,
        ).where(
            _BATCHES.c.lesson_id == bindparam("lesson"),
            _BATCHES.c.undoes_id.is_(None),
            ~exists().where(_undoing.c.undoes_id == _BATCHES.c.id),
        ),
        sqlalchemy.select(
            literal("files"),
            _FILES.c.person_id,
            _FILES.c.person_id,
            literal(""),
            func.count(),
            func.max(_FILES.c.added_at),
        )
        .where(_FILES.c.lesson_id == bindparam("lesson"))
        .group_by(_FILES.c.person_id),
    ).order_by("made_at", "id")
)


@dataclass(frozen=True)
class UndoableBatch:
    """The newest action over several lines that can be undone; see `CorrectionBatch`."""

    id: uuid.UUID
    code_id: uuid.UUID | None
    lines: int
    made_at: datetime


@dataclass(frozen=True)
class Notes:
    """What stands beside the lines of a register.

    Attributes:
        remarks: the newest remark of each line that has one.
        files: how many files each line has that has one.
        batch: the newest action that was not undone; None where there is none.
    """

    remarks: dict[uuid.UUID, str]
    files: dict[uuid.UUID, int]
    batch: UndoableBatch | None

    def undoable(self, at: datetime, confirmed_at: datetime | None) -> UndoableBatch | None:
        """Return the action that a page offers to undo: a fresh one, in an open register."""
        batch = self.batch
        if batch is None or not is_fresh(batch.made_at, at):
            return None
        return None if is_confirmed_since(batch.made_at, confirmed_at) else batch


def notes_of(db: Session, lesson_id: uuid.UUID) -> Notes:
    """Return what stands beside the lines of a register, in one look at the database."""
    remarks: dict[uuid.UUID, str] = {}
    files: dict[uuid.UUID, int] = {}
    batch: UndoableBatch | None = None
    for kind, key, about_id, text, lines, made_at in _NOTES.rows(db, lesson=lesson_id):
        if kind == "batch":
            batch = UndoableBatch(key, about_id, lines, made_at)
        elif kind == "files":
            files[about_id] = lines
        elif text:
            remarks[about_id] = text
        else:
            remarks.pop(about_id, None)
    return Notes(remarks, files, batch)


def set_remark(
    db: Session, lesson_id: uuid.UUID, *, person_id: uuid.UUID, text: str, made_by: uuid.UUID
) -> LineRemark:
    """Write a remark about a line in place of the one before; an empty one takes it away.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: the person is not due in it.
        ConflictError: it is cancelled, or the person's data was erased.
    """
    register = locked_register(db, lesson_id, [person_id])
    if all(one.person.id != person_id for one in register.lines):
        raise InvalidError("This person is not on the roster of the lesson.", problem="not_due")
    remark = LineRemark(
        lesson_id=lesson_id, person_id=person_id, text=text, made_by=made_by, made_at=now()
    )
    db.add(remark)
    record(
        db,
        actor=f"account:{made_by}",
        action="attendance.remark",
        subject=f"lesson:{lesson_id}",
        details={"person": str(person_id)},
    )
    return remark


def expire_remarks(db: Session, today: date, *, at_a_time: int = 500) -> int:
    """Delete remarks that were written `REMARKS_KEPT` ago; returns how many."""
    before = datetime.combine(today, time(), tzinfo=UTC) - REMARKS_KEPT
    old = select(LineRemark.id).where(col(LineRemark.made_at) < before).limit(at_a_time)
    ids = list(db.exec(old))
    if ids:
        db.exec(delete(LineRemark).where(col(LineRemark.id).in_(ids)))
        details = {"remarks": len(ids)}
        action = "attendance.expire_remarks"
        record(db, actor=SYSTEM, action=action, subject="registers", details=details)
    return len(ids)
