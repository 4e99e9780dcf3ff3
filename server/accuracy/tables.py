"""Measurements of the school: the job and, once it is done, its figures. Nobody is named."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class MeasurementStatus(StrEnum):
    """How far a measurement has come."""

    WAITING = "waiting"
    DONE = "done"
    IMPOSSIBLE = "impossible"  # the service cannot measure this model
    FAILED = "failed"  # given up


class Measurement(SQLModel, table=True):
    """One model's operating point in this school. The worker that claims it moves `not_before`."""

    __tablename__ = "accuracy_measurements"
    __table_args__ = (
        # One waits at a time, however many replicas are asked at once.
        Index(
            "ix_accuracy_measurements_waiting",
            "model_id",
            unique=True,
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    model_id: str = Field(max_length=80, index=True)
    status: str = Field(max_length=20)
    requested_by: str = Field(max_length=80)
    requested_at: datetime = utc_field(default_now=True)
    attempts: int = Field(default=0)
    not_before: datetime = utc_field(default_now=True)
    finished_at: datetime | None = utc_field(nullable=True)
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
