"""The limits that measurements of the school gave."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class LimitState(StrEnum):
    """What became of a limit."""

    IN_FORCE = "in_force"  # kiosks get it
    ASKED = "asked"  # waits for an admin
    DECLINED = "declined"  # an admin keeps the one in force


class StoredLimit(SQLModel, table=True):
    """A limit for one model; there is at most one of each state.

    Attributes:
        distance: no limit exceeds it; on the scale that all cards share.
        card_limit: the card's own limit at that measurement; kiosks use the smaller one.
        people: measured.
        minors: of these, teens and children.
        raised_share: of people who are missed more often than with the limit before.
        measured_at: when, UTC.
        decided_by: who put it in force or declined it: an account, or the system.
    """

    __tablename__ = "school_limits"
    __table_args__ = (UniqueConstraint("model_id", "state"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    model_id: str = Field(max_length=80)
    state: str = Field(max_length=20)
    distance: float
    card_limit: float
    people: int
    minors: int
    raised_share: float
    measured_at: datetime = utc_field()
    decided_by: str | None = Field(default=None, max_length=80)
    decided_at: datetime | None = utc_field(nullable=True)
