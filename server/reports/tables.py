"""The limit of the at-risk list, and reports that were prepared in the background."""

import uuid
from datetime import date, datetime

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class AtRiskLimit(SQLModel, table=True):
    """When a student is on the at-risk list: one row, set by a person.

    Attributes:
        percent: students whose attendance rate is under it are listed.
        least_lessons: with fewer judged lessons nobody is listed.
        changed_by: who set it, as the audit trail names them.
    """

    __tablename__ = "at_risk_limits"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    percent: int
    least_lessons: int
    changed_by: str = Field(max_length=80)
    changed_at: datetime = utc_field(default_now=True)


class PreparedReport(SQLModel, table=True):
    """A report over many lessons, prepared by a job. Deleted once it expires.

    Attributes:
        course_ids: only these courses; None: all of them.
        as_of: the moment the registers were read for it.
        done_through: lessons up to this day are in its parts; None: none are.
        lessons: how many its parts have.
        lessons_total: about how many they will have.
        lines: how many lines of registers its parts have.
        is_truncated: it ends early, because it reached the most lines.
        with_registers: registers are printed too, a PDF for each course.
        registers: how many courses are printed.
        registers_total: how many will be; 0 until the lessons are read.
        registers_cut: they end early, because they reached the most lines.
        key_id: which key sealed `summary`.
        summary: the sums, sealed; None until it is finished.
    """

    __tablename__ = "prepared_reports"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    first_day: date
    last_day: date
    course_ids: list[str] | None = Field(default=None, sa_type=JSON)
    as_of: datetime = utc_field()
    done_through: date | None = Field(default=None)
    lessons: int = Field(default=0)
    lessons_total: int = Field(default=0)
    lines: int = Field(default=0)
    is_truncated: bool = Field(default=False)
    with_registers: bool = Field(default=False)
    registers: int = Field(default=0)
    registers_total: int = Field(default=0)
    registers_cut: bool = Field(default=False)
    key_id: str | None = Field(default=None, max_length=40)
    summary: bytes | None = Field(default=None, sa_type=LargeBinary)
    made_by: uuid.UUID = Field(foreign_key="accounts.id", index=True)
    created_at: datetime = utc_field(default_now=True)
    finished_at: datetime | None = utc_field(nullable=True)
    expires_at: datetime = utc_field(index=True)


class PreparedPart(SQLModel, table=True):
    """Some lessons of a prepared report with their lines, sealed; ids in it, no names."""

    __tablename__ = "prepared_parts"

    report_id: uuid.UUID = Field(
        primary_key=True, foreign_key="prepared_reports.id", ondelete="CASCADE"
    )
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)
