"""The rows of reports that registers are made of."""

from datetime import date

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session

from server.absences.rules import AbsenceSpan
from server.absences.tables import AbsenceReport, AbsenceWithdrawal
from server.db.prepared import Prepared, table_of

_reports, _withdrawals = table_of(AbsenceReport), table_of(AbsenceWithdrawal)
_SPANS = Prepared(
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


def spans_between(db: Session, first: date, last: date) -> list[AbsenceSpan]:
    """Return what was reported for days between two dates, both included."""
    return [AbsenceSpan(*row) for row in _SPANS.rows(db, first=first, last=last)]
