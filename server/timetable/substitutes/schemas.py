"""What clients send and get about substitutes."""

import uuid

from pydantic import BaseModel, Field

from server.web.strict import StrictInput


class SubstituteUpdate(StrictInput):
    """Who teaches a lesson in place of the course's teachers."""

    account_id: uuid.UUID
    allow_double: bool = Field(
        default=False, description="the teacher has another lesson then too, and it is meant"
    )


class SubstituteRead(BaseModel):
    """The substitute of a lesson; null: the course's teachers have it."""

    account_id: uuid.UUID | None
