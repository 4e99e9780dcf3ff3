"""What clients send and get about the register."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from protocol.v1.fields import MAX_SAFE_INTEGER
from server.attendance.past_kinds import AnyChange
from server.attendance.register import CORRECTABLE, AttendanceStatus
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


class RegisterRead(BaseModel):
    """The register of one lesson as of now."""

    lesson: LessonRead
    policy_version: int
    rows: list[RegisterRow]
    counts: dict[str, int]
    waiting_for: list[WaitingFor]


def _correctable(status: AttendanceStatus) -> AttendanceStatus:
    if status not in CORRECTABLE:
        raise ValueError("people cannot set this status")
    return status


class CorrectionCreate(StrictInput):
    """A manual correction of a student's status, and the reason."""

    person_id: uuid.UUID
    status: Annotated[AttendanceStatus, AfterValidator(_correctable)]
    reason: Reason


class CorrectionRead(BaseModel):
    """A correction."""

    id: uuid.UUID
    person_id: uuid.UUID
    status: str
    reason: str
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
