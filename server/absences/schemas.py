"""What clients send and get about absences."""

import uuid
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from server.web.list_schemas import ListPart
from server.web.strict import StrictInput

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
ReportedBy = Annotated[str, StringConstraints(strip_whitespace=True, max_length=160)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80)]
WithdrawalReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)
]


class PastLines(StrEnum):
    """What becomes of the register lines of lessons that are over."""

    CHANGE = "change"
    KEEP = "keep"


_PAST = Field(
    default=None,
    description="Only needed where lines of lessons that are over would change: `change` them, or"
    " `keep` them. Without it the answer is 409 `past_lines`, and says how many.",
)


class AbsenceCreate(StrictInput):
    """An absence as it was reported; days and times are the school's, both days included."""

    person_id: uuid.UUID
    first_day: date
    last_day: date
    from_time: time | None = Field(default=None, description="on a single day only")
    until_time: time | None = Field(default=None, description="on a single day only")
    is_excused: bool = True
    reason_id: uuid.UUID
    note: Note = ""
    reported_by: ReportedBy = ""
    past_lines: PastLines | None = _PAST


class AbsenceWithdraw(StrictInput):
    """Why an absence is withdrawn."""

    reason: WithdrawalReason
    past_lines: PastLines | None = _PAST


class AbsenceReasonCreate(StrictInput):
    """A usual reason of the school."""

    words: Words


class AbsenceReasonRead(BaseModel):
    """A usual reason."""

    id: uuid.UUID
    words: str = Field(description="for reasons that ship in the language of the request")
    retired_at: datetime | None


class WithdrawalRead(BaseModel):
    """That an absence was withdrawn."""

    reason: str
    withdrawn_by: str
    withdrawn_at: datetime
    counts_after: datetime | None


class AbsenceRead(BaseModel):
    """An absence that was reported."""

    id: uuid.UUID
    person_id: uuid.UUID
    first_day: date
    last_day: date
    from_time: time | None
    until_time: time | None
    is_excused: bool
    reason_id: uuid.UUID
    note: str
    reported_by: str
    entered_by: str
    entered_at: datetime
    counts_after: datetime | None = Field(
        description="lessons that ended by then keep their lines; null: past ones changed too"
    )
    withdrawal: WithdrawalRead | None


class AbsenceList(ListPart):
    """Absences, those entered last first."""

    absences: list[AbsenceRead]


class AttachmentRead(BaseModel):
    """A file with an absence."""

    id: uuid.UUID
    kind: str
    size_bytes: int
    added_by: str
    added_at: datetime
