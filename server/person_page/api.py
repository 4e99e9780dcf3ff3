"""One person's attendance for clients."""

import uuid
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, Field

from server.attendance.access import RegisterDep
from server.attendance.person_lines import PersonLine
from server.attendance.register import AttendanceStatus
from server.db.dependencies import DBDep
from server.db.types import now
from server.people.service import get_person, view_person
from server.person_page.asked import DaysWantedDep
from server.person_page.days import CalendarDay
from server.person_page.service import PersonAttendance, Reader, attendance_of
from server.person_page.sums import Lateness
from server.reports.standing import LineCounts
from server.reports.tally import Sums
from server.web.etags import IfNoneMatch, is_known
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(prefix="/api/v1/people", tags=["people"])
_COUNTS = ("attended", "late", "absent", "excused", "open", "judged", "rate")


class CountsRead(BaseModel):
    """Lessons that have started, added up as reports do; cancelled ones are left out."""

    attended: int = Field(description="late ones included")
    late: int
    absent: int
    excused: int
    open: int = Field(description="pending or undecided")
    judged: int = Field(description="attended or absent; the rate is of these")
    rate: float | None = Field(description="attended / judged, 0 to 1; null where none is judged")


class SumsOfLessons(CountsRead):
    """The same, with how many lessons took place and how late the person was."""

    lessons: int = Field(description="lessons that took place")
    cancelled: int = Field(description="lessons that were cancelled")
    late_minutes: int = Field(
        description="minutes late, together, as kiosks saw the person or a file said"
    )
    late_minutes_median: int | None = Field(description="null where none are known")


class CourseAttendance(SumsOfLessons):
    """The lessons of one course."""

    course_id: uuid.UUID
    code: str
    title: str


class WeekAttendance(CountsRead):
    """The lessons of one week."""

    monday: date


class LessonOfDay(BaseModel):
    """One lesson with the person's line in its register."""

    lesson_id: uuid.UUID
    course_id: uuid.UUID
    starts_at: datetime
    is_cancelled: bool
    status: AttendanceStatus
    code_id: uuid.UUID | None = Field(description="the school's code of a correction")
    late_minutes: int | None


class DayAttendance(BaseModel):
    """A day with lessons, also of days to come."""

    day: date
    status: AttendanceStatus | None = Field(
        description="the gravest of its lessons; null where all were cancelled"
    )
    lessons: list[LessonOfDay]


class AttendanceRead(BaseModel):
    """A person's attendance on some days."""

    person_id: uuid.UUID
    first: date
    last: date
    term_id: uuid.UUID | None = Field(description="the term that these days are; null: other days")
    as_of: datetime = Field(description="when the registers were read")
    is_partial: bool = Field(description="it has only courses that the account teaches")
    total: SumsOfLessons
    courses: list[CourseAttendance]
    weeks: list[WeekAttendance]
    days: list[DayAttendance]


@router.get("/{person_id}/attendance", response_model=AttendanceRead)
def read_attendance(
    request: Request,
    person_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    wanted: DaysWantedDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """A person's attendance in a term, or between two days; without either, in today's term.

    The audit trail names who read it. 304 where it is still the same.
    """
    get_person(db, person_id)
    reader = Reader(principal, now(), get_settings(request).zone)
    body = _read(person_id, attendance_of(db, person_id, wanted, reader))
    view_person(db, person_id, actor=principal.actor)  # it locks the audit trail: last
    said = body.model_dump_json(exclude={"as_of"})
    etag = f'"{sha256(said.encode()).hexdigest()[:32]}"'
    headers = {"ETag": f"W/{etag}"}
    if is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


def _read(person_id: uuid.UUID, found: PersonAttendance) -> AttendanceRead:
    chosen = found.chosen
    return AttendanceRead(
        person_id=person_id,
        first=chosen.first,
        last=chosen.last,
        term_id=chosen.term.id if chosen.term else None,
        as_of=found.as_of,
        is_partial=found.is_partial,
        total=SumsOfLessons(**_sums(found.tally.total, found.lateness)),
        courses=[
            CourseAttendance(
                course_id=one.course_id,
                code=one.code,
                title=one.title,
                **_sums(one.sums, one.lateness),
            )
            for one in found.courses
        ],
        weeks=[
            WeekAttendance(monday=monday, **_counts(counts))
            for monday, counts in found.tally.weeks().items()
        ],
        days=[_day(one) for one in found.days.values()],
    )


def _counts(counts: LineCounts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in _COUNTS}


def _sums(sums: Sums, lateness: Lateness) -> dict[str, Any]:
    return _counts(sums.lines) | {
        "lessons": sums.lessons,
        "cancelled": sums.cancelled_lessons,
        "late_minutes": lateness.total,
        "late_minutes_median": lateness.median,
    }


def _day(one: CalendarDay) -> DayAttendance:
    shown = one.shown
    status = None if shown is None or shown.lesson.is_cancelled else shown.status
    return DayAttendance(day=one.date, status=status, lessons=[_lesson(line) for line in one.lines])


def _lesson(line: PersonLine) -> LessonOfDay:
    return LessonOfDay(
        lesson_id=line.lesson.id,
        course_id=line.lesson.course_id,
        starts_at=line.lesson.starts_at,
        is_cancelled=line.lesson.is_cancelled,
        status=line.status,
        code_id=line.code_id,
        late_minutes=line.late_min,
    )
