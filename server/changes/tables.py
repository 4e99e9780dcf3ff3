"""The log of what changed."""

import uuid
from enum import StrEnum

from sqlalchemy import BigInteger, Integer
from sqlmodel import Field, SQLModel


class ChangedThing(StrEnum):
    """What a line of the log is about."""

    PERSON = "person"
    COURSE = "course"  # its roster
    LESSONS_OF = "lessons_of"  # when and where a course meets
    ROOM = "room"  # which lessons are in it
    SCHOOL = "school"  # anything: every kiosk may have to know it


class SchoolChange(SQLModel, table=True):
    """One thing that a commit changed. `seq` grows without gaps in the order of commits.

    Only the newest are kept. No foreign keys: the log outlives what it is about.
    """

    __tablename__ = "school_changes"

    seq: int = Field(
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
        sa_column_kwargs={"autoincrement": False},
    )
    thing: str = Field(max_length=12)
    thing_id: uuid.UUID | None = Field(default=None)
