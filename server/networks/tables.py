"""The school's network, and templates from scans that wait for a second day."""

import uuid
from datetime import date, datetime

from sqlalchemy import Date, Index, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import utc_field

#: The only row's id.
ONLY = 1


class SchoolNetwork(SQLModel, table=True):
    """One row: the network that decides at every door, and the one that is to replace it.

    Attributes:
        current: the network in use; None until an admin chooses or the first photo is accepted.
        next: set while a change is under way.
        collects_scans: whether kiosks send templates of `next`, made from clear scans.
        coverage_wanted: share of people who must have a template of `next` before the switch, 0-1.
    """

    __tablename__ = "school_network"

    id: int = Field(default=ONLY, primary_key=True, sa_column_kwargs={"autoincrement": False})
    current: str | None = Field(default=None, max_length=80)
    chosen_by: str | None = Field(default=None, max_length=80)
    chosen_at: datetime | None = utc_field(nullable=True)
    next: str | None = Field(default=None, max_length=80)
    started_by: str | None = Field(default=None, max_length=80)
    started_at: datetime | None = utc_field(nullable=True)
    collects_scans: bool = Field(default=False)
    coverage_wanted: float = Field(default=0.95)


class WaitingScan(SQLModel, table=True):
    """A template of the next network from one scan, encrypted. Alone it serves nobody.

    Two of different days that agree become templates. It goes with the consent, the event that is
    taken back, the end of the change, and after 30 days.

    Attributes:
        id: as the kiosk named it; the same scan again is no second one.
        event_id: the attendance event of the same scan.
        day: the school's date of that event.
        data: float32, little-endian, `dimension` of them.
    """

    __tablename__ = "waiting_scans"
    __table_args__ = (Index("ix_waiting_scans_kiosk_id_event_id", "kiosk_id", "event_id"),)

    id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id")
    event_id: uuid.UUID
    model_id: str = Field(max_length=80)
    dimension: int
    key_id: str = Field(max_length=40, index=True)
    data: bytes = Field(sa_type=LargeBinary)
    frames: int
    day: date = Field(sa_type=Date)
    captured_at: datetime = utc_field()
    received_at: datetime = utc_field(default_now=True)
