"""Put an export together: which rows, under which names, and what the file says about itself."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.audit.service import record
from server.reports import service
from server.reports.cells import (
    Cell,
    ExportNames,
    about_rows,
    head_row,
    line_cells,
    sum_cells,
    untaken_cells,
)
from server.reports.csv_file import csv_pieces
from server.reports.lines import LessonFacts
from server.reports.listing import at_risk_rows, report_rows, untaken_rows
from server.reports.schemas import ReportView
from server.reports.service import Report, people_named
from server.reports.xlsx_file import ExportSheet, xlsx_pieces
from server.timetable.service import courses, rooms
from server.web.translations import Translator


class ExportFormat(StrEnum):
    """What kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class ExportWanted:
    """Which file of a report is wanted.

    Attributes:
        t: of the language of its words.
        zone: the school's; times of day are in it.
        school: its name.
    """

    view: ReportView
    format: ExportFormat
    t: Translator
    zone: ZoneInfo
    school: str


def export_pieces(
    db: Session, report: Report, lessons: Iterable[LessonFacts], wanted: ExportWanted
) -> Iterator[bytes]:
    """Return the bytes of a file. Everything but `lessons` is read now, within the session.

    Args:
        db: the caller's.
        report: what is exported.
        lessons: those of the report with their lines; read only for the view of lines.
        wanted: which file.
    """
    rows = _with_notice(_rows(db, report, lessons, wanted), report, wanted.t)
    if wanted.format is ExportFormat.CSV:
        return csv_pieces(rows)
    is_mirrored = wanted.t.direction == "rtl"
    about: list[Sequence[Cell]] = [[wanted.t("exports.about.title"), wanted.school]]
    about += about_rows(wanted.t, _facts(db, report, wanted))
    return xlsx_pieces(
        [
            ExportSheet(wanted.t(f"reports.view.{wanted.view}"), rows, is_mirrored),
            ExportSheet(wanted.t("exports.about.title"), about, is_mirrored),
        ]
    )


def note_export(db: Session, report: Report, what: str, form: str, *, actor: str) -> None:
    """Note in the trail what an export covers; ids and counts alone."""
    span = report.scope.span
    counts = report.tally.total.lines
    details: dict[str, str | int] = {
        "view": what,
        "format": form,
        "first_day": span.first.isoformat(),
        "last_day": span.last.isoformat(),
        "lines": counts.lines + counts.cancelled,
    }
    if span.courses is not None:
        details["courses"] = len(span.courses)
    if report.scope.person_id is not None:
        details["person"] = str(report.scope.person_id)
    if report.scope.group_id is not None:
        details["group"] = str(report.scope.group_id)
    record(db, actor=actor, action="report.export", subject=service.SUBJECT, details=details)


def file_name(report: Report, wanted: ExportWanted) -> str:
    """Return the name of a file, without the name of anybody."""
    span = report.scope.span
    return f"attendance-{wanted.view}-{span.first}-{span.last}.{wanted.format}"


def _rows(
    db: Session, report: Report, lessons: Iterable[LessonFacts], wanted: ExportWanted
) -> Iterator[Sequence[Cell]]:
    view, t = wanted.view, wanted.t
    found: Iterable[Sequence[Cell]]
    if view is ReportView.LINES:
        found = line_cells(lessons, _names(db, report), t, wanted.zone)
    elif view is ReportView.UNTAKEN:
        found = untaken_cells(untaken_rows(db, report), t, wanted.zone)
    elif view is ReportView.AT_RISK:
        found = sum_cells(at_risk_rows(db, report, service.at_risk_limit(db)), view)
    else:
        found = sum_cells(report_rows(db, report, view), view)
    return _headed(head_row(view, t), found)


def _headed(head: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    yield head
    yield from rows


def _with_notice(
    rows: Iterator[Sequence[Cell]], report: Report, t: Translator
) -> Iterator[Sequence[Cell]]:
    yield from rows
    if report.is_truncated:
        yield [t("reports.truncated", count=report.tally.total.lines.lines)]


def _names(db: Session, report: Report) -> ExportNames:
    return ExportNames(
        people_named(db, report.tally.people),
        {one.id: (one.code, one.title) for one in courses(db, only=set(report.tally.courses))},
        {one.id: one.name for one in rooms(db)},
    )


def _facts(db: Session, report: Report, wanted: ExportWanted) -> list[tuple[str, str]]:
    """Return what a file says about itself."""
    span = report.scope.span
    facts = [
        ("first", span.first.isoformat()),
        ("last", span.last.isoformat()),
        ("as_of", f"{report.as_of.astimezone(wanted.zone):%Y-%m-%d %H:%M}"),
        ("zone", wanted.zone.key),
        ("courses", _courses(db, span.courses, wanted.t)),
    ]
    if report.is_truncated:
        notice = wanted.t("reports.truncated", count=report.tally.total.lines.lines)
        facts.append(("truncated", notice))
    if wanted.view is ReportView.AT_RISK:
        limit = service.at_risk_limit(db)
        text = wanted.t("reports.at_risk_text", percent=limit.percent, lessons=limit.least_lessons)
        facts.append(("limit", text))
    return facts


def _courses(db: Session, ids: frozenset[uuid.UUID] | None, t: Translator) -> str:
    if ids is None:
        return t("reports.all_courses")
    return ", ".join(one.code for one in courses(db, only=ids))
