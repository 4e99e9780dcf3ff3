"""The pages of reports: attendance by person, course and day, the at-risk list, what is missing."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance.access import RegisterDep
from server.attendance.codes.palette import STATUS_TONES
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.tables import Person
from server.reports import prepared, service
from server.reports.asked import AskedPageDep, PageAsked, ReportAsked
from server.reports.chart import week_chart
from server.reports.forms import AtRiskForm, PrepareForm
from server.reports.listing import (
    at_risk_rows,
    course_names,
    report_rows,
    sorted_rows,
    untaken_rows,
)
from server.reports.schemas import AtRiskLimitUpdate, ReportScope, ReportView
from server.reports.service import Report, ReportTooLongError
from server.reports.standing import status_key
from server.timetable.groups.service import groups_on
from server.timetable.local_time import local_date
from server.timetable.service import courses as courses_of
from server.timetable.teachers import visible_courses
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import page_of
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep, get_settings

router = GuardedRouter(prefix="/reports", include_in_schema=False)
_PAGE = 50
_PREPARED_SHOWN = 10
_OFFICE = (Role.ADMIN, Role.OFFICE)


@router.get("")
def report_page(
    request: Request,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
    asked: AskedPageDep,
) -> Response:
    """A report, made at once; over too many lessons it can be prepared instead."""
    scope = asked.scope(db, principal, settings.zone)
    context = _frame(request, db, principal, asked, scope)
    try:
        report = service.direct_report(db, scope, now())
    except ReportTooLongError as exc:
        return render(request, "reports/report.html", context | {"too_long": exc.details})
    except ServerError as exc:
        problem = problem_text(request_translator(request), exc)
        context |= {"problem": problem}
        return render(request, "reports/report.html", context, status_code=exc.status_code)
    context |= _shown(request, db, report, asked)
    return render(request, "reports/report.html", context)


@router.post("/prepare")
def prepare(
    principal: RegisterDep, db: DBDep, settings: SettingsDep, form: Annotated[PrepareForm, Form()]
) -> Response:
    """Ask for a report over many lessons."""
    asked = ReportAsked(first=form.first, last=form.last, course=form.course)
    scope = asked.scope(db, principal, settings.zone)
    row = prepared.prepare(db, scope.span, principal, now(), with_registers=form.with_registers)
    return see_other(f"/reports/prepared/{row.id}?view={form.view}")


@router.get("/prepared/{report_id}")
def prepared_page(
    request: Request,
    report_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    vault: VaultDep,
    asked: AskedPageDep,
) -> Response:
    """A prepared report, or how far it is."""
    if asked.view is ReportView.LINES:  # its lines are downloaded; the page has the sums
        asked.view = ReportView.PEOPLE
    zone = get_settings(request).zone
    own = visible_courses(db, principal, local_date(now(), zone))
    row = prepared.prepared_for(db, report_id, principal, own)
    if row.finished_at is None:
        context = {"row": row, "is_stuck": prepared.is_stuck(db, report_id), "view": asked.view}
        return render(request, "reports/preparing.html", context)
    report = prepared.report_of(vault, row, zone)
    asked.refuse_other_lines(report.scope)
    context = _frame(request, db, principal, asked, report.scope) | {"row": row}
    context["has_registers"] = prepared.has_registers(db, row)
    context |= _shown(request, db, report, asked)
    return render(request, "reports/report.html", context)


@router.post("/prepared/{report_id}/delete")
def delete_prepared(
    report_id: uuid.UUID, principal: RegisterDep, db: DBDep, settings: SettingsDep
) -> Response:
    """Delete a prepared report, or cancel one that is being prepared."""
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    prepared.refuse_delete(db, report_id, principal, own)
    prepared.delete_report(db, report_id, actor=principal.actor)
    return see_other("/reports")


@router.post("/at-risk-limit")
def set_limit(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[AtRiskForm, Form()]
) -> Response:
    """Set the limit of the at-risk list."""
    try:
        wanted = AtRiskLimitUpdate.model_validate(form.numbers())
    except ValueError:
        problem = request_translator(request)("reports.limit.problem")
        context = {"limit": form, "back": form.back_path(), "problem": problem}
        return render(request, "reports/limit.html", context, status_code=400)
    service.set_at_risk_limit(db, wanted, actor=principal.actor, at=now())
    return see_other(form.back_path())


def _frame(
    request: Request, db: Session, principal: Principal, asked: PageAsked, scope: ReportScope
) -> dict[str, Any]:
    """Return what stands around every report: filters, views and the account's own reports."""
    zone = get_settings(request).zone
    own = visible_courses(db, principal, local_date(now(), zone))
    return {
        "asked": asked,
        "view": asked.view,
        "sort": asked.sort,
        "views": list(ReportView),
        "span": scope.span,
        "query": lambda **other: asked.query(scope, **other),
        "course_choices": [
            ("", request_translator(request)("reports.all_courses")),
            *((str(one.id), f"{one.code} · {one.title}") for one in courses_of(db, only=own)),
        ],
        "group_choices": [
            ("", request_translator(request)("reports.all_groups")),
            *((str(one.id), one.name) for one, _ in groups_on(db, scope.span.last)),
        ],
        "person": db.get(Person, asked.person) if asked.person else None,
        "latest": prepared.latest_for(db, principal, limit=_PREPARED_SHOWN, own=own),
        "may_set_limit": principal.role in _OFFICE,
        "limit": service.at_risk_limit(db),
        "report": None,
        "too_long": None,
        "problem": "",
        "row": None,
        "has_registers": False,
        "most_direct_lines": service.MOST_DIRECT_LINES,
    }


def _shown(request: Request, db: Session, report: Report, asked: PageAsked) -> dict[str, Any]:
    """Return a report with the rows of one page of one view."""
    is_mirrored = request_translator(request).direction == "rtl"
    context: dict[str, Any] = {
        "report": report,
        "chart": week_chart(report.tally, is_mirrored=is_mirrored),
    }
    match view := asked.view:
        case ReportView.UNTAKEN:
            rows: list[Any] = untaken_rows(db, report, asked.sort)
        case ReportView.AT_RISK:
            rows = at_risk_rows(db, report, service.at_risk_limit(db))
        case ReportView.LINES:
            rows = _lines(report)
        case _:
            rows = sorted_rows(report_rows(db, report, view), asked.sort)
    pager = page_of(rows, asked.page, _PAGE)
    if view is ReportView.LINES:
        context |= _line_names(db, pager.rows)
    return context | {"rows": pager.rows, "pager": pager}


def _lines(report: Report) -> list[Any]:
    """Return the lines of a report, the newest lesson first."""
    lessons = reversed(list(report.person_lines()))
    return [(lesson, line) for lesson in lessons for line in lesson.lines]


def _line_names(db: Session, rows: Any) -> dict[str, Any]:
    return {
        "people": service.people_named(db, {line.person_id for _lesson, line in rows}),
        "course_names": course_names(db, {lesson.course_id for lesson, _line in rows}),
        "tones": STATUS_TONES,
        "status_key": status_key,
    }
