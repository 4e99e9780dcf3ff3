"""What the forms of registers and lessons send: text, to be read and to be shown again."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]


class CorrectionForm(StrictInput):
    """A student's corrected status, and the reason."""

    status: Text = ""
    reason: Text = ""


class QuarantineForm(StrictInput):
    """What becomes of a quarantined event, and why."""

    decision: Text = ""
    reason: Text = ""


class ErasureForm(StrictInput):
    """The erasure page's form, before anything about it is checked."""

    student_number: str = ""
    reason: str = ""


class ReasonForm(StrictInput):
    """Why a lesson is cancelled, or counts again."""

    reason: Text = ""


class MissingForm(StrictInput):
    """Why missing events are closed, and which numbers the page showed."""

    first: Text = ""
    last: Text = ""
    reason: Text = ""


class PastKind(StrEnum):
    """Which of the forms for changes of the past it is."""

    POLICY = "policy"
    ROSTER = "roster"
    LESSON = "lesson"


class PastForm(StrictInput):
    """Every field of the forms for changes of the past; each kind uses some of them."""

    lesson_id: Text = ""
    course_id: Text = ""
    first: Text = ""
    last: Text = ""
    policy_version: Text = ""
    person_id: Text = ""
    entry_id: Text = ""
    from_date: Text = ""
    until_date: Text = ""
    room_id: Text = ""
    day: Text = ""
    starts: Text = ""
    ends: Text = ""
    q: Text = ""
    reason: Text = ""
    fingerprint: Text = ""


class PastLink(PastForm):
    """The same in an address: what other programs append to a link is ignored."""

    model_config = ConfigDict(extra="ignore")
