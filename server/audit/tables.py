"""The audit trail, which entries are about which people, and the last check of the chain."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer
from sqlmodel import Field, SQLModel

from server.db.types import utc_field

_Number = BigInteger().with_variant(Integer, "sqlite")


class AuditEntry(SQLModel, table=True):
    """One thing that was done. A database trigger refuses to change or delete a row."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_actor_seq", "actor", "seq"),
        Index("ix_audit_entries_action_seq", "action", "seq"),
    )

    seq: int = Field(primary_key=True, sa_type=_Number, sa_column_kwargs={"autoincrement": False})
    at: datetime = utc_field(index=True)
    actor: str = Field(max_length=80)
    action: str = Field(max_length=60)
    subject: str = Field(max_length=120)
    details: dict[str, Any] = Field(sa_type=JSON)
    correlation_id: str = Field(max_length=64)
    prev_hash: bytes = Field(max_length=32)
    hash: bytes = Field(max_length=32)


class AuditedPerson(SQLModel, table=True):
    """Says that an entry is about a person, so that it is found. The chain does not need it."""

    __tablename__ = "audit_people"

    person_id: uuid.UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=_Number, sa_column_kwargs={"autoincrement": False})


class AuditCheck(SQLModel, table=True):
    """The last check of the whole chain, under way or done: one row.

    Attributes:
        checked: entries read so far.
        total: entries there were when it began.
        broken_at: seq of the first entry that does not fit; None where all do, or nobody knows yet.
        asked_by: who asked, as the audit trail names them.
        finished_at: None while it is under way.
        good_seq: of the last entry of the newest check that found the chain whole; None: none did.
        good_hash: of that entry.
    """

    __tablename__ = "audit_checks"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    checked: int = Field(default=0, sa_type=_Number)
    total: int = Field(default=0, sa_type=_Number)
    broken_at: int | None = Field(default=None, sa_type=_Number)
    asked_by: str = Field(max_length=80)
    started_at: datetime = utc_field()
    finished_at: datetime | None = utc_field(nullable=True)
    good_seq: int | None = Field(default=None, sa_type=_Number)
    good_hash: bytes | None = Field(default=None, max_length=32)


def subject_of(kind: str, identity: uuid.UUID | str | int) -> str:
    """Name what an entry is about, for example `person:0192...`."""
    return f"{kind}:{identity}"
