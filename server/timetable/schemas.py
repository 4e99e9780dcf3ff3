"""What clients send and get about rooms, courses, rosters and lessons."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class RoomCreate(BaseModel):
    """A new room."""

    name: Name


class RoomRead(BaseModel):
    """A room."""

    id: uuid.UUID
    name: str


class CourseCreate(BaseModel):
    """A new course."""

    code: Code
    title: Title


class CourseRead(BaseModel):
    """A course."""

    id: uuid.UUID
    code: str
    title: str


class RosterCreate(BaseModel):
    """A person joins a course; dates are the school's, both included, open where left out."""

    model_config = ConfigDict(populate_by_name=True)

    person_id: uuid.UUID
    from_date: date | None = Field(default=None, alias="from")
    until_date: date | None = Field(default=None, alias="until")


class RosterRead(BaseModel):
    """A person's place in a course."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    id: uuid.UUID
    course_id: uuid.UUID
    person_id: uuid.UUID
    from_date: date | None = Field(alias="from")
    until_date: date | None = Field(alias="until")


class LessonCreate(BaseModel):
    """A new lesson; times carry their offset from UTC."""

    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class LessonRead(BaseModel):
    """A lesson with the words to show it by."""

    id: uuid.UUID
    course_id: uuid.UUID
    course_code: str
    course_title: str
    room_id: uuid.UUID
    room_name: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
