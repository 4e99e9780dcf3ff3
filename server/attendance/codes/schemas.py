"""What clients send and get about status codes."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from server.attendance.codes.palette import Colour
from server.attendance.register import CORRECTABLE, AttendanceStatus
from server.web.strict import StrictInput

#: Places of a code among the others.
LAST_PLACE = 99
MOST_REASONS = 50


def _category(status: AttendanceStatus) -> AttendanceStatus:
    if status not in CORRECTABLE:
        raise ValueError("this is no category of codes")
    return status


Category = Annotated[AttendanceStatus, AfterValidator(_category)]
OwnName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
OwnLetter = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=3)]
Place = Annotated[int, Field(ge=1, le=LAST_PLACE)]
Statutory = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]
ReasonText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120)]


class CodeFields(StrictInput):
    """Everything that people may enter about a code."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]
    letter: Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)]
    category: Category
    is_attended: bool
    needs_reason: bool
    colour: Colour
    statutory_code: Statutory
    position: Place


class CodeCreate(CodeFields):
    """A new code of the school's own."""

    name: OwnName
    letter: OwnLetter
    statutory_code: Statutory = ""
    position: Place = LAST_PLACE


class CodeChange(StrictInput):
    """What is to change about a code. An empty name or letter of a default code is the usual one.

    Category and flags can change only while no register uses the code.
    """

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] = ""
    letter: Annotated[str, StringConstraints(strip_whitespace=True, max_length=3)] = ""
    category: Category = AttendanceStatus.PRESENT
    is_attended: bool = True
    needs_reason: bool = False
    colour: Colour = Colour.GREY
    statutory_code: Statutory = ""
    position: Place = LAST_PLACE


class CodeRead(BaseModel):
    """A status code."""

    id: uuid.UUID
    name: str = Field(description="of a default code without one: the English word")
    letter: str
    category: str
    is_attended: bool = Field(description="whether it counts as attended")
    needs_reason: bool
    colour: str
    statutory_code: str
    position: int
    is_default: bool = Field(description="lines that nobody corrected show it")
    is_fixed: bool = Field(description="category and flags cannot change any more")
    retired_at: datetime | None


class ReasonList(StrictInput):
    """The reasons that are offered, in their order."""

    reasons: Annotated[list[ReasonText], Field(max_length=MOST_REASONS)]
