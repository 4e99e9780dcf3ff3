"""Forms of the pages of reports."""

import re
import uuid
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from server.reports.schemas import ReportView
from server.web.strict import StrictInput

_PATH = re.compile(r"/reports(/prepared/[0-9a-f-]{36})?(\?[\w&=.%-]*)?\Z", re.ASCII)
_Empty = BeforeValidator(lambda text: text or None)


class PrepareForm(StrictInput):
    """Asks for a report over many lessons."""

    first: date = Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))
    last: date = Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))
    course: Annotated[uuid.UUID | None, _Empty] = None
    view: ReportView = ReportView.PEOPLE
    with_registers: bool = False


class AtRiskForm(StrictInput):
    """The limit of the at-risk list, as typed."""

    percent: str = Field(default="", max_length=10)
    least_lessons: str = Field(default="", max_length=10)
    back: str = Field(default="", max_length=500)

    def numbers(self) -> dict[str, int]:
        """Return both numbers.

        Raises:
            ValueError: one of them is none.
        """
        return {"percent": int(self.percent), "least_lessons": int(self.least_lessons)}

    def back_path(self) -> str:
        """Return the page that the form was opened from; never another site."""
        return self.back if _PATH.match(self.back) else f"/reports?view={ReportView.AT_RISK}"
