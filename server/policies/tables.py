"""Versions of the policy, and which of them judges a lesson again; none is ever changed.

Of the versions the highest one is in force.

Version 0 holds the defaults of the first installation, so that later defaults judge no old lesson.
It is completed when the first account is made; see `server.policies.service.begin_policy`.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class PolicyVersion(SQLModel, table=True):
    """One version: the school's settings, and under `own` those of rooms and courses.

    Attributes:
        scope: what it changed: `school`, `room` or `course`.
        scope_id: which room or course.
    """

    __tablename__ = "policy_versions"
    # The dates of all versions are read for every register; without the documents.
    __table_args__ = (Index("ix_policy_versions_dates", "version", "created_at"),)

    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: dict[str, Any] = Field(sa_type=JSON)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)
    scope: str = Field(
        default="school", max_length=8, sa_column_kwargs={"server_default": "school"}
    )
    scope_id: uuid.UUID | None = Field(default=None, index=True)


class Rejudgement(SQLModel, table=True):
    """A decision to judge one lesson by another policy version. The newest one counts."""

    __tablename__ = "rejudgements"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    policy_version: int = Field(foreign_key="policy_versions.version")
    change_id: uuid.UUID = Field(foreign_key="past_changes.id")
    made_at: datetime = utc_field(default_now=True)
