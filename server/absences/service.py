"""Enter and withdraw absences, list them, and delete their texts in time."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import sqlalchemy
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, or_, select, update

from server.absences.schemas import AbsenceCreate, PastLines
from server.absences.tables import (
    AbsenceAttachment,
    AbsenceReason,
    AbsenceReport,
    AbsenceWithdrawal,
)
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people import service as people
from server.people.tables import Person

#: The API's order: those entered last first.
ORDER = ListOrder(
    (col(AbsenceReport.entered_at), col(AbsenceReport.id)),
    (datetime, uuid.UUID),
    is_descending=True,
)
LONGEST = timedelta(days=366)
FURTHEST = timedelta(days=400)
#: Attachments and free text are kept for so long after the last day of the absence.
KEPT = timedelta(days=365)
ERASED = "erased"


@dataclass(frozen=True)
class AbsenceView:
    """An absence with its person, reason and withdrawal."""

    report: AbsenceReport
    person: Person
    reason: AbsenceReason
    withdrawal: AbsenceWithdrawal | None
    attachments: int


@dataclass(frozen=True)
class AbsenceFilter:
    """Which absences are meant.

    Attributes:
        person_id: only of this person.
        since: only those that end on this day or later.
        before: only those that ended before this day.
        absence_id: only this one.
    """

    person_id: uuid.UUID | None = None
    since: date | None = None
    before: date | None = None
    absence_id: uuid.UUID | None = None

    def query(self) -> "sqlalchemy.Select[*tuple[object, ...]]":
        """Select the absences with what belongs to them, without an order."""
        conditions: list[ColumnElement[bool]] = []
        if self.person_id is not None:
            conditions.append(col(AbsenceReport.person_id) == self.person_id)
        if self.since is not None:
            conditions.append(col(AbsenceReport.last_day) >= self.since)
        if self.before is not None:
            conditions.append(col(AbsenceReport.last_day) < self.before)
        if self.absence_id is not None:
            conditions.append(col(AbsenceReport.id) == self.absence_id)
        return _whole().where(*conditions)


@cache
def _whole() -> "sqlalchemy.Select[*tuple[object, ...]]":
    """Select all absences with what belongs to them; built once."""
    attached = (
        select(func.count())
        .where(col(AbsenceAttachment.report_id) == col(AbsenceReport.id))
        .scalar_subquery()
    )
    return (
        sqlalchemy.select(AbsenceReport, Person, AbsenceReason, AbsenceWithdrawal, attached)
        .join(Person, col(Person.id) == col(AbsenceReport.person_id))
        .join(AbsenceReason, col(AbsenceReason.id) == col(AbsenceReport.reason_id))
        .outerjoin(AbsenceWithdrawal, col(AbsenceWithdrawal.report_id) == col(AbsenceReport.id))
    )


def report(
    db: Session, new: AbsenceCreate, *, actor: str, at: datetime, today: date
) -> AbsenceReport:
    """Enter an absence. Lessons that are over keep their lines unless `past_lines` says otherwise.

    Raises:
        NotFoundError: no such person or reason.
        InvalidError: days or times cannot be meant.
        ConflictError: the person's data was erased, or the reason is retired.
    """
    _check(new, today)
    person = people.get_person(db, new.person_id, lock=True)
    people.refuse_erased(person)
    reason = _reason(db, new.reason_id)
    if reason.retired_at is not None:
        raise ConflictError("This reason is no longer used.", problem="absence_reason_retired")
    values = new.model_dump(exclude={"past_lines"})
    row = AbsenceReport(
        **values,
        entered_by=actor,
        entered_at=at,
        counts_after=None if new.past_lines is PastLines.CHANGE else at,
    )
    db.add(row)
    db.flush()
    return row


def withdraw(
    db: Session,
    absence_id: uuid.UUID,
    *,
    reason: str,
    past: PastLines | None,
    actor: str,
    at: datetime,
) -> AbsenceWithdrawal:
    """Withdraw an absence: a new fact beside it. Lessons that are over stay as in `report`.

    Raises:
        NotFoundError: no such absence.
        ConflictError: it is withdrawn already.
    """
    found = report_of(db, absence_id)
    people.get_person(db, found.person_id, lock=True)
    if db.get(AbsenceWithdrawal, absence_id) is not None:
        raise ConflictError("This absence is already withdrawn.", problem="absence_withdrawn")
    row = AbsenceWithdrawal(
        report_id=absence_id,
        reason=reason,
        withdrawn_by=actor,
        withdrawn_at=at,
        counts_after=None if past is PastLines.CHANGE else at,
    )
    db.add(row)
    db.flush()
    return row


def record_absence(
    db: Session, row: AbsenceReport, *, action: str, actor: str, details: Mapping[str, object]
) -> None:
    """Write to the audit trail what was done with an absence; never why."""
    known = {"absence": str(row.id), **details}
    subject = subject_of("person", row.person_id)
    record(db, actor=actor, action=action, subject=subject, details=known)


def report_of(db: Session, absence_id: uuid.UUID) -> AbsenceReport:
    """Return one absence.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = db.get(AbsenceReport, absence_id)
    if found is None:
        raise NotFoundError("There is no such absence.", problem="no_absence")
    return found


def absence_view(db: Session, absence_id: uuid.UUID) -> AbsenceView:
    """Return one absence with what belongs to it.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = db.execute(AbsenceFilter(absence_id=absence_id).query()).first()
    if row is None:
        raise NotFoundError("There is no such absence.", problem="no_absence")
    return AbsenceView(*row)


def absence_page(
    db: Session, which: AbsenceFilter, *, limit: int, offset: int
) -> tuple[list[AbsenceView], int]:
    """Return some absences and how many there are; the newest first, or the next one first."""
    days = (col(AbsenceReport.first_day), col(AbsenceReport.id))
    order = days if which.since is not None else [one.desc() for one in days]
    query = which.query()
    total = db.execute(
        sqlalchemy.select(func.count()).select_from(
            query.with_only_columns(col(AbsenceReport.id), maintain_column_froms=True).subquery()
        )
    ).scalar_one()
    rows = db.execute(query.order_by(*order).limit(limit).offset(offset))
    return [AbsenceView(*row) for row in rows], total


def absence_part(db: Session, which: AbsenceFilter, wanted: PartWanted) -> Part[AbsenceView]:
    """Return a part of the list, those entered last first."""
    part = read_part(db, which.query(), ORDER, wanted)
    return Part([AbsenceView(*row) for row in part.rows], part.total, part.last)


def reasons(db: Session, *, in_use: bool = False) -> list[AbsenceReason]:
    """Return the school's reasons in the order in which they were added."""
    query = select(AbsenceReason).order_by(col(AbsenceReason.added_at), col(AbsenceReason.id))
    if in_use:
        query = query.where(col(AbsenceReason.retired_at).is_(None))
    return list(db.exec(query))


def add_reason(db: Session, words: str, *, actor: str, at: datetime) -> AbsenceReason:
    """Add a reason.

    Raises:
        ConflictError: a reason in use has these words.
    """
    if any(one.words == words for one in reasons(db, in_use=True)):
        raise ConflictError("This reason is in the list already.", problem="absence_reason_taken")
    row = AbsenceReason(words=words, added_at=at)
    db.add(row)
    db.flush()
    record(db, actor=actor, action="reason.add", subject=f"reason:{row.id}")
    return row


def retire_reason(db: Session, reason_id: uuid.UUID, *, actor: str, at: datetime) -> AbsenceReason:
    """Offer a reason no longer; absences that have it keep it.

    Raises:
        NotFoundError: there is no such reason.
        ConflictError: no other reason would be left, or it is retired already.
    """
    row = _reason(db, reason_id)
    if row.retired_at is not None:
        raise ConflictError("This reason is no longer used.", problem="absence_reason_retired")
    if len(reasons(db, in_use=True)) == 1:
        raise ConflictError(
            "The list needs one reason. Add another one first.", problem="absence_reason_last"
        )
    row.retired_at = at
    db.add(row)
    db.flush()
    record(db, actor=actor, action="reason.retire", subject=f"reason:{row.id}")
    return row


def erase_texts(db: Session, person_id: uuid.UUID) -> int:
    """Delete attachments and free text about one person; return how many absences there were."""
    query = select(AbsenceReport.id).where(col(AbsenceReport.person_id) == person_id)
    ids = list(db.exec(query))
    _forget(db, ids)
    return len(ids)


def expire_texts(db: Session, today: date, *, at_a_time: int = 500) -> int:
    """Delete attachments and free text of absences that ended `KEPT` ago; returns how many."""
    texts = or_(
        col(AbsenceReport.note) != "",
        col(AbsenceReport.reported_by) != "",
        col(AbsenceReport.id).in_(
            select(AbsenceWithdrawal.report_id).where(col(AbsenceWithdrawal.reason) != ERASED)
        ),
        col(AbsenceReport.id).in_(select(AbsenceAttachment.report_id)),
    )
    query = select(AbsenceReport.id).where(col(AbsenceReport.last_day) < today - KEPT, texts)
    ids = list(db.exec(query.limit(at_a_time)))
    if ids:
        _forget(db, ids)
        details = {"absences": len(ids)}
        record(db, actor=SYSTEM, action="absence.expire", subject="absences", details=details)
    return len(ids)


def _forget(db: Session, ids: list[uuid.UUID]) -> None:
    db.exec(delete(AbsenceAttachment).where(col(AbsenceAttachment.report_id).in_(ids)))
    of_them = col(AbsenceReport.id).in_(ids)
    db.exec(update(AbsenceReport).where(of_them).values(note="", reported_by=""))
    withdrawn = col(AbsenceWithdrawal.report_id).in_(ids)
    db.exec(update(AbsenceWithdrawal).where(withdrawn).values(reason=ERASED))


def _reason(db: Session, reason_id: uuid.UUID) -> AbsenceReason:
    found = db.get(AbsenceReason, reason_id)
    if found is None:
        raise NotFoundError("There is no such reason.", problem="no_absence_reason")
    return found


def _check(new: AbsenceCreate, today: date) -> None:
    if new.last_day < new.first_day:
        raise InvalidError("The last day is before the first.", problem="order")
    if new.last_day - new.first_day > LONGEST:
        raise InvalidError("An absence lasts at most a year.", problem="absence_too_long")
    if max(abs(new.first_day - today), abs(new.last_day - today)) > FURTHEST:
        raise InvalidError("This date is more than 400 days away.", problem="far_away")
    has_times = new.from_time is not None or new.until_time is not None
    if has_times and new.first_day != new.last_day:
        raise InvalidError("Times need a single day.", problem="absence_times_days")
    if new.from_time is not None and new.until_time is not None and new.until_time <= new.from_time:
        raise InvalidError("The absence ends before it starts.", problem="absence_times_order")
