"""What clients send and get about rooms, courses, rosters and lessons."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from server.web.list_schemas import ListPart
from server.web.strict import StrictInput

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class RoomCreate(StrictInput):
    """A new room."""

    name: Name


class RoomRead(BaseModel):
    """A room."""

    id: uuid.UUID
    name: str


class CourseCreate(StrictInput):
    """A new course."""

    code: Code
    title: Title


class CourseRead(BaseModel):
    """A course."""

    id: uuid.UUID
    code: str
    title: str


class RoomUpdate(RoomCreate):
    """A room's new name."""


class CourseUpdate(CourseCreate):
    """A course's new code and title."""


class RosterUpdate(StrictInput):
    """New dates of a roster entry; they may not touch a lesson that has started."""

    model_config = ConfigDict(populate_by_name=True)

    from_date: date | None = Field(default=None, alias="from")
    until_date: date | None = Field(default=None, alias="until")


class RosterCreate(StrictInput):
    """A person joins a course; dates are the school's, both included; from today if left out.

    Lessons that are over by now do not list the person for it. Lessons that are entered later for
    days since `from` do, where the course had none yet.
    """

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
    counts_after: AwareDatetime | None = Field(
        description="lessons that ended by then do not list the person; null: the dates decide"
    )


class TeacherCreate(StrictInput):
    """An account teaches a course; dates are the school's, both included."""

    model_config = ConfigDict(populate_by_name=True)

    account_id: uuid.UUID
    from_date: date | None = Field(default=None, alias="from")
    until_date: date | None = Field(default=None, alias="until")


class TeacherEnd(StrictInput):
    """The last day on which an account teaches a course."""

    model_config = ConfigDict(populate_by_name=True)

    until_date: date = Field(alias="until")


class TeacherRead(BaseModel):
    """An account that teaches, taught or will teach a course."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    id: uuid.UUID
    course_id: uuid.UUID
    account_id: uuid.UUID
    from_date: date | None = Field(alias="from")
    until_date: date | None = Field(alias="until")


class TermCreate(StrictInput):
    """A span of dates in which lessons take place, both included."""

    name: Name
    first_day: date
    last_day: date


class TermRead(TermCreate):
    """A term."""

    id: uuid.UUID


class LessonCreate(StrictInput):
    """A new lesson; times carry their offset from UTC."""

    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    allow_double: bool = Field(
        default=False, description="course or teacher is in another room then too, and it is meant"
    )


class LessonUpdate(LessonCreate):
    """What a lesson that has not started is to be instead."""


Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ReasonGiven(StrictInput):
    """Why a lesson is cancelled, or counts again."""

    reason: Reason


class CancellationRead(BaseModel):
    """Why and when a lesson was cancelled."""

    reason: str
    cancelled_at: AwareDatetime
    cancelled_by: str


class LessonList(ListPart):
    """Some lessons, by start."""

    lessons: list["LessonRead"]


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
    cancelled: CancellationRead | None
