"""What clients send and get about the register."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from server.timetable.schemas import LessonRead

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class RegisterRow(BaseModel):
    """One line of a register."""

    person_id: uuid.UUID
    display_name: str
    student_number: str
    status: str
    derived_status: str
    first_seen_at: datetime | None
    kiosk_id: uuid.UUID | None
    method: str | None
    is_corrected: bool
    is_clock_doubtful: bool


class WaitingFor(BaseModel):
    """A kiosk that has not told everything up to the end of the lesson."""

    kiosk_id: uuid.UUID
    name: str
    synced_through: datetime | None


class RegisterRead(BaseModel):
    """The register of one lesson as of now."""

    lesson: LessonRead
    rows: list[RegisterRow]
    counts: dict[str, int]
    waiting_for: list[WaitingFor]


class CorrectionCreate(BaseModel):
    """A person's word about somebody's status, and why."""

    person_id: uuid.UUID
    status: Literal["present", "late", "absent", "excused"]
    reason: Reason


class CorrectionRead(BaseModel):
    """A correction."""

    id: uuid.UUID
    person_id: uuid.UUID
    status: str
    reason: str
    made_by: uuid.UUID
    made_at: datetime
