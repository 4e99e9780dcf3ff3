"""Absences that were reported, their withdrawals and attachments, and the school's reasons."""

import uuid
from datetime import date, datetime, time

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class AbsenceReason(SQLModel, table=True):
    """A usual reason of the school. Old reports keep theirs, so it is retired, never changed.

    Attributes:
        code: of a reason that ships, whose words are translated; None for the school's own.
        words: of the school's own reason; None for one that ships.
    """

    __tablename__ = "absence_reasons"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    code: str | None = Field(default=None, max_length=20, unique=True)
    words: str | None = Field(default=None, max_length=80)
    added_at: datetime = utc_field(default_now=True)
    retired_at: datetime | None = utc_field(nullable=True)


class AbsenceReport(SQLModel, table=True):
    """An absence as it was reported. Never changed, except that its texts expire.

    Attributes:
        first_day, last_day: school dates, both included.
        from_time, until_time: on a single day only; school time.
        note, reported_by: free text; empty once it has expired.
        entered_by: the actor who entered it.
        counts_after: lessons that ended by then keep their lines; None: past ones change too.
    """

    __tablename__ = "absence_reports"
    __table_args__ = (
        Index("ix_absence_reports_last_day", "last_day", "first_day"),
        Index("ix_absence_reports_person_id", "person_id", "first_day", "id"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id")
    first_day: date
    last_day: date
    from_time: time | None = Field(default=None)
    until_time: time | None = Field(default=None)
    is_excused: bool
    reason_id: uuid.UUID = Field(foreign_key="absence_reasons.id")
    note: str = Field(max_length=500)
    reported_by: str = Field(max_length=160)
    entered_by: str = Field(max_length=80)
    entered_at: datetime = utc_field()
    counts_after: datetime | None = utc_field(nullable=True)


class AbsenceWithdrawal(SQLModel, table=True):
    """That a report does not count any more: since when, who said so, and why.

    Attributes:
        counts_after: lessons that ended by then keep their lines; None: past ones change too.
    """

    __tablename__ = "absence_withdrawals"

    report_id: uuid.UUID = Field(primary_key=True, foreign_key="absence_reports.id")
    reason: str = Field(max_length=500)
    withdrawn_by: str = Field(max_length=80)
    withdrawn_at: datetime = utc_field()
    counts_after: datetime | None = utc_field(nullable=True)


class AbsenceAttachment(SQLModel, table=True):
    """A file with an absence, encrypted. In the database, so that it and its row go together.

    Attributes:
        kind: a member of `documents.DocumentKind`. The name of the file is not kept.
    """

    __tablename__ = "absence_attachments"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    report_id: uuid.UUID = Field(foreign_key="absence_reports.id", index=True)
    kind: str = Field(max_length=10)
    size_bytes: int
    key_id: str = Field(max_length=40, index=True)
    data: bytes = Field(sa_type=LargeBinary)
    added_by: str = Field(max_length=80)
    added_at: datetime = utc_field()
