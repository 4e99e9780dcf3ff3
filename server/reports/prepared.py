"""Reports over many lessons: asked for, prepared piece by piece by a job, kept for some days."""

import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, delete, exists, select
from sqlmodel.sql.expression import SelectOfScalar

from server.audit.service import record
from server.audit.tables import subject_of
from server.credentials.fonts import require_fonts
from server.db.engine import Database
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.vault import Sealed, Vault
from server.errors import ConflictError, NotFoundError
from server.jobs import service as jobs
from server.jobs.tables import JobState
from server.prints.service import forget_prints, printed_courses
from server.reports import tally as tallies
from server.reports.lines import LessonFacts, ReportSpan, lesson_count
from server.reports.schemas import ReportScope
from server.reports.service import Report, check_days
from server.reports.stored_lines import pack, unpack
from server.reports.tables import PreparedPart, PreparedReport
from server.web.principal import Principal, Role

KIND = "report"
#: Prepared reports are deleted after this time.
KEPT = timedelta(days=7)
#: A sheet of XLSX has 1,048,576 rows; a report that reaches this many lines ends there and says so.
MOST_LINES = 1_000_000
PURPOSE = "report"
ORDER = ListOrder(
    (col(PreparedReport.created_at), col(PreparedReport.id)),
    (datetime, uuid.UUID),
    is_descending=True,
)


def prepare(
    db: Session,
    span: ReportSpan,
    principal: Principal,
    at: datetime,
    *,
    with_registers: bool = False,
) -> PreparedReport:
    """Ask for a report; a job prepares it.

    Args:
        db: the caller's.
        span: what it covers.
        principal: who asks.
        at: now, UTC.
        with_registers: print the registers too.

    Raises:
        FontsMissingError: the server has no font to print registers with.
        InvalidError: see `check_days`.
        ConflictError: one that this account asked for is still being prepared.
    """
    check_days(span.first, span.last)
    if with_registers:
        require_fonts()
    mine = select(PreparedReport.id).where(PreparedReport.made_by == principal.account_id)
    unfinished = db.exec(mine.where(col(PreparedReport.finished_at).is_(None))).all()
    if any(not is_stuck(db, one) for one in unfinished):
        raise ConflictError("Your last report is still being prepared.", problem="report_running")
    row = PreparedReport(
        first_day=span.first,
        last_day=span.last,
        course_ids=None if span.courses is None else sorted(one.hex for one in span.courses),
        as_of=at,
        lessons_total=lesson_count(db, span, at),
        with_registers=with_registers,
        made_by=principal.account_id,
        created_at=at,
        expires_at=at + KEPT,
    )
    db.add(row)
    db.flush()
    details = {"first_day": span.first.isoformat(), "last_day": span.last.isoformat()}
    if span.courses is not None:
        details["courses"] = str(len(span.courses))
    if with_registers:
        details["registers"] = "pdf"
    subject = subject_of("report", row.id)
    record(db, actor=principal.actor, action="report.prepare", subject=subject, details=details)
    jobs.enqueue(db, KIND, _about(row.id), subject=subject, actor=principal.actor)
    return row


def delete_report(db: Session, report_id: uuid.UUID, *, actor: str) -> None:
    """Delete a prepared report, or cancel one that is being prepared."""
    subject = subject_of("report", report_id)
    record(db, actor=actor, action="report.delete", subject=subject)
    jobs.forget(db, KIND, [_about(report_id)])
    forget_report(db, report_id)


def forget_report(db: Session, report_id: uuid.UUID) -> None:
    """Delete a prepared report with its parts and its printed registers."""
    forget_prints(db, report_id)
    db.exec(delete(PreparedPart).where(col(PreparedPart.report_id) == report_id))
    db.exec(delete(PreparedReport).where(col(PreparedReport.id) == report_id))


def delete_expired(db: Session, at: datetime) -> int:
    """Delete every report that has expired; returns how many."""
    found = db.exec(select(PreparedReport.id).where(col(PreparedReport.expires_at) <= at)).all()
    for report_id in found:
        jobs.forget(db, KIND, [_about(report_id)])
        forget_report(db, report_id)
    return len(found)


def has_expired(db: Session, at: datetime) -> bool:
    """Whether any report has expired."""
    query = select(exists().where(col(PreparedReport.expires_at) <= at))
    return bool(db.exec(query).one())


def prepared_for(
    db: Session,
    report_id: uuid.UUID,
    principal: Principal,
    own: Collection[uuid.UUID] | None,
) -> PreparedReport:
    """Return a prepared report that an account may see: its own, or any for an administrator.

    Args:
        db: the caller's.
        report_id: which.
        principal: who asks.
        own: the courses that they may see now; None: all.

    Raises:
        NotFoundError: there is none, or the account may not see it.
    """
    row = db.get(PreparedReport, report_id)
    if row is None or not _may_see(row, principal, own):
        raise NotFoundError("There is no such report. It may be deleted.", problem="no_report")
    return row


def refuse_delete(
    db: Session,
    report_id: uuid.UUID,
    principal: Principal,
    own: Collection[uuid.UUID] | None,
) -> None:
    """Refuse who may not delete a report. Who made it always may, also once a course is gone.

    Raises:
        NotFoundError: there is none, or it is another account's.
    """
    row = db.get(PreparedReport, report_id)
    if row is None or row.made_by != principal.account_id:
        prepared_for(db, report_id, principal, own)


def latest_for(
    db: Session, principal: Principal, *, limit: int, own: Collection[uuid.UUID] | None
) -> Sequence[PreparedReport]:
    """Return the newest reports that an account asked for and may still see."""
    return db.exec(_seen_by(db, principal, own).order_by(*ORDER.by()).limit(limit)).all()


def reports_part(
    db: Session,
    principal: Principal,
    wanted: PartWanted,
    *,
    own: Collection[uuid.UUID] | None,
) -> Part[tuple[PreparedReport]]:
    """Return a part of the list of all reports that an account asked for and may still see."""
    return read_part(db, _seen_by(db, principal, own), ORDER, wanted)


def _seen_by(
    db: Session, principal: Principal, own: Collection[uuid.UUID] | None
) -> SelectOfScalar[PreparedReport]:
    """Select the reports that an account asked for, without those of a course that is gone."""
    mine = select(PreparedReport).where(PreparedReport.made_by == principal.account_id)
    if own is None:
        return mine
    # An account has few, as they are deleted after days.
    rows = db.exec(
        select(PreparedReport.id, PreparedReport.course_ids).where(
            PreparedReport.made_by == principal.account_id
        )
    )
    seen = [report_id for report_id, course_ids in rows if _is_within(course_ids, own)]
    return mine.where(col(PreparedReport.id).in_(seen))


def span_of(row: PreparedReport, zone: ZoneInfo) -> ReportSpan:
    """Return what a prepared report covers."""
    ids = row.course_ids
    courses = None if ids is None else frozenset(map(uuid.UUID, ids))
    return ReportSpan(row.first_day, row.last_day, zone, courses)


def add_part(db: Session, vault: Vault, row: PreparedReport, lessons: Sequence[LessonFacts]) -> int:
    """Keep lessons of a report, as many as it may have lines for; returns how many were kept."""
    kept = []
    for one in lessons:
        if row.lines + len(one.lines) > MOST_LINES:
            row.is_truncated = True
            break
        kept.append(one)
        row.lines += len(one.lines)
    number = len(db.exec(select(PreparedPart.number).where(_of(row.id))).all())
    sealed = vault.seal(pack(kept), purpose=PURPOSE, context=f"{row.id}:{number}")
    part = PreparedPart(report_id=row.id, number=number, key_id=sealed.key_id, data=sealed.data)
    db.add(part)
    row.lessons += len(kept)
    db.add(row)
    return len(kept)


def parts_of(database: Database, vault: Vault, report_id: uuid.UUID) -> Iterator[list[LessonFacts]]:
    """Return the lessons of a report part by part; each is read when it is asked for.

    Raises:
        NotFoundError: the report was deleted meanwhile. A download that has begun breaks off then,
            as a file that ends there would look complete.
    """
    with database.reading() as db:
        numbers = db.exec(
            select(PreparedPart.number).where(_of(report_id)).order_by(col(PreparedPart.number))
        ).all()
    for number in numbers:
        with database.reading() as db:
            part = db.get(PreparedPart, (report_id, number))
        if part is None:
            raise NotFoundError("There is no such report. It may be deleted.", problem="no_report")
        sealed = Sealed(part.key_id, part.data)
        yield unpack(vault.open(sealed, purpose=PURPOSE, context=f"{report_id}:{number}"))


def finish(
    db: Session, vault: Vault, report_id: uuid.UUID, tally: tallies.ReportTally, at: datetime
) -> None:
    """Keep the sums of a report; from then on it can be read."""
    row = db.get(PreparedReport, report_id)
    if row is None:
        return
    text = json.dumps(tallies.dump(tally)).encode()
    sealed = vault.seal(text, purpose=PURPOSE, context=f"{report_id}:summary")
    row.key_id, row.summary, row.finished_at = sealed.key_id, sealed.data, at
    db.add(row)


def report_of(vault: Vault, row: PreparedReport, zone: ZoneInfo) -> Report:
    """Return a prepared report that is finished, as it is shown.

    Raises:
        ConflictError: it is not finished.
    """
    if row.summary is None or row.key_id is None:
        raise ConflictError("This report is still being prepared.", problem="report_unfinished")
    sealed = Sealed(row.key_id, row.summary)
    text = vault.open(sealed, purpose=PURPOSE, context=f"{row.id}:summary")
    return Report(
        ReportScope(span_of(row, zone)),
        row.as_of,
        tallies.load(json.loads(text)),
        is_truncated=row.is_truncated,
        prepared_id=row.id,
    )


def has_registers(db: Session, row: PreparedReport) -> bool:
    """Whether the registers that were printed for a report are there, none of them deleted."""
    return 0 < row.registers == len(printed_courses(db, row.id))


def _about(report_id: uuid.UUID) -> dict[str, str]:
    return {"report": str(report_id)}


def _of(report_id: uuid.UUID) -> bool:
    return PreparedPart.report_id == report_id


def _may_see(row: PreparedReport, principal: Principal, own: Collection[uuid.UUID] | None) -> bool:
    if row.made_by != principal.account_id and principal.role != Role.ADMIN:
        return False
    return own is None or _is_within(row.course_ids, own)


def _is_within(course_ids: Collection[str] | None, own: Collection[uuid.UUID]) -> bool:
    return course_ids is not None and set(map(uuid.UUID, course_ids)) <= set(own)


def is_stuck(db: Session, report_id: uuid.UUID) -> bool:
    """Whether the job of a report failed too often."""
    job = jobs.find(db, KIND, _about(report_id))
    return job is None or job.state == JobState.PARKED
