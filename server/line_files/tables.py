"""Files with lines of registers."""

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class LineFile(SQLModel, table=True):
    """A file with one line of a register, encrypted.

    Attributes:
        kind: a member of `documents.checks.DocumentKind`. The name of the file is not kept.
        added_by: the account, which may open it; see `service.may_open`.
    """

    __tablename__ = "line_files"
    __table_args__ = (Index("ix_line_files_lesson_id_person_id", "lesson_id", "person_id"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id")
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    kind: str = Field(max_length=10)
    size_bytes: int
    key_id: str = Field(max_length=40, index=True)
    data: bytes = Field(sa_type=LargeBinary)
    added_by: uuid.UUID = Field(foreign_key="accounts.id")
    added_at: datetime = utc_field()
