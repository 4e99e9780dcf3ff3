"""The audit trail's one table."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer
from sqlmodel import Field, SQLModel

from server.db.types import utc_field


class AuditEntry(SQLModel, table=True):
    """One thing that was done. A database trigger refuses to change or delete a row."""

    __tablename__ = "audit_entries"

    seq: int = Field(
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
        sa_column_kwargs={"autoincrement": False},
    )
    at: datetime = utc_field(index=True)
    actor: str = Field(max_length=80, index=True)
    action: str = Field(max_length=60, index=True)
    subject: str = Field(max_length=120, index=True)
    details: dict[str, Any] = Field(sa_type=JSON)
    correlation_id: str = Field(max_length=64)
    prev_hash: bytes = Field(max_length=32)
    hash: bytes = Field(max_length=32)


def subject_of(kind: str, identity: uuid.UUID | str | int) -> str:
    """Name what an entry is about, for example `person:0192...`."""
    return f"{kind}:{identity}"
