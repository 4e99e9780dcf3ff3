"""What clients send and get about classes and groups."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from server.timetable.schemas import Name
from server.web.strict import StrictInput


class GroupCreate(StrictInput):
    """A class or another group of students."""

    name: Name


class GroupRead(BaseModel):
    """A class or group."""

    id: uuid.UUID
    name: str


class MembersCreate(StrictInput):
    """People join a group; from today if no date is given."""

    model_config = ConfigDict(populate_by_name=True)

    person_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=200)]
    from_date: date | None = Field(default=None, alias="from")


class GroupCourseCreate(StrictInput):
    """A course takes its students from a group; from today if no date is given."""

    model_config = ConfigDict(populate_by_name=True)

    course_id: uuid.UUID
    from_date: date | None = Field(default=None, alias="from")


class GroupEnd(StrictInput):
    """The last day, today or later."""

    model_config = ConfigDict(populate_by_name=True)

    until_date: date = Field(alias="until")


class MemberRead(BaseModel):
    """A person in a group; both dates are included."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    id: uuid.UUID
    person_id: uuid.UUID
    from_date: date = Field(alias="from")
    until_date: date | None = Field(alias="until")


class GroupCourseRead(BaseModel):
    """A course that takes its students from a group; both dates are included."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    id: uuid.UUID
    course_id: uuid.UUID
    from_date: date = Field(alias="from")
    until_date: date | None = Field(alias="until")


class ClassExceptionRead(BaseModel):
    """A student that the classes of a course do not decide about."""

    person_id: uuid.UUID
    group: str = Field(description="the name of the class that would list the student")
