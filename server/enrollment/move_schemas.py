"""What the endpoints and forms of moved enrolments take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from server.web.strict import StrictInput

#: Nobody has more photos than this.
MOST_ENROLMENTS = 200
_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]


class EnrolmentMoveCreate(StrictInput):
    """To which person photos and templates are moved, and which of them."""

    to_person_id: uuid.UUID
    enrolment_ids: Annotated[frozenset[uuid.UUID], Field(max_length=MOST_ENROLMENTS)] | None = (
        Field(default=None, description="null: all that the person has")
    )


class EnrolmentMoveRead(BaseModel):
    """Photos that were moved to the right person."""

    id: uuid.UUID
    from_person_id: uuid.UUID
    to_person_id: uuid.UUID
    enrolment_ids: list[uuid.UUID]
    used_since: datetime | None = Field(
        description="when the first of the templates went to kiosks; null where none did. Marks"
        " since then need a review"
    )
    made_at: datetime


class MoveForm(StrictInput):
    """The person that was chosen, and the ticked photos; `q` is a search for the person."""

    to: _Text = ""
    q: _Text = ""
    enrolment: list[_Text] = Field(default_factory=list, max_length=MOST_ENROLMENTS)
