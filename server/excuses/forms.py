"""What the forms of absences send: text, to be read and to be shown again where it is wrong."""

import uuid
from typing import Annotated

from pydantic import StringConstraints

from server.absences.schemas import AbsenceCreate, AbsenceWithdraw, PastLines
from server.timetable.local_time import parse_date, parse_time
from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]


class AbsenceForm(StrictInput):
    """A new absence."""

    person_id: Text = ""
    q: Text = ""
    first_day: Text = ""
    last_day: Text = ""
    from_time: Text = ""
    until_time: Text = ""
    is_excused: Text = "yes"
    reason_id: Text = ""
    note: Text = ""
    reported_by: Text = ""
    past_lines: Text = ""

    def absence(self) -> AbsenceCreate:
        """Read the form.

        Raises:
            BadLocalTimeError: a date or time is none.
            ValueError: something else cannot be read.
        """
        return AbsenceCreate(
            person_id=uuid.UUID(self.person_id),
            first_day=parse_date(self.first_day),
            last_day=parse_date(self.last_day or self.first_day),
            from_time=parse_time(self.from_time) if self.from_time else None,
            until_time=parse_time(self.until_time) if self.until_time else None,
            is_excused=self.is_excused == "yes",
            reason_id=uuid.UUID(self.reason_id),
            note=self.note,
            reported_by=self.reported_by,
            past_lines=_past(self.past_lines),
        )


class WithdrawalForm(StrictInput):
    """Why an absence is withdrawn."""

    reason: Text = ""
    past_lines: Text = ""

    def withdrawal(self) -> AbsenceWithdraw:
        """Read the form.

        Raises:
            ValueError: the reason is too short.
        """
        return AbsenceWithdraw(reason=self.reason, past_lines=_past(self.past_lines))


class AbsenceReasonForm(StrictInput):
    """A new reason."""

    words: Text = ""


def _past(text: str) -> PastLines | None:
    return PastLines(text) if text else None
