"""What a report is asked by, and what people and programs send and read."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from server.reports.lines import ReportSpan
from server.web.strict import StrictInput


class ReportView(StrEnum):
    """By what the lines of a report are added up, or which list is made of them."""

    PEOPLE = "person"
    COURSES = "course"
    DAYS = "day"
    GROUPS = "class"  # classes and groups
    LINES = "lesson"  # the lines themselves
    AT_RISK = "at-risk"
    UNTAKEN = "not-taken"


@dataclass(frozen=True)
class ReportScope:
    """Which lines a report is about.

    Attributes:
        span: the days and courses.
        person_id: only lines of this person; None: of everybody.
        group_id: only lines of those in this class on the last day.
        members: who they are; None: no class is asked for.
    """

    span: ReportSpan
    person_id: UUID | None = None
    group_id: UUID | None = None
    members: frozenset[UUID] | None = None

    @property
    def people(self) -> frozenset[UUID] | None:
        """Whose lines it is about; None: everybody's."""
        if self.person_id is None:
            return self.members
        own = frozenset({self.person_id})
        return own if self.members is None else own & self.members


class AtRiskLimitUpdate(StrictInput):
    """The limit of the at-risk list."""

    percent: int = Field(ge=1, le=100, description="listed where the rate is under this, percent")
    least_lessons: int = Field(
        ge=1, le=1000, description="listed only with so many judged lessons or more"
    )


class PreparedCreate(StrictInput):
    """Asks for a report over many lessons."""

    first: date = Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))
    last: date = Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))
    course: UUID | None = Field(default=None, description="only lessons of this course")
    with_registers: bool = Field(default=False, description="print the registers as PDF too")
