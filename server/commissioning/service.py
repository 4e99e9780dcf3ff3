"""Takes in reports of acceptance tests and messages of offline drills, and reads them."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError
from sqlmodel import Session, col, delete, select

from protocol.v1.commissioning import (
    COMMISSIONING,
    COMMISSIONING_DRILL,
    CommissionDrill,
    CommissionReport,
    StepOutcome,
    commissioning_text,
    verify_commissioning,
)
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MessageT
from protocol.v1.signing import public_key
from server.audit.service import record
from server.commissioning.tables import CommissioningDrill, CommissioningReport
from server.errors import ConflictError, InvalidError, MalformedError, NotFoundError
from server.kiosks.tables import Kiosk

MOST_REPORTS = 100
"""Of one kiosk; the oldest one makes room. No kiosk is tested this often."""
MOST_BODY_CHARACTERS = 65_536


@dataclass(frozen=True)
class ReadReport:
    """A stored report, read again.

    Attributes:
        row: as stored.
        report: what it says.
        is_signed: the kiosk's key of that time signed exactly this.
        drill: what the offline drill delivered; None: nothing came.
    """

    row: CommissioningReport
    report: CommissionReport
    is_signed: bool
    drill: CommissioningDrill | None


def take_report(db: Session, kiosk: Kiosk, raw: Mapping[str, JsonValue], at: datetime) -> uuid.UUID:
    """Keep a report as it came, once; one whose signature is wrong is kept and shown as such.

    Args:
        db: the database session.
        kiosk: who sent it, locked.
        raw: the report, with the fields that this version does not know.
        at: now.

    Raises:
        MalformedError: it is no report.
        InvalidError: it belongs to another kiosk.
        ConflictError: another report has this id.
    """
    report = _read(CommissionReport, raw)
    _check_sender(kiosk, report.kiosk_id)
    body = _text(raw)
    report_id = uuid.UUID(report.id)
    stored = db.get(CommissioningReport, (kiosk.id, report_id))
    if stored is not None:
        if stored.body != body:
            raise ConflictError("Another report has this id.", problem="commissioning_changed")
        return report_id
    outcomes = [step.outcome for step in report.steps]
    row = CommissioningReport(
        kiosk_id=kiosk.id,
        id=report_id,
        room=report.room,
        started_at=report.started_at,
        finished_at=report.finished_at,
        received_at=at,
        passed=outcomes.count(StepOutcome.PASSED),
        failed=outcomes.count(StepOutcome.FAILED),
        skipped=outcomes.count(StepOutcome.SKIPPED),
        body=body,
        signing_key=kiosk.signing_key,
    )
    db.add(row)
    db.flush()
    _make_room(db, kiosk.id)
    details = {
        "report": str(report_id),
        "passed": row.passed,
        "failed": row.failed,
        "skipped": row.skipped,
        "is_signature_valid": _is_signed(raw, kiosk.signing_key),
    }
    actor, subject = f"kiosk:{kiosk.id}", f"kiosk:{kiosk.id}"
    record(db, actor=actor, action="kiosk.commission", subject=subject, details=details)
    return report_id


def take_drill(db: Session, kiosk: Kiosk, raw: Mapping[str, JsonValue], at: datetime) -> uuid.UUID:
    """Note that the message of an offline drill came; the first one of a report counts.

    Raises:
        MalformedError: it is no such message.
        InvalidError: it belongs to another kiosk, or its signature is wrong.
    """
    drill = _read(CommissionDrill, raw)
    _check_sender(kiosk, drill.kiosk_id)
    if not _is_signed(raw, kiosk.signing_key, context=COMMISSIONING_DRILL):
        raise InvalidError("Another key signed this.", problem="commissioning_unsigned")
    report_id = uuid.UUID(drill.report_id)
    if db.get(CommissioningDrill, (kiosk.id, report_id)) is None:
        row = CommissioningDrill(
            kiosk_id=kiosk.id, report_id=report_id, made_at=drill.made_at, received_at=at
        )
        db.add(row)
        db.flush()
        _make_room_for_drills(db, kiosk.id)
    return report_id


def reports_of(db: Session, kiosk_id: uuid.UUID) -> list[CommissioningReport]:
    """Return a kiosk's reports, newest first."""
    newest = col(CommissioningReport.finished_at).desc(), col(CommissioningReport.id).desc()
    wanted = select(CommissioningReport).where(CommissioningReport.kiosk_id == kiosk_id)
    return list(db.exec(wanted.order_by(*newest)))


def report_of(db: Session, kiosk_id: uuid.UUID, report_id: uuid.UUID) -> ReadReport:
    """Return one report, and check its signature.

    Raises:
        NotFoundError: there is none.
    """
    row = db.get(CommissioningReport, (kiosk_id, report_id))
    if row is None:
        raise NotFoundError("There is no such report.", problem="no_commissioning")
    return read_row(db, row)


def read_row(db: Session, row: CommissioningReport) -> ReadReport:
    """Read a stored report again, and check its signature."""
    raw: dict[str, Any] = json.loads(row.body)
    drill = db.get(CommissioningDrill, (row.kiosk_id, row.id))
    report = CommissionReport.model_validate(raw)
    return ReadReport(row, report, _is_signed(raw, row.signing_key), drill)


def _read(kind: type[MessageT], raw: Mapping[str, JsonValue]) -> MessageT:
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        raise MalformedError("This is not a report.", problem="commissioning_malformed") from exc


def _text(raw: Mapping[str, JsonValue]) -> str:
    try:
        body = commissioning_text(raw)
    except ProtocolError as exc:
        raise MalformedError("This is not a report.", problem="commissioning_malformed") from exc
    if len(body) > MOST_BODY_CHARACTERS or "\\u0000" in body:
        raise MalformedError("This is not a report.", problem="commissioning_malformed")
    return body


def _check_sender(kiosk: Kiosk, kiosk_id: str) -> None:
    if kiosk_id != kiosk.wire_id:
        raise InvalidError("This belongs to another kiosk.", problem="commissioning_other_kiosk")


def _is_signed(
    raw: Mapping[str, JsonValue], key: str | None, *, context: str = COMMISSIONING
) -> bool:
    if key is None:
        return False
    try:
        verify_commissioning(raw, public_key(key), context=context)
    except ProtocolError:
        return False
    return True


def _make_room(db: Session, kiosk_id: uuid.UUID) -> None:
    for row in reports_of(db, kiosk_id)[MOST_REPORTS:]:
        db.delete(row)


def _make_room_for_drills(db: Session, kiosk_id: uuid.UUID) -> None:
    mine = col(CommissioningDrill.kiosk_id) == kiosk_id
    newest = select(CommissioningDrill.report_id).where(mine)
    newest = newest.order_by(col(CommissioningDrill.received_at).desc()).limit(MOST_REPORTS)
    kept = list(db.exec(newest))
    db.exec(delete(CommissioningDrill).where(mine, col(CommissioningDrill.report_id).not_in(kept)))
