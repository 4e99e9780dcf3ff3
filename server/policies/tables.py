"""Versions of the policy document; the highest one is in force, and none is ever changed.

Version 0 holds the defaults of the first installation, so that later defaults judge no old lesson.
It is completed when the first account is made; see `server.policies.service.begin_policy`.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from server.db.types import utc_field


class PolicyVersion(SQLModel, table=True):
    """One version of the policy."""

    __tablename__ = "policy_versions"

    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: dict[str, Any] = Field(sa_type=JSON)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)
