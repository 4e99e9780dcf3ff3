"""Find entries of the audit trail: by person, actor, action and date, page by page."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

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
    """Return the newest entries that fit, or those before a seq.

    A list of certain days is in the order of its times, which differs from that of the numbers
    only where the server's clock was set back; any other list is in the order of the numbers.
    """
    is_by_time = wanted.after is not None or wanted.before is not None
    seq: Any = col(AuditEntry.seq) if wanted.person_id is None else col(AuditedPerson.seq)
    order = [col(AuditEntry.at).desc(), seq.desc()] if is_by_time else [seq.desc()]
    query = _narrowed(select(AuditEntry), wanted).order_by(*order).limit(PAGE + 1)
    if before_seq is not None:
        last = db.get(AuditEntry, before_seq) if is_by_time else None
        query = query.where(_earlier(seq, before_seq, last))
    found = list(db.exec(query))
    return TrailPage(found[:PAGE], found[PAGE - 1].seq if len(found) > PAGE else None)


def _narrowed(query: SelectOfScalar[AuditEntry], wanted: TrailFilter) -> SelectOfScalar[AuditEntry]:
    if wanted.person_id is not None:
        about = col(AuditedPerson.seq) == col(AuditEntry.seq)
        query = query.join(AuditedPerson, about).where(AuditedPerson.person_id == wanted.person_id)
    for column, value in ((AuditEntry.actor, wanted.actor), (AuditEntry.action, wanted.action)):
        if value is not None:
            query = query.where(col(column) == value)
    if wanted.after is not None:
        query = query.where(col(AuditEntry.at) >= wanted.after)
    if wanted.before is not None:
        query = query.where(col(AuditEntry.at) < wanted.before)
    return query


def _earlier(seq: Any, before_seq: int, last: AuditEntry | None) -> ColumnElement[bool]:
    """Return what comes after an entry in the list; `last`: it, in a list by time."""
    is_before: ColumnElement[bool] = seq < before_seq
    if last is None:
        return is_before
    at = col(AuditEntry.at)
    return or_(at < last.at, and_(at == last.at, is_before))
