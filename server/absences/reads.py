"""The rows of reports that registers are made of."""

import uuid
from datetime import date

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session

from server.absences.rules import AbsenceSpan
from server.absences.tables import AbsenceReport, AbsenceWithdrawal
from server.db.prepared import Prepared, table_of

_reports, _withdrawals = table_of(AbsenceReport), table_of(AbsenceWithdrawal)
_BETWEEN = (
    sqlalchemy.select(
        *(_reports.c[name] for name in AbsenceSpan._fields[:7]),
        _withdrawals.c.report_id.is_not(None),
        _withdrawals.c.counts_after,
    )
    .select_from(_reports)
    .outerjoin(_withdrawals, _withdrawals.c.report_id == _reports.c.id)
    .where(
        _reports.c.last_day >= bindparam("first", type_=_reports.c.last_day.type),
        _reports.c.first_day <= bindparam("last", type_=_reports.c.first_day.type),
    )
)
_SPANS = Prepared(_BETWEEN)
_OF_PERSON = Prepared(
    _BETWEEN.where(_reports.c.person_id == bindparam("person", type_=_reports.c.person_id.type))
)


def spans_between(db: Session, first: date, last: date) -> list[AbsenceSpan]:
    """Return what was reported for days between two dates, both included."""
    return [AbsenceSpan(*row) for row in _SPANS.rows(db, first=first, last=last)]


def spans_of(db: Session, person_id: uuid.UUID, first: date, last: date) -> list[AbsenceSpan]:
    """Return the same for one person."""
    rows = _OF_PERSON.rows(db, person=person_id, first=first, last=last)
    return [AbsenceSpan(*row) for row in rows]
