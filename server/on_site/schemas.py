"""What clients get of the on-site list."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field


class SiteLineRead(BaseModel):
    """One person."""

    person_id: uuid.UUID
    display_name: str
    student_number: str
    place: str = Field(description="`on_site`, `not_seen` or `checked_out`")
    lesson_id: uuid.UUID | None = Field(
        description="the lesson that began last, else the next one of today"
    )
    last_seen_at: datetime | None
    last_seen_in: str | None


class SilentKioskRead(BaseModel):
    """A kiosk that may know more."""

    kiosk_id: uuid.UUID
    name: str
    room: str
    last_seen_at: datetime | None


class SiteListRead(BaseModel):
    """Who is on site as of a moment."""

    at: datetime
    people: list[SiteLineRead]
    reported_absent: int = Field(description="how many are not listed for that reason")
    silent_kiosks: list[SilentKioskRead]
