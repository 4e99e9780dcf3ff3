"""Reports for clients: sums, the at-risk list, registers not taken, prepared reports."""

import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from sqlmodel import Session

from server.attendance.access import RegisterDep
from server.db.dependencies import DBDep, ReadDBDep
from server.db.listing import ListOrder, Position
from server.db.types import now
from server.reports import prepared, service
from server.reports.asked import AskedReportDep, ReportAsked
from server.reports.listing import ReportRow, UntakenRow, at_risk_rows, report_rows, untaken_rows
from server.reports.schemas import AtRiskLimitUpdate, PreparedCreate, ReportView
from server.reports.service import Report
from server.reports.tables import PreparedReport
from server.timetable.local_time import local_date
from server.timetable.teachers import visible_courses
from server.web.access import OfficeDep
from server.web.cursors import ListQuery, ListQueryDep
from server.web.etags import IfNoneMatch, is_known
from server.web.list_schemas import ListPart
from server.web.principal import Principal
from server.web.routes import GuardedRouter
from server.web.state import get_services, get_settings

router = GuardedRouter(prefix="/api/v1/reports", tags=["reports"])
_LIST = "prepared-reports"
Row = TypeVar("Row")


class SumsRead(BaseModel):
    """Lines added up, of one person, course, class or day."""

    key: str = Field(description="the id of the person, course or class, or the day")
    name: str = Field(description="of the person or class, or the title of the course")
    number: str = Field(description="of the student, code of the course, or size of the class")
    lessons: int = Field(description="lessons that took place; 0 for a class: its students differ")
    attended: int = Field(description="late ones included")
    late: int
    absent: int
    excused: int
    open: int = Field(description="pending or undecided")
    cancelled: int = Field(description="lines of cancelled lessons")
    judged: int = Field(description="attended or absent; the rate is of these")
    rate: float | None = Field(description="attended / judged, 0 to 1; null where none is judged")


class ReportList(ListPart):
    """A part of a report, by name or date."""

    first: date
    last: date
    as_of: datetime = Field(description="when the registers were read")
    is_truncated: bool = Field(description="it ends early: it reached the most lines")
    rows: list[SumsRead]


class UntakenRead(BaseModel):
    """A lesson that is over and whose register was not taken."""

    lesson_id: uuid.UUID
    course: str
    room: str
    teachers: list[str]
    starts_at: datetime
    open: int = Field(description="lines that are pending or undecided")
    lines: int
    is_unseen: bool = Field(description="no kiosk saw anybody and no person corrected a line")


class UntakenList(ListPart):
    """A part of the registers not taken, the oldest first."""

    rows: list[UntakenRead]


class PreparedRead(BaseModel):
    """A report that is prepared in the background."""

    id: uuid.UUID
    first: date
    last: date
    as_of: datetime
    lessons: int = Field(description="read so far")
    lessons_total: int
    is_truncated: bool
    with_registers: bool = Field(description="registers are printed too")
    registers: int = Field(description="courses printed so far")
    registers_total: int = Field(description="courses to print; 0 until the lessons are read")
    registers_cut: bool = Field(description="the print ends early: it reached the most lines")
    finished_at: datetime | None
    expires_at: datetime = Field(description="then it is deleted")


class PreparedList(ListPart):
    """Reports that the account asked for, the newest first."""

    reports: list[PreparedRead]


class ReportReader:
    """Reads the report that a request asks for: made at once, or a prepared one."""

    def __init__(
        self,
        request: Request,
        principal: RegisterDep,
        asked: AskedReportDep,
        prepared_id: uuid.UUID | None = None,
    ) -> None:
        self._settings = get_settings(request)
        self._vault = get_services(request).vault
        self._principal, self._asked, self._prepared_id = principal, asked, prepared_id

    @property
    def view(self) -> ReportView:
        """What the lines are added up by."""
        return self._asked.view

    def read(self, db: Session) -> Report:
        """Return it.

        Raises:
            ReportTooLongError: it covers too many lessons; prepare it first.
            NotFoundError: there is no such prepared report for this account.
            ConflictError: it is not finished.
            InvalidError: it is asked for a person, a course or other days.
        """
        zone = self._settings.zone
        if self._prepared_id is None:
            scope = self._asked.scope(db, self._principal, zone)
            return service.direct_report(db, scope, now())
        own = visible_courses(db, self._principal, local_date(now(), zone))
        row = prepared.prepared_for(db, self._prepared_id, self._principal, own)
        report = prepared.report_of(self._vault, row, zone)
        self._asked.refuse_other_lines(report.scope)
        return report


ReaderDep = Annotated[ReportReader, Depends()]


@router.get("/attendance", response_model=ReportList)
def read_attendance(
    _: RegisterDep,
    db: ReadDBDep,
    reader: ReaderDep,
    asked: ListQueryDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Attendance added up by `view`: person, course, class or day; 304 where it is the same."""
    report = reader.read(db)
    view = reader.view
    if view not in (ReportView.COURSES, ReportView.DAYS, ReportView.GROUPS):
        view = ReportView.PEOPLE
    return _sums(report, report_rows(db, report, view), f"report-{view}", asked, if_none_match)


@router.get("/at-risk", response_model=ReportList)
def read_at_risk(
    _: RegisterDep,
    db: ReadDBDep,
    reader: ReaderDep,
    asked: ListQueryDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Students under the limit, by name."""
    report = reader.read(db)
    rows = at_risk_rows(db, report, service.at_risk_limit(db))
    return _sums(report, rows, "report-at-risk", asked, if_none_match)


@router.get("/registers-not-taken", response_model=UntakenList)
def read_untaken(
    _: RegisterDep,
    db: ReadDBDep,
    reader: ReaderDep,
    asked: ListQueryDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Lessons that are over and whose register was not taken, the oldest first."""
    rows = untaken_rows(db, reader.read(db))
    shown, cursor = _part(rows, _untaken_key, "report-not-taken", asked)
    body = UntakenList(rows=[_untaken(one) for one in shown], total=len(rows), next_cursor=cursor)
    return _answer(body, if_none_match)


@router.get("/at-risk-limit")
def read_limit(_: RegisterDep, db: ReadDBDep) -> AtRiskLimitUpdate:
    """The limit of the at-risk list."""
    return service.at_risk_limit(db)


@router.put("/at-risk-limit")
def set_limit(principal: OfficeDep, db: DBDep, body: AtRiskLimitUpdate) -> AtRiskLimitUpdate:
    """Set the limit of the at-risk list."""
    service.set_at_risk_limit(db, body, actor=principal.actor, at=now())
    return body


@router.post("/prepared", status_code=202)
def prepare(
    request: Request, principal: RegisterDep, db: DBDep, body: PreparedCreate
) -> PreparedRead:
    """Ask for a report over many lessons. 409 while the last one is being prepared."""
    asked = ReportAsked(first=body.first, last=body.last, course=body.course)
    scope = asked.scope(db, principal, get_settings(request).zone)
    row = prepared.prepare(db, scope.span, principal, now(), with_registers=body.with_registers)
    return _prepared(row)


@router.get("/prepared")
def list_prepared(
    request: Request, principal: RegisterDep, db: ReadDBDep, asked: ListQueryDep
) -> PreparedList:
    """Reports that the account asked for and may still see, the newest first."""
    own = visible_courses(db, principal, local_date(now(), get_settings(request).zone))
    part = prepared.reports_part(db, principal, asked.wanted(_LIST, prepared.ORDER), own=own)
    return PreparedList(
        reports=[_prepared(row) for (row,) in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.get("/prepared/{report_id}")
def read_prepared(
    request: Request, report_id: uuid.UUID, principal: RegisterDep, db: ReadDBDep
) -> PreparedRead:
    """How far a report is."""
    return _prepared(_found(request, db, report_id, principal))


@router.delete("/prepared/{report_id}", status_code=204)
def delete_prepared(
    request: Request, report_id: uuid.UUID, principal: RegisterDep, db: DBDep
) -> Response:
    """Delete a report, or cancel one that is being prepared."""
    own = visible_courses(db, principal, local_date(now(), get_settings(request).zone))
    prepared.refuse_delete(db, report_id, principal, own)
    prepared.delete_report(db, report_id, actor=principal.actor)
    return Response(status_code=204)


def _found(
    request: Request, db: Session, report_id: uuid.UUID, principal: Principal
) -> PreparedReport:
    own = visible_courses(db, principal, local_date(now(), get_settings(request).zone))
    return prepared.prepared_for(db, report_id, principal, own)


def _sums(
    report: Report, rows: Sequence[ReportRow], name: str, asked: ListQuery, if_none_match: str
) -> Response:
    shown, cursor = _part(rows, lambda row: row.order, name, asked)
    body = ReportList(
        first=report.scope.span.first,
        last=report.scope.span.last,
        as_of=report.as_of,
        is_truncated=report.is_truncated,
        rows=[_row(one) for one in shown],
        total=len(rows),
        next_cursor=cursor,
    )
    return _answer(body, if_none_match)


def _part(
    rows: Sequence[Row], key: Callable[[Row], Position], name: str, asked: ListQuery
) -> tuple[Sequence[Row], str | None]:
    """Return the rows that are asked for: after a key, so rows that stay come once."""
    rows = sorted(rows, key=key)
    kinds = tuple(type(value) for value in key(rows[0])) if rows else ()
    after = asked.wanted(name, ListOrder((), kinds)).after if rows else None
    left = rows if after is None else [one for one in rows if key(one) > after]
    shown = left[: asked.limit]
    return shown, asked.next_cursor(name, key(shown[-1]) if len(left) > len(shown) else None)


def _answer(body: BaseModel, if_none_match: str) -> Response:
    """Answer with the name of what is said; the moment it was read and cursors do not count."""
    said = body.model_dump_json(exclude={"as_of", "next_cursor"})
    etag = f'W/"{sha256(said.encode()).hexdigest()[:32]}"'
    if is_known(etag.removeprefix("W/"), if_none_match):
        return Response(status_code=304, headers={"ETag": etag})
    content = body.model_dump_json()
    return Response(content, media_type="application/json", headers={"ETag": etag})


def _row(row: ReportRow) -> SumsRead:
    lines = row.sums.lines
    counts: dict[str, Any] = {
        name: getattr(lines, name)
        for name in ("attended", "late", "absent", "excused", "open", "cancelled", "judged")
    }
    return SumsRead(
        key=str(row.key),
        name=row.name,
        number=row.number,
        lessons=row.sums.lessons,
        rate=lines.rate,
        **counts,
    )


def _untaken_key(row: UntakenRow) -> Position:
    return row.untaken.starts_at, row.untaken.lesson_id


def _untaken(row: UntakenRow) -> UntakenRead:
    one = row.untaken
    return UntakenRead(
        lesson_id=one.lesson_id,
        course=row.course,
        room=row.room,
        teachers=list(row.teachers),
        starts_at=one.starts_at,
        open=one.open_lines,
        lines=one.lines,
        is_unseen=one.is_unseen,
    )


def _prepared(row: PreparedReport) -> PreparedRead:
    return PreparedRead(
        id=row.id,
        first=row.first_day,
        last=row.last_day,
        as_of=row.as_of,
        lessons=row.lessons,
        lessons_total=row.lessons_total,
        is_truncated=row.is_truncated,
        with_registers=row.with_registers,
        registers=row.registers,
        registers_total=row.registers_total,
        registers_cut=row.registers_cut,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )
