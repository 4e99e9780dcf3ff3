"""Imports and the parts of their reports. All of it is deleted on its day; see `service`."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class ImportState(StrEnum):
    """How far an import has come."""

    UPLOADING = "uploading"  # pieces of an archive are on their way
    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    IMPORTING = "importing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


#: States in which a job works on an import.
BUSY = frozenset({ImportState.CHECKING, ImportState.IMPORTING})


class ImportRun(SQLModel, table=True):
    """One uploaded file, what its columns mean, and how far it is.

    Attributes:
        kind: what its rows are, see `kinds`.
        file_name: as the browser named it.
        digest: SHA-256 of the file, in hex.
        columns: names of the file's columns; their numbers where no name is known, as the first
            row may then be a person.
        mapping: number of a column of the file, by the column that it fills.
        total: rows in the file.
        revision: grows with each check and import; a worker on an older one stops.
        started_by: who asked for the newest one.
        position: rows that were judged, or written, so far.
        counts: rows by outcome.
        problem: why it failed, a key of the words.
        expires_at: when all of it is deleted.
    """

    __tablename__ = "import_runs"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=20)
    state: str = Field(max_length=20)
    file_name: str = Field(max_length=120)
    digest: str = Field(max_length=64)
    size_bytes: int
    encoding: str = Field(max_length=20)
    separator: str = Field(max_length=1)
    sheet: str = Field(max_length=120)
    sheets: list[str] = Field(sa_type=JSON)
    columns: list[str] = Field(sa_type=JSON)
    mapping: dict[str, int] = Field(sa_type=JSON)
    is_cut: bool
    total: int
    revision: int = Field(default=0)
    started_by: str = Field(default="", max_length=80)
    position: int = Field(default=0)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    problem: str = Field(default="", max_length=60)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)
    finished_at: datetime | None = utc_field(nullable=True)
    expires_at: datetime = utc_field(index=True)


class ImportFile(SQLModel, table=True):
    """An uploaded file, sealed. It is deleted once it was imported."""

    __tablename__ = "import_files"

    run_id: uuid.UUID = Field(foreign_key="import_runs.id", primary_key=True, ondelete="CASCADE")
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class ImportPiece(SQLModel, table=True):
    """A piece of an uploaded archive, sealed. All of them are deleted once it was imported.

    They may outlive their import by some seconds, as not all are deleted in one transaction.
    """

    __tablename__ = "import_pieces"

    run_id: uuid.UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class ImportPart(SQLModel, table=True):
    """Some rows of a report with the same outcome, sealed: they hold names.

    Attributes:
        outcome: see `findings.RowOutcome`.
        number: parts of an outcome are in this order.
        size: how many rows.
    """

    __tablename__ = "import_parts"

    run_id: uuid.UUID = Field(foreign_key="import_runs.id", primary_key=True, ondelete="CASCADE")
    outcome: str = Field(primary_key=True, max_length=20)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    size: int
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class SourcedId(SQLModel, table=True):
    """What a OneRoster bundle calls a person, a course or a term: the same in every year.

    Attributes:
        kind: of what, as an id of one kind may be that of another as well.
        sourced_id: in the school's own system.
    """

    __tablename__ = "sourced_ids"

    kind: str = Field(primary_key=True, max_length=10)
    sourced_id: str = Field(primary_key=True, max_length=255)
    person_id: uuid.UUID | None = Field(
        default=None, foreign_key="people.id", index=True, ondelete="CASCADE"
    )
    course_id: uuid.UUID | None = Field(
        default=None, foreign_key="courses.id", index=True, ondelete="CASCADE"
    )
    term_id: uuid.UUID | None = Field(
        default=None, foreign_key="terms.id", index=True, ondelete="CASCADE"
    )
