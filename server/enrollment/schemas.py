"""What the enrolment endpoints take and give."""

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from server.enrollment.guidance import Pose
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


class GuidanceRead(BaseModel):
    """What one camera picture shows.

    Attributes:
        state: judged; busy: ask again in a moment; away: the recognition service does not answer;
            unable: it has no such endpoint. All but the first come without the rest.
        is_good: whether nothing falls short and the head points where it should.
        pose: where it points, as the person sees it.
        words: the one thing to do next.
        bars: 0 to 100, 50 at the limit; null where it was not measured.
    """

    state: Literal["judged", "busy", "away", "unable"]
    is_good: bool
    pose: Pose | None
    words: str
    bars: dict[str, int | None]
