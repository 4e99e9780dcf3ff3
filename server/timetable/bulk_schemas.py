"""What clients send to change many courses at once, or many people of one course."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from server.web.strict import StrictInput

#: As many as the pages take: a page of a list has 50.
MOST = 200
_Ids = Annotated[list[uuid.UUID], Field(min_length=1, max_length=MOST)]


class _Dated(StrictInput):
    model_config = ConfigDict(populate_by_name=True)


class BulkTeacher(_Dated):
    """A teacher for courses, from a day on; from today if no date is given."""

    course_ids: _Ids
    account_id: uuid.UUID
    from_date: date | None = Field(default=None, alias="from")
    ends_others: bool = Field(
        default=False, description="the other teachers' last day is the day before"
    )


class BulkGroup(_Dated):
    """A class that courses take their students from; from today if no date is given."""

    course_ids: _Ids
    group_id: uuid.UUID
    from_date: date | None = Field(default=None, alias="from")


class BulkCourseEnd(_Dated):
    """The last day of courses, today or later."""

    course_ids: _Ids
    until_date: date = Field(alias="until")


class BulkRosterCreate(_Dated):
    """People join a course; dates as in `RosterCreate`."""

    person_ids: _Ids
    from_date: date | None = Field(default=None, alias="from")
    until_date: date | None = Field(default=None, alias="until")


class BulkRosterEnd(StrictInput):
    """People leave a course: today is their last day."""

    person_ids: _Ids
