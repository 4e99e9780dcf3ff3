"""Guardians: one entry for each student, also where two students have the same parent."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field

LONGEST_NAME, LONGEST_PHONE, LONGEST_EMAIL = 160, 40, 254


class GuardianRelation(StrEnum):
    """What a guardian is to the student."""

    MOTHER = "mother"
    FATHER = "father"
    GUARDIAN = "guardian"
    OTHER = "other"


class Guardian(SQLModel, table=True):
    """A guardian of one student. Deleted with the student's data, and when it is old.

    Attributes:
        phone, email: empty where nobody entered one.
    """

    __tablename__ = "guardians"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", ondelete="CASCADE", index=True)
    name: str = Field(max_length=LONGEST_NAME)
    relation: str = Field(max_length=20)
    phone: str = Field(max_length=LONGEST_PHONE)
    email: str = Field(max_length=LONGEST_EMAIL)
    created_at: datetime = utc_field(default_now=True)
