"""What clients send and get about holidays."""

import uuid
from datetime import date

from server.timetable.schemas import Name
from server.web.strict import StrictInput


class HolidayCreate(StrictInput):
    """Dates on which the whole school is closed, both included."""

    name: Name
    first_day: date
    last_day: date


class HolidayRead(HolidayCreate):
    """A holiday."""

    id: uuid.UUID
