"""Printed registers of prepared reports."""

import uuid

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel


class PreparedPrint(SQLModel, table=True):
    """The registers of one course as PDF, sealed. Deleted with its report, and by any erasure.

    Attributes:
        number: its place among those of the report, from 1.
        name: of the file; it has the course, and no person.
    """

    __tablename__ = "prepared_prints"

    report_id: uuid.UUID = Field(
        primary_key=True, foreign_key="prepared_reports.id", ondelete="CASCADE"
    )
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    course_id: uuid.UUID = Field(foreign_key="courses.id", ondelete="CASCADE")
    name: str = Field(max_length=120)
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)
