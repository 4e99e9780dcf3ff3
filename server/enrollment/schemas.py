"""What the enrolment endpoints take and give."""

import uuid
from datetime import datetime

from pydantic import BaseModel

from server.enrollment.tables import EnrolmentStatus


class EnrolmentRead(BaseModel):
    """How far a photo has come on its way to a template."""

    id: uuid.UUID
    person_id: uuid.UUID
    status: EnrolmentStatus
    reason: str | None
    message: str | None
    advice: list[str]
    created_at: datetime
    finished_at: datetime | None
