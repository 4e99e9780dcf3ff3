"""What the endpoints of reviewed marks take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from server.enrollment.move_schemas import EnrolmentMoveRead
from server.mark_reviews.tables import ReviewAnswer
from server.web.list_schemas import ListPart
from server.web.strict import StrictInput

_Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class MarkName(StrictInput):
    """What names an event."""

    kiosk_id: uuid.UUID
    event_id: uuid.UUID


class MarkReviewCreate(StrictInput):
    """Who was in front of the kiosk when these marks were made."""

    marks: Annotated[list[MarkName], Field(min_length=1, max_length=500)]
    answer: ReviewAnswer
    other_person_id: uuid.UUID | None = Field(
        default=None, description="who it was; only with the answer `other`"
    )
    reason: _Reason = Field(default="", description="of the corrections; not for `theirs`")


class MarkReviewRead(BaseModel):
    """A decision about marks of one person in one lesson."""

    id: uuid.UUID
    person_id: uuid.UUID
    lesson_id: uuid.UUID | None
    answer: ReviewAnswer
    other_person_id: uuid.UUID | None
    reason: str = Field(description="as typed; `erased` once one of the people is")
    correction_ids: list[uuid.UUID]
    made_by: uuid.UUID
    made_at: datetime


class MarkRead(BaseModel):
    """A mark by face that waits for a decision, and how sure the kiosk was."""

    kiosk_id: uuid.UUID
    event_id: uuid.UUID
    person_id: uuid.UUID
    lesson_id: uuid.UUID | None = Field(description="null where it counts for none")
    at: datetime
    evidence: list[str] = Field(
        description="`clear`, or: `near_limit` the face matched only just; `close` another person"
        " was nearly as similar; `look_alike` another person looks alike; `undecided` the"
        " check for a live face could not decide"
    )
    second: str = Field(description="method of the second factor; empty without one")


class OpenMoveRead(EnrolmentMoveRead):
    """A move with marks that wait for a decision."""

    marks: int = Field(description="how many wait")


class RecognitionList(ListPart):
    """Some recent recognitions that were not clear, newest first."""

    recognitions: list[MarkRead]
