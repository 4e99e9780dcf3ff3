"""What the forms of registers and lessons send: text, to be read and to be shown again."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]


class CorrectionForm(StrictInput):
    """A student's corrected status, the reason, and what the line said when the page was shown."""

    code_id: Text = ""
    reason: Text = ""
    seen: Text = ""


class TapForm(StrictInput):
    """A tap on a line: the person, what the line said, and the code that it sets."""

    tap: Text = ""


class SeveralForm(StrictInput):
    """Chosen lines, each with what it said, one code and one reason."""

    line: list[Text] = Field(default_factory=list, max_length=1000)
    code_id: Text = ""
    reason: Text = ""


class EveryoneForm(StrictInput):
    """The code for everyone who is left."""

    code_id: Text = ""


class UndoForm(StrictInput):
    """The action over several lines that is undone."""

    batch_id: Text = ""


class ConfirmForm(StrictInput):
    """Who the page named as not seen: ids, with spaces between them."""

    not_seen: Annotated[str, StringConstraints(max_length=40_000)] = ""


class RemarkForm(StrictInput):
    """A remark about a line."""

    text: Text = ""


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
