"""Reports of kiosks' acceptance tests, as they came, and what the offline drill delivered."""

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from server.db.types import utc_field


class CommissioningReport(SQLModel, table=True):
    """One report, exactly as signed; the counts are for the list.

    `signing_key` is the key that the server knew for the kiosk when the report came: the
    signature is checked with it each time the report is shown.
    """

    __tablename__ = "commissioning_reports"
    __table_args__ = (
        Index("ix_commissioning_reports_kiosk_id_finished_at", "kiosk_id", "finished_at"),
    )

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id", ondelete="CASCADE")
    id: uuid.UUID = Field(primary_key=True)
    room: str = Field(max_length=120)
    started_at: datetime = utc_field()
    finished_at: datetime = utc_field()
    received_at: datetime = utc_field()
    passed: int
    failed: int
    skipped: int
    body: str
    signing_key: str | None = Field(default=None, max_length=44)


class CommissioningDrill(SQLModel, table=True):
    """When a kiosk made the message of its offline drill, and when it came here."""

    __tablename__ = "commissioning_drills"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id", ondelete="CASCADE")
    report_id: uuid.UUID = Field(primary_key=True)
    made_at: datetime = utc_field()
    received_at: datetime = utc_field()
