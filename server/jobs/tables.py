"""Jobs that wait, run or are parked. A finished job has no row."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class JobState(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    PARKED = "parked"  # failed too often; waits for a person or for an upgrade


class Job(SQLModel, table=True):
    """One piece of work. A worker claims it with a lease that it renews until it is done.

    Attributes:
        kind: which handler does it.
        key: what it is about, as text; there is one job for each kind and key.
        subject: what it concerns, as the audit trail names it, such as "person:<id>".
        about: what it is about, by name.
        attempts: failures that were its own fault.
        revision: grows with each claim and each new request; an older worker changes nothing.
        not_before: no worker claims it earlier.
        last_reason: code of the last failure.
        parked_under: the software that was running when it was parked.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "key"),
        Index("ix_jobs_state_kind_not_before", "state", "kind", "not_before"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=20)
    key: str = Field(max_length=200)
    subject: str = Field(max_length=60, index=True)
    about: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    state: str = Field(default=JobState.WAITING.value, max_length=20)
    attempts: int = Field(default=0)
    revision: int = Field(default=0)
    not_before: datetime = utc_field(default_now=True)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = utc_field(nullable=True)
    last_reason: str | None = Field(default=None, max_length=60)
    parked_under: str | None = Field(default=None, max_length=300)
    correlation_id: str = Field(max_length=64)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)
