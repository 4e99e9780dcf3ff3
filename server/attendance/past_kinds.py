"""What a change of the past may be: another policy, a roster, a lesson's time or room."""

import uuid
from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MOST_LESSONS = 400


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PolicyChange(_Change):
    """Judge lessons by another version of the policy."""

    kind: Literal["policy"] = "policy"
    lesson_ids: Annotated[tuple[uuid.UUID, ...], Field(min_length=1, max_length=MOST_LESSONS)]
    policy_version: Annotated[int, Field(ge=0)]


class RosterChange(_Change):
    """A person was on a course's roster from one date to another, whatever the roster said.

    `entry_id` names the entry to change; without it a new one is made.
    """

    kind: Literal["roster"] = "roster"
    course_id: uuid.UUID
    person_id: uuid.UUID
    entry_id: uuid.UUID | None = None
    from_date: date = Field(alias="from")
    until_date: date | None = Field(default=None, alias="until")


class LessonChange(_Change):
    """A lesson that has started took place at another time or in another room."""

    kind: Literal["lesson"] = "lesson"
    lesson_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime


AnyChange = Annotated[PolicyChange | RosterChange | LessonChange, Field(discriminator="kind")]
