"""Events as they came, those refused, and corrections by people. None is ever changed."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class StoredEvent(SQLModel, table=True):
    """One verified event. `body` is its JSON with every field, so that it can be verified again."""

    __tablename__ = "attendance_events"
    __table_args__ = (
        UniqueConstraint("kiosk_id", "seq"),
        Index("ix_attendance_events_kiosk_id_counted_at", "kiosk_id", "counted_at"),
    )

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    id: uuid.UUID = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    # As the kiosk stated it, and corrected by the clock offset it stated beside it.
    occurred_at: datetime = utc_field()
    counted_at: datetime = utc_field()
    received_at: datetime = utc_field()
    lesson_id: uuid.UUID | None = Field(default=None, index=True)
    person_id: uuid.UUID | None = Field(default=None, index=True)
    kind: str = Field(max_length=48)
    method: str = Field(max_length=48)
    refers_to: uuid.UUID | None = Field(default=None)
    clock_source: str = Field(max_length=48)
    distance: float | None = Field(default=None)
    shown_status: str | None = Field(default=None, max_length=48)
    hash: str = Field(max_length=64)
    # The event before it is known, and is not the one this event names.
    is_chain_torn: bool = Field(default=False)
    body: str


class QuarantinedEvent(SQLModel, table=True):
    """Something a kiosk sent that did not become part of the record, and why."""

    __tablename__ = "quarantined_events"
    __table_args__ = (
        UniqueConstraint("kiosk_id", "body_hash"),
        Index("ix_quarantined_events_kiosk_id_seq", "kiosk_id", "seq"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kiosk_id: str = Field(max_length=64)
    event_id: str | None = Field(default=None, max_length=64)
    seq: int | None = Field(default=None, sa_type=BigInteger)
    reason: str = Field(max_length=48)
    # Signed by the kiosk: then its place in the chain counts as received.
    is_authentic: bool = Field(default=False)
    hash: str | None = Field(default=None, max_length=64)
    body_hash: bytes = Field(max_length=32)
    body: str
    received_at: datetime = utc_field(default_now=True)


class Correction(SQLModel, table=True):
    """A manual correction of a student's status in a lesson. The newest one counts."""

    __tablename__ = "attendance_corrections"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    status: str = Field(max_length=20)
    reason: str = Field(max_length=500)
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)


class PastChange(SQLModel, table=True):
    """A change of the past that a person made: what, why, and how many lines it changed."""

    __tablename__ = "past_changes"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=20)
    document: dict[str, Any] = Field(sa_type=JSON)
    lines_changed: int
    reason: str = Field(max_length=500)
    made_by: str = Field(max_length=80)
    made_at: datetime = utc_field(default_now=True)


class Rejudgement(SQLModel, table=True):
    """A decision to judge one lesson by another policy version. The newest one counts."""

    __tablename__ = "rejudgements"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    policy_version: int = Field(foreign_key="policy_versions.version")
    change_id: uuid.UUID = Field(foreign_key="past_changes.id")
    made_at: datetime = utc_field(default_now=True)
