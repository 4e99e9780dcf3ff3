"""Confirm a register, and what changed since it was confirmed."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session

from server.attendance.codes.code_list import CodeList
from server.attendance.codes.service import codes_of
from server.attendance.confirmation_reads import ConfirmedRegister
from server.attendance.decisions.corrections import StaleLineError, has_begun, locked_register
from server.attendance.register import ATTENDED, AttendanceStatus
from server.attendance.service import Register, RegisterLine
from server.attendance.tables import RegisterConfirmation
from server.audit.service import record
from server.db.types import now
from server.errors import ConflictError


@dataclass(frozen=True)
class Unconfirmed:
    """The lines that a confirmation decides about, in the order of the register.

    Attributes:
        not_seen: every kiosk has reported, and none saw them; or the lesson is not over.
        waiting: a kiosk has not reported everything.
        doubtful: they have a scan of uncertain time, so a person should look first.
    """

    not_seen: tuple[RegisterLine, ...]
    waiting: tuple[RegisterLine, ...]
    doubtful: tuple[RegisterLine, ...]

    @property
    def lines(self) -> tuple[RegisterLine, ...]:
        """All of them."""
        return self.not_seen + self.waiting + self.doubtful


@dataclass(frozen=True)
class ChangedLine:
    """A line that says something else than when the register was confirmed.

    Attributes:
        before: what it said, see `CodeList.state_of`; None where there was no such line.
        line: what it says now; None where there is no such line any more.
    """

    person_id: uuid.UUID
    before: str | None
    line: RegisterLine | None


def unconfirmed(register: Register) -> Unconfirmed:
    """Return the lines of students who were not seen, by why that is."""
    lines = [one for one in register.lines if one.mark.is_open]
    doubtful = tuple(one for one in lines if one.mark.doubtful)
    waiting = tuple(
        one
        for one in lines
        if one.mark.status == AttendanceStatus.PENDING and not one.mark.doubtful
    )
    others = {one.person.id for one in doubtful + waiting}
    return Unconfirmed(
        tuple(one for one in lines if one.person.id not in others), waiting, doubtful
    )


def confirm(
    db: Session, lesson_id: uuid.UUID, *, named: Collection[uuid.UUID], made_by: uuid.UUID
) -> RegisterConfirmation:
    """Say that a register is right: students who were not seen were absent without excuse.

    A second tap changes nothing: where the newest confirmation says the same, it is returned.

    Args:
        db: the caller's.
        lesson_id: whose register.
        named: who was named as not seen when the person decided.
        made_by: the account.

    Raises:
        NotFoundError: there is no such lesson.
        ConflictError: the lesson is cancelled, or check-in has not begun.
        StaleLineError: others than the named ones are not seen by now.
    """
    register = locked_register(db, lesson_id)
    if not has_begun(register, now()):
        raise ConflictError("Check-in for this lesson has not begun.", problem="too_early")
    codes = codes_of(db)
    # Those with a correction or an excuse too: if it is taken back, they are absent, not undecided.
    unseen = {one.person.id for one in register.lines if one.mark.derived not in ATTENDED}
    before = _same(register, codes, unseen)
    if before and before.unseen.issuperset(named):
        return db.get_one(RegisterConfirmation, before.id)
    if {one.person.id for one in unconfirmed(register).lines} != set(named):
        raise StaleLineError(problem="stale")
    confirmation = RegisterConfirmation(
        lesson_id=lesson_id,
        unseen=sorted(str(one) for one in unseen),
        states=_states(register, codes),
        made_by=made_by,
        made_at=now(),
    )
    db.add(confirmation)
    record(
        db,
        actor=f"account:{made_by}",
        action="attendance.confirm",
        subject=f"lesson:{lesson_id}",
        details={"lines": len(register.lines), "students": sorted(str(one) for one in named)},
    )
    return confirmation


def changed_since(register: Register, codes: CodeList) -> tuple[ChangedLine, ...]:
    """Return the lines that changed since the register was confirmed; none where it was not."""
    if register.confirmation is None:
        return ()
    before = dict(register.confirmation.states)
    found = []
    for one in register.lines:
        was = before.pop(one.person.id, None)
        if was != codes.state_of(one.mark):
            found.append(ChangedLine(one.person.id, was, one))
    return (*found, *(ChangedLine(person, was, None) for person, was in before.items()))


def _same(
    register: Register, codes: CodeList, unseen: Collection[uuid.UUID]
) -> ConfirmedRegister | None:
    """Return the newest confirmation where a new one would say nothing else."""
    before = register.confirmation
    if before is None or before.unseen != unseen or unconfirmed(register).lines:
        return None
    return None if changed_since(register, codes) else before


def _states(register: Register, codes: CodeList) -> dict[str, str]:
    """Return what each line says once the register is confirmed."""
    absent = str(codes.default_of(AttendanceStatus.ABSENT).id)
    return {
        str(one.person.id): absent if one.mark.is_open else codes.state_of(one.mark)
        for one in register.lines
    }
