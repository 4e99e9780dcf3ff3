"""Absences of an invented school: one of today with a file, one ahead, one withdrawn, one over."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from scripts.invented_school import School
from server.absences import attachments, service
from server.absences.schemas import AbsenceCreate
from server.db.engine import Database
from server.db.vault import Vault
from server.documents.checks import CheckedFile, DocumentKind

NOTE = b"%PDF-1.4 an invented note"


def add_absences(
    database: Database, vault: Vault, school: School, at: datetime, *, actor: str
) -> uuid.UUID:
    """Report absences; returns the one with a file."""
    today = at.date()
    with database.transaction() as db:
        entry = _Entry(db, school, actor, at)
        shown = entry.report(3, today, today + timedelta(days=2))
        note = CheckedFile(DocumentKind.PDF, NOTE * 4000)
        attachments.attach(db, vault, shown, note, actor=actor, at=at)
        entry.report(12, today, today, is_excused=False, note="")
        tomorrow = today + timedelta(days=1)
        entry.report(20, tomorrow, tomorrow, from_time=time(10, 30), until_time=time(12))
        gone = entry.report(31, today + timedelta(days=4), today + timedelta(days=9))
        service.withdraw(db, gone, reason="The trip was moved", past=None, actor=actor, at=at)
        entry.report(40, today - timedelta(days=9), today - timedelta(days=8))
    return shown


@dataclass(frozen=True)
class _Entry:
    db: Session
    school: School
    actor: str
    at: datetime

    def report(self, person: int, first: date, last: date, **changed: object) -> uuid.UUID:
        reasons = service.reasons(self.db, in_use=True)
        values: dict[str, object] = {
            "person_id": self.school.people[person],
            "first_day": first,
            "last_day": last,
            "reason_id": reasons[person % len(reasons)].id,
            "note": "Back as soon as the fever is gone",
            "reported_by": "Mother, by phone",
        }
        new = AbsenceCreate.model_validate(values | changed)
        today = self.at.date()
        return service.report(self.db, new, actor=self.actor, at=self.at, today=today).id
