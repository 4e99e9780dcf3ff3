"""Find entries of the audit trail: by person, actor, action and date, page by page."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from server.audit.tables import AuditedPerson, AuditEntry

PAGE = 50


@dataclass(frozen=True)
class TrailFilter:
    """Which entries are wanted; None where it does not matter.

    Attributes:
        person_id: who they are about.
        actor: who did it, as the audit trail names them.
        action: noun.verb.
        after: not before this moment.
        before: before this moment.
    """

    person_id: uuid.UUID | None = None
    actor: str | None = None
    action: str | None = None
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class TrailPage:
    """Some entries, newest first.

    Attributes:
        older: seq to continue before; None where nothing older is left.
    """

    entries: Sequence[AuditEntry]
    older: int | None


def page_of(db: Session, wanted: TrailFilter, *, before_seq: int | None = None) -> TrailPage:
    """Return the newest entries that fit, or those before a seq."""
    query = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(PAGE + 1)
    if wanted.person_id is not None:
        about = col(AuditedPerson.seq) == col(AuditEntry.seq)
        query = query.join(AuditedPerson, about).where(AuditedPerson.person_id == wanted.person_id)
        query = query.order_by(None).order_by(col(AuditedPerson.seq).desc())
    for column, value in ((AuditEntry.actor, wanted.actor), (AuditEntry.action, wanted.action)):
        if value is not None:
            query = query.where(col(column) == value)
    if wanted.after is not None:
        query = query.where(col(AuditEntry.at) >= wanted.after)
    if wanted.before is not None:
        query = query.where(col(AuditEntry.at) < wanted.before)
    if before_seq is not None:
        query = query.where(col(AuditEntry.seq) < before_seq)
    found = list(db.exec(query))
    return TrailPage(found[:PAGE], found[PAGE - 1].seq if len(found) > PAGE else None)
