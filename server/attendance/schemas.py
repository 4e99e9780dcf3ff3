"""What clients send and get about the register."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from protocol.v1.fields import MAX_SAFE_INTEGER
from server.attendance.codes.schemas import Category
from server.attendance.past_kinds import AnyChange
from server.timetable.schemas import LessonRead, Reason
from server.web.list_schemas import ListPart
from server.web.strict import StrictInput


class DoubtfulScan(BaseModel):
    """A scan with an uncertain time that may belong to this lesson."""

    event_id: uuid.UUID
    kiosk_id: uuid.UUID
    occurred_at: datetime | None = Field(description="what the kiosk's clock said")
    not_before: datetime | None
    received_at: datetime | None


class RegisterRow(BaseModel):
    """One line of a register."""

    person_id: uuid.UUID
    display_name: str
    student_number: str
    status: str
    derived_status: str
    code_id: uuid.UUID | None = Field(description="null where nobody decided and nothing was seen")
    is_attended: bool
    state: str = Field(description="what a correction sends back as `seen`")
    remark: str
    files: int = Field(description="how many files the line has")
    minutes_present: int | None = Field(
        description="of the lesson, as kiosks saw it; null where they saw nothing"
    )
    minutes_late: int | None = Field(
        description="after the start, where the status is late: as an imported file said, else as"
        " kiosks saw it; null where neither did"
    )
    first_seen_at: datetime | None
    shown_status: str | None = Field(
        description="what the kiosk showed, where it was something else"
    )
    kiosk_id: uuid.UUID | None
    method: str | None
    left_at: datetime | None = Field(description="when the person left and did not come back")
    left_early_min: int = Field(
        description="minutes before the end, where that is before leaving time; else 0"
    )
    reported: str | None = Field(
        description="how the person was reported absent, `excused` or `unexcused`; else null"
    )
    is_corrected: bool
    is_clock_doubtful: bool
    stated_at: datetime | None = Field(
        description="what the kiosk's clock said at `first_seen_at`, where that is another time"
    )
    doubtful: list[DoubtfulScan]
    replays: int = Field(
        description="scans by a phone's code that counts at another kiosk; they do not count here"
    )
    second_factor: str | None = Field(
        description="how a face that is easily confused with another one was confirmed"
    )
    teacher: str | None = Field(description="who said so at the kiosk; null where nobody did")


class WaitingFor(BaseModel):
    """A kiosk that has not reported everything up to the end of the lesson."""

    kiosk_id: uuid.UUID
    name: str
    synced_through: datetime | None
    lost_events: int = Field(description="that may belong to the lesson")
    lost_since: datetime | None
    has_two_devices: bool = Field(description="two devices use its identity")


class ConfirmationRead(BaseModel):
    """Who confirmed a register and when, and what changed since."""

    made_by: str
    made_at: datetime
    changed: list[uuid.UUID] = Field(description="people whose lines changed since")


class RegisterRead(BaseModel):
    """The register of one lesson as of now."""

    lesson: LessonRead
    policy_version: int
    rows: list[RegisterRow]
    attended: int
    confirmation: ConfirmationRead | None = Field(description="null where it was not taken")
    counts: dict[str, int]
    waiting_for: list[WaitingFor]


OptionalReason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
#: What a line said when a person chose; see `RegisterRow.state`.
SeenState = Annotated[str, StringConstraints(max_length=40)]


class WordCreate(StrictInput):
    """What is said about lines of a register: a code, or a status, which means its default code."""

    code_id: uuid.UUID | None = None
    status: Category | None = None
    reason: OptionalReason = Field(default="", description="a must where the code needs one")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.code_id is None) == (self.status is None):
            raise ValueError("name either a code or a status")
        return self


class CorrectionCreate(WordCreate):
    """A manual correction of a student's status."""

    person_id: uuid.UUID
    seen: SeenState | None = Field(
        default=None, description="`state` of the row; refused where that has changed"
    )


class ChosenLine(StrictInput):
    """A line of a register that is to be corrected."""

    person_id: uuid.UUID
    seen: SeenState | None = None


class BulkCorrectionCreate(WordCreate):
    """One code with one reason for several lines: set on all of them or on none."""

    lines: Annotated[list[ChosenLine], Field(min_length=1, max_length=1000)]


class CorrectionRead(BaseModel):
    """A correction."""

    id: uuid.UUID
    person_id: uuid.UUID
    status: str | None
    code_id: uuid.UUID | None
    reason: str
    minutes_late: int | None = Field(description="as an imported file said; else null")
    made_by: uuid.UUID
    made_at: datetime


class CorrectionBatchRead(BaseModel):
    """An action over several lines of a register."""

    id: uuid.UUID
    code_id: uuid.UUID | None
    undoes_id: uuid.UUID | None
    lines: int
    made_by: uuid.UUID
    made_at: datetime


class ConfirmationCreate(StrictInput):
    """That a register is right. Students who were not seen become absent."""

    not_seen: Annotated[list[uuid.UUID], Field(max_length=1000)] = Field(
        description="who was named when the person decided: everybody with status `expected`,"
        " `pending` or `not_seen`"
    )


class RemarkCreate(StrictInput):
    """A remark about a line; an empty one takes it away."""

    text: OptionalReason


class RemarkRead(BaseModel):
    """A remark about a line."""

    person_id: uuid.UUID
    text: str
    made_by: uuid.UUID
    made_at: datetime


class PersonErase(StrictInput):
    """Why a person is erased; without any name."""

    reason: Reason


class ErasedPersonRead(BaseModel):
    """A person after the erasure."""

    id: uuid.UUID
    student_number: str
    erased_at: datetime


class LostSpanRead(BaseModel):
    """Numbers whose events will not come, and when these may have happened."""

    id: uuid.UUID
    first: int
    last: int
    missing: int = Field(description="how many of these numbers are lost")
    from_at: datetime
    through_at: datetime
    reason: str
    event_id: uuid.UUID | None
    noted_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


class MissingEventsRead(BaseModel):
    """Numbers that have not arrived although later ones have."""

    first: int
    last: int
    count: int
    since: datetime


class LostEventsRead(ListPart):
    """What a kiosk lost, open spans first, and what has not arrived yet. `total` counts spans."""

    spans: list[LostSpanRead]
    missing: MissingEventsRead | None


class LostSpanClose(StrictInput):
    """Why nobody waits for lost events any more."""

    reason: Reason


class MissingEventsClose(StrictInput):
    """Which missing numbers nobody waits for any more, and why."""

    first: int = Field(ge=1, le=MAX_SAFE_INTEGER)
    last: int = Field(ge=1, le=MAX_SAFE_INTEGER)
    reason: Reason


class PastPreviewRead(BaseModel):
    """What a change of the past would do; the fingerprint goes into its confirmation."""

    lines: list["PastLineRead"]
    fingerprint: str


class PastLineRead(BaseModel):
    """One line of a register that would change; null where there is no line."""

    lesson_id: uuid.UUID
    person_id: uuid.UUID
    display_name: str
    before: str | None
    after: str | None


class PastChangeCreate(StrictInput):
    """A change of the past as it was previewed, and why."""

    change: AnyChange
    reason: Reason
    fingerprint: str = Field(max_length=64)


class PastChangeRead(BaseModel):
    """A change of the past that was made."""

    id: uuid.UUID
    kind: str
    document: dict[str, Any]
    lines_changed: int
    reason: str
    made_by: str
    made_at: AwareDatetime


class PastChangeList(ListPart):
    """Some changes of the past, newest first."""

    changes: list[PastChangeRead]
