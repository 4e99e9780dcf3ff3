"""What the endpoints of calendar addresses give."""

from datetime import datetime

from pydantic import BaseModel, Field


class CalendarFeedRead(BaseModel):
    """Whether there is a calendar address. The address itself is shown only when it is made."""

    is_on: bool
    made_at: datetime | None


class CalendarFeedMade(BaseModel):
    """A new calendar address."""

    address: str = Field(description="For calendar programs. It works without a sign-in.")
    made_at: datetime
