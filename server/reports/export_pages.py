"""Downloads: a report as CSV or XLSX, registers as PDF. Each leaves an entry in the trail."""

import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from server.attendance import service as attendance
from server.attendance.access import RegisterDep, refuse_foreign_lesson
from server.credentials.fonts import require_fonts
from server.db.dependencies import DatabaseDep
from server.db.engine import Database
from server.db.types import now
from server.errors import InvalidError, NotFoundError
from server.prints.service import opened_prints
from server.reports import prepared, service
from server.reports.archive_pipe import archive_pieces
from server.reports.asked import AskedReportDep, ReportAsked
from server.reports.exports import (
    MEDIA_TYPES,
    ExportFormat,
    ExportWanted,
    export_pieces,
    file_name,
    note_export,
)
from server.reports.lines import ReportSpan, facts_of
from server.reports.register_pdf import PrintedRegister, course_register, lesson_register
from server.reports.schemas import ReportScope, ReportView
from server.reports.service import Report, people_named
from server.timetable.local_time import local_date
from server.timetable.service import course_of, room_of
from server.timetable.teachers import visible_courses
from server.web.pages import request_translator
from server.web.principal import Principal
from server.web.routes import GuardedRouter
from server.web.state import get_services, get_settings
from server.web.translations import translator

router = GuardedRouter()
FormatQuery = Annotated[ExportFormat, Query(alias="format")]


@router.get("/reports/export", include_in_schema=False)
@router.get("/api/v1/exports/attendance", tags=["exports"], response_class=StreamingResponse)
def export(
    request: Request,
    principal: RegisterDep,
    database: DatabaseDep,
    asked: AskedReportDep,
    form: FormatQuery = ExportFormat.XLSX,
) -> Response:
    """A report as a file, made at once; 400 where it covers too many lessons."""
    wanted = _wanted(request, asked.view, form)
    with database.reading() as db:
        report = service.direct_report(db, asked.scope(db, principal, wanted.zone), now())
        pieces = export_pieces(db, report, report.person_lines(), wanted)
    return _download(database, principal, report, wanted, pieces)


@router.get("/reports/prepared/{report_id}/export", include_in_schema=False)
@router.get(
    "/api/v1/exports/prepared/{report_id}", tags=["exports"], response_class=StreamingResponse
)
def export_prepared(
    request: Request,
    report_id: uuid.UUID,
    principal: RegisterDep,
    database: DatabaseDep,
    view: ReportView = ReportView.LINES,
    form: FormatQuery = ExportFormat.XLSX,
) -> Response:
    """A prepared report as a file; its parts are opened one after the other."""
    wanted, vault = _wanted(request, view, form), get_services(request).vault
    with database.reading() as db:
        own = visible_courses(db, principal, local_date(now(), wanted.zone))
        row = prepared.prepared_for(db, report_id, principal, own)
        report = prepared.report_of(vault, row, wanted.zone)
        lessons = chain.from_iterable(prepared.parts_of(database, vault, report_id))
        pieces = export_pieces(db, report, lessons, wanted)
    return _download(database, principal, report, wanted, pieces)


@router.get("/reports/prepared/{report_id}/registers", include_in_schema=False)
@router.get(
    "/api/v1/exports/prepared/{report_id}/registers",
    tags=["exports"],
    response_class=StreamingResponse,
)
def prepared_registers(
    request: Request, report_id: uuid.UUID, principal: RegisterDep, database: DatabaseDep
) -> Response:
    """The registers that a prepared report printed: a PDF for each course, as ZIP.

    404 where it has none: they were not asked for, or the data of a person was erased since.
    """
    zone, vault = get_settings(request).zone, get_services(request).vault
    with database.reading() as db:
        own = visible_courses(db, principal, local_date(now(), zone))
        row = prepared.prepared_for(db, report_id, principal, own)
        report = prepared.report_of(vault, row, zone)
        if not prepared.has_registers(db, row):
            raise NotFoundError(
                "The registers of this report are not there. Prepare it again.",
                problem="no_prints",
            )
    with database.transaction() as db:
        note_export(db, report, "registers", "pdf", actor=principal.actor)
    name = _dated("registers", report.scope.span, "zip")
    pieces = archive_pieces(opened_prints(database, vault, report_id))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.get("/lessons/{lesson_id}/register.pdf", include_in_schema=False)
@router.get("/api/v1/lessons/{lesson_id}/register.pdf", tags=["exports"], response_class=Response)
def lesson_pdf(
    request: Request, lesson_id: uuid.UUID, principal: RegisterDep, database: DatabaseDep
) -> Response:
    """The register of a lesson as PDF, in the school's language."""
    require_fonts()
    settings = get_settings(request)
    at = now()
    with database.reading() as db:
        register = attendance.register_of(db, lesson_id, at=at)
        refuse_foreign_lesson(db, register.view.lesson, principal, settings)
        facts = facts_of(register)
        span = ReportSpan(facts.day, facts.day, settings.zone, frozenset({facts.course_id}))
        report = Report(ReportScope(span), at, lessons=[facts])
        report.tally.add(facts, at)
        printed = PrintedRegister(
            settings.school.name,
            f"{register.view.course.code} {register.view.course.title}",
            people_named(db, report.tally.people),
            report,
            room_of(db, facts.room_id).name,
        )
    content = lesson_register(printed, translator(settings.school.language))
    return _pdf(database, principal, report, content, f"register-{facts.day}.pdf")


@router.get("/reports/register.pdf", include_in_schema=False)
@router.get("/api/v1/exports/register.pdf", tags=["exports"], response_class=Response)
def course_pdf(
    request: Request, principal: RegisterDep, database: DatabaseDep, asked: AskedReportDep
) -> Response:
    """The registers of a course between two dates as PDF, in the school's language.

    400 where there are too many for that: prepare them with `with_registers`.
    """
    require_fonts()
    settings = get_settings(request)
    if asked.course is None:
        raise InvalidError("Choose a course.", problem="no_course_chosen")
    whole = ReportAsked(first=asked.first, last=asked.last, course=asked.course)
    with database.reading() as db:
        course = course_of(db, asked.course)
        report = service.direct_report(db, whole.scope(db, principal, settings.zone), now())
        counts = report.tally.total.lines
        if (lines := counts.lines + counts.cancelled) > service.MOST_DIRECT_LINES:
            raise service.PrintTooLongError(
                problem="print_too_long", lines=lines, most=service.MOST_DIRECT_LINES
            )
        people = people_named(db, report.tally.people)
        printed = PrintedRegister(
            settings.school.name, f"{course.code} {course.title}", people, report
        )
    content = course_register(printed, translator(settings.school.language))
    return _pdf(database, principal, report, content, _dated("register", report.scope.span, "pdf"))


def _wanted(request: Request, view: ReportView, form: ExportFormat) -> ExportWanted:
    settings = get_settings(request)
    t = request_translator(request)
    return ExportWanted(view, form, t, settings.zone, settings.school.name)


def _dated(name: str, span: ReportSpan, ending: str) -> str:
    return f"{name}-{span.first}-{span.last}.{ending}"


def _download(
    database: Database,
    principal: Principal,
    report: Report,
    wanted: ExportWanted,
    pieces: Iterator[bytes],
) -> Response:
    with database.transaction() as db:
        note_export(db, report, wanted.view, wanted.format, actor=principal.actor)
    name = file_name(report, wanted)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[wanted.format], headers=headers)


def _pdf(
    database: Database, principal: Principal, report: Report, content: bytes, name: str
) -> Response:
    with database.transaction() as db:
        note_export(db, report, "register", "pdf", actor=principal.actor)
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(content, media_type="application/pdf", headers=headers)
