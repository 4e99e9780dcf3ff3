"""What the address of a report asks for, and what the account may see of it."""

import uuid
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import BeforeValidator
from sqlmodel import Session

from server.attendance.access import ForeignCourseError
from server.db.types import now
from server.errors import InvalidError
from server.reports.lines import ReportSpan
from server.reports.listing import ALL_SORTS
from server.reports.schemas import ReportScope, ReportView
from server.timetable.groups.service import members_on
from server.timetable.local_time import local_date
from server.timetable.teachers import visible_courses
from server.web.paging import PageNumber
from server.web.principal import Principal

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
_Empty = BeforeValidator(lambda text: text or None)
_Day = Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY), _Empty]
_USUAL_SPAN = timedelta(days=6)


class ReportAsked:
    """What a page or program asks for; empty fields of the form ask for nothing."""

    def __init__(
        self,
        view: ReportView = ReportView.PEOPLE,
        first: _Day = None,
        last: _Day = None,
        course: Annotated[uuid.UUID | None, _Empty] = None,
        person: Annotated[uuid.UUID | None, _Empty] = None,
        group: Annotated[uuid.UUID | None, _Empty] = None,
    ) -> None:
        self.view, self.first, self.last = view, first, last
        self.course, self.person, self.group = course, person, group

    def scope(self, db: Session, principal: Principal, zone: ZoneInfo) -> ReportScope:
        """Return which lines are asked for, as far as the account may see them.

        Where no days are given, it is the week that ends today.

        Raises:
            ForeignCourseError: the course is not one of the teacher's.
            NotFoundError: there is no such class.
        """
        today = local_date(now(), zone)
        last = self.last or max(today, self.first or today)
        first = self.first or last - _USUAL_SPAN
        own = visible_courses(db, principal, today)
        if self.course is None:
            courses = None if own is None else frozenset(own)
        elif own is not None and self.course not in own:
            raise ForeignCourseError
        else:
            courses = frozenset({self.course})
        members = None if self.group is None else members_on(db, self.group, last)
        span = ReportSpan(first, last, zone, courses)
        return ReportScope(span, self.person, self.group, members)

    def refuse_other_lines(self, scope: ReportScope) -> None:
        """Refuse to ask a prepared report for other lines than it was prepared for.

        Raises:
            InvalidError: a person, a class, a course, or other days are asked for.
        """
        span = scope.span
        is_of_days = self.first in (None, span.first) and self.last in (None, span.last)
        if self.person or self.course or self.group or not is_of_days:
            raise InvalidError(
                "A prepared report is read as it was asked for, not for a person, class or course.",
                problem="report_as_prepared",
            )

    def query(self, scope: ReportScope, **other: object) -> str:
        """Return the address of the same report with something else in it."""
        values = {
            "view": self.view.value,
            "first": scope.span.first,
            "last": scope.span.last,
            "course": self.course,
            "person": self.person,
            "group": self.group,
        }
        return urlencode({key: one for key, one in (values | other).items() if one is not None})


class PageAsked(ReportAsked):
    """The same of a page, with the order of its rows and which of them it shows."""

    def __init__(
        self,
        base: Annotated[ReportAsked, Depends()],
        sort: Annotated[str, Query(max_length=20)] = "name",
        page: PageNumber = 1,
    ) -> None:
        super().__init__(base.view, base.first, base.last, base.course, base.person, base.group)
        self.sort = sort if sort in ALL_SORTS else "name"
        self.page = page


AskedReportDep = Annotated[ReportAsked, Depends()]
AskedPageDep = Annotated[PageAsked, Depends()]
