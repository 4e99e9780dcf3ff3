"""Put a measured limit in force, or ask first; tell kiosks' documents which one holds.

A limit that is stricter goes to kiosks automatically, unless it would miss too many students more
often than now: then an admin decides, and until then the old one stays.
"""

import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import ConflictError, NotFoundError
from server.limits.tables import LimitState, StoredLimit

#: A change that raises the expected misses of more than this share of the people is asked about.
MOST_RAISED = 0.2
#: With fewer people measured there is no limit, and kiosks keep to those for children.
LEAST_PEOPLE = 30
_IN_FORCE, _ASKED, _DECLINED = (state.value for state in LimitState)
_TABLE = table_of(StoredLimit)
_WAITING = Prepared(sqlalchemy.select(_TABLE.c.id).where(_TABLE.c.state == _ASKED).limit(1))


@dataclass(frozen=True)
class ProposedLimit:
    """What a measurement gave; see `StoredLimit`."""

    model_id: str
    distance: float
    card_limit: float
    people: int
    minors: int
    raised_share: float
    measured_at: datetime


class LimitVerdict(StrEnum):
    """What becomes of a proposed limit."""

    APPLY = "apply"
    ASK = "ask"
    KEEP = "keep"


def verdict(raised_share: float, distance: float, declined: float | None) -> LimitVerdict:
    """Decide what becomes of a proposed limit.

    Args:
        raised_share: of the people who would be missed more often, 0 to 1.
        distance: of the proposed limit.
        declined: the limit that an admin declined; one that is not stricter is not asked again.
    """
    if raised_share <= MOST_RAISED:
        return LimitVerdict.APPLY
    return LimitVerdict.ASK if declined is None or distance < declined else LimitVerdict.KEEP


def effective(card_limit: float, measured: float | None) -> float:
    """Return the limit that holds: the school's own only ever makes the card's stricter."""
    return card_limit if measured is None else min(card_limit, measured)


def propose(db: Session, proposed: ProposedLimit) -> LimitVerdict:
    """Take in what a measurement gave: put it in force, or ask an admin.

    A question that was open is replaced: it was about older figures.
    """
    rows = _locked(db, proposed.model_id)
    declined = rows.get(_DECLINED)
    found = verdict(
        proposed.raised_share, proposed.distance, declined.distance if declined else None
    )
    if found is LimitVerdict.KEEP:
        _delete(db, rows.get(_ASKED))
        return found
    state = _IN_FORCE if found is LimitVerdict.APPLY else _ASKED
    before = rows.get(state)
    was = (before.distance, people_behind(before) >= LEAST_PEOPLE) if before else None
    if found is LimitVerdict.APPLY:
        _delete(db, rows.get(_ASKED), declined)
    row = before or StoredLimit(**asdict(proposed), state=state)
    for name, value in asdict(proposed).items():
        setattr(row, name, value)
    if found is LimitVerdict.APPLY:
        row.decided_by, row.decided_at = SYSTEM, now()
    db.add(row)
    db.flush()
    if was != (row.distance, people_behind(row) >= LEAST_PEOPLE):
        _record(db, row, "limit.apply" if found is LimitVerdict.APPLY else "limit.ask", SYSTEM)
    return found


def withdraw(db: Session, model_id: str) -> None:
    """Take the limits of a model back: too few people are left to measure."""
    rows = _locked(db, model_id)
    if _IN_FORCE in rows:
        _record(db, rows[_IN_FORCE], "limit.withdraw", SYSTEM)
    _delete(db, *rows.values())


def answer(db: Session, limit_id: uuid.UUID, *, is_accepted: bool, actor: str) -> None:
    """Put the limit in force that was asked about, or keep the old one.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it was answered or replaced meanwhile.
    """
    seen = db.get(StoredLimit, limit_id)
    if seen is None:
        raise NotFoundError(what="limit", problem="no_question")
    rows = _locked(db, seen.model_id)
    asked = rows.get(_ASKED)
    if asked is None or asked.id != limit_id:
        raise ConflictError(
            "This question was answered or replaced meanwhile.", problem="question_answered"
        )
    _delete(db, rows.get(_DECLINED), rows.get(_IN_FORCE) if is_accepted else None)
    asked.state = _IN_FORCE if is_accepted else _DECLINED
    asked.decided_by, asked.decided_at = actor, now()
    db.flush()
    _record(db, asked, "limit.accept" if is_accepted else "limit.decline", actor)


_IN_STATE = select(StoredLimit).where(col(StoredLimit.state) == bindparam("state"))


def in_force(db: Session) -> dict[str, StoredLimit]:
    """Return the limits in force by model."""
    return _by_model(db, _IN_FORCE)


def questions(db: Session) -> dict[str, StoredLimit]:
    """Return the limits that wait for an admin, by model."""
    return _by_model(db, _ASKED)


def has_questions(db: Session) -> bool:
    """Whether any limit waits for an admin."""
    return bool(_WAITING.rows(db))


def declined(db: Session) -> dict[str, StoredLimit]:
    """Return the limits that an admin declined last, by model."""
    return _by_model(db, _DECLINED)


def withdraw_unused(db: Session, in_use: Collection[str]) -> int:
    """Take back limits and questions about models that nobody has templates of.

    Returns:
        Of how many models.
    """
    known = db.exec(select(StoredLimit.model_id).distinct())
    unused = set(known) - set(in_use)
    for model_id in sorted(unused):
        withdraw(db, model_id)
    return len(unused)


def fingerprint(db: Session) -> str:
    """Return a text that changes whenever a limit in force does."""
    limits = sorted(in_force(db).values(), key=lambda one: one.model_id)
    return ",".join(f"{one.model_id}={one.distance}/{people_behind(one)}" for one in limits)


def people_behind(limit: StoredLimit) -> int:
    """Return how many people a limit speaks for, as kiosks are told.

    Kiosks replace the limits for children by a measured one from 30 people on. Adults say nothing
    about children, so only the young ones count, and only if most of those measured are young: the
    limit rests on all pairs. It holds for adults whatever the number.
    """
    return limit.minors if 2 * limit.minors > limit.people else 0


def _by_model(db: Session, state: str) -> dict[str, StoredLimit]:
    found = db.execute(_IN_STATE, {"state": state}).scalars()
    return {row.model_id: row for row in found}


def _locked(db: Session, model_id: str) -> dict[str, StoredLimit]:
    query = select(StoredLimit).where(StoredLimit.model_id == model_id)
    query = query.order_by(col(StoredLimit.id)).with_for_update()
    return {row.state: row for row in db.exec(query.execution_options(populate_existing=True))}


def _delete(db: Session, *rows: StoredLimit | None) -> None:
    for row in rows:
        if row is not None:
            db.delete(row)
    db.flush()


def _record(db: Session, row: StoredLimit, action: str, actor: str) -> None:
    details = {
        "distance": row.distance,
        "card_limit": row.card_limit,
        "people": row.people,
        "raised_share": round(row.raised_share, 4),
    }
    subject = subject_of("model", row.model_id)
    record(db, actor=actor, action=action, subject=subject, details=details)
