"""What clients send and get about weekly patterns."""

import uuid
from datetime import date, time
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from server.timetable.patterns.clashes import ClashKind
from server.timetable.tables import Weeks
from server.web.list_schemas import ListPart
from server.web.strict import StrictInput


def _whole_minutes(at: time) -> time:
    """Refuse a time with a zone: it is the school's; cut it to minutes, as bells are."""
    if at.tzinfo is not None:
        raise ValueError("write the school's time, without an offset")
    return at.replace(second=0, microsecond=0)


LocalTime = Annotated[time, AfterValidator(_whole_minutes)]


class PatternBody(StrictInput):
    """A lesson that a course has every week, or every second week; times are the school's."""

    term_id: uuid.UUID
    course_id: uuid.UUID
    room_id: uuid.UUID
    weekday: Annotated[int, Field(ge=0, le=6, description="0 is Monday")]
    starts: LocalTime
    ends: LocalTime
    weeks: Weeks = Field(
        default=Weeks.EVERY, description="a and b alternate; the term begins in a week a"
    )
    first_day: date | None = Field(default=None, description="null: the first day of the term")
    last_day: date | None = Field(default=None, description="null: the last day of the term")


class PatternCreate(PatternBody):
    """A new weekly pattern, or what one is to be instead."""

    allow_clashes: bool = Field(
        default=False, description="course, teachers or students are elsewhere too: it is meant"
    )


class PatternRead(PatternBody):
    """A weekly pattern."""

    id: uuid.UUID


class PatternList(ListPart):
    """Some weekly patterns, in the order in which they were added."""

    patterns: list[PatternRead]


class ClashRead(BaseModel):
    """A lesson at the same time as the pattern; details of the error `timetable_clash`."""

    kind: ClashKind
    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: AwareDatetime = Field(description="of the first of these lessons")
    ends_at: AwareDatetime
    lessons: int = Field(description="how many lessons of the pattern it concerns")
    people: int = Field(description="how many teachers or students would be in both")
