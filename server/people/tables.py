"""People and who consented to what about them."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class ConsentRole(StrEnum):
    """Who speaks: the student, or a parent or guardian."""

    STUDENT = "student"
    PARENT = "parent"


class ConsentDecision(StrEnum):
    """What was said."""

    GIVEN = "given"
    REFUSED = "refused"


class Person(SQLModel, table=True):
    """A person whose attendance is recorded. The id is stable across years."""

    __tablename__ = "people"
    __table_args__ = (Index("ix_people_sort_key_id", "sort_key", "id"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    student_number: str = Field(max_length=40, unique=True)
    given_name: str = Field(max_length=80)
    family_name: str = Field(max_length=80)
    display_name: str = Field(max_length=160)
    # Both follow the names; see people.keys.
    search_text: str = Field(sa_type=Text)
    sort_key: bytes = Field(sa_type=LargeBinary)
    # Decides only which recognition limits apply; see people.limit_group.
    year_of_birth: int | None = Field(default=None)
    created_at: datetime = utc_field(default_now=True)
    # From then on the name is gone; registers keep the line and its count.
    erased_at: datetime | None = utc_field(nullable=True)


class NameKeys(SQLModel, table=True):
    """What the search texts and sort keys of all people were made with. One row, or none yet."""

    __tablename__ = "name_keys"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    locale: str = Field(max_length=80)
    version: str = Field(max_length=120)


class Consent(SQLModel, table=True):
    """One statement about face recognition of a person. Never changed, except to withdraw it."""

    __tablename__ = "consents"
    # Everything that the rule of consent asks about, so that it is read from the index.
    __table_args__ = (
        Index(
            "ix_consents_person_id",
            "person_id",
            "decision",
            "withdrawn_at",
            "expires_on",
            "role",
            "given_by",
            "decided_at",
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", ondelete="CASCADE")
    role: str = Field(max_length=20)
    given_by: str = Field(max_length=160)
    decision: str = Field(max_length=20)
    text_version: str = Field(max_length=40)
    decided_at: datetime = utc_field(default_now=True)
    expires_on: date | None = Field(default=None)
    withdrawn_at: datetime | None = utc_field(nullable=True)
    recorded_by: str = Field(max_length=80)
