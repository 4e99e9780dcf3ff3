"""Measurements of the school: their figures. Nobody is named in them."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class MeasurementStatus(StrEnum):
    """How a measurement ended."""

    DONE = "done"
    IMPOSSIBLE = "impossible"  # the service cannot measure this model


class Measurement(SQLModel, table=True):
    """One model's operating point in this school."""

    __tablename__ = "accuracy_measurements"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    model_id: str = Field(max_length=80, index=True)
    status: str = Field(max_length=20)
    requested_by: str = Field(max_length=80)
    requested_at: datetime = utc_field(default_now=True)
    finished_at: datetime = utc_field(default_now=True)
    measured_of: str | None = Field(default=None, max_length=64)  # see accuracy.question
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
