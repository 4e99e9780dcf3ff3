"""Find everybody with a live consent in the database, without a look at each person."""

from datetime import date
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, exists, func, or_, select

from server.people.consent import ConsentState
from server.people.service import states_of
from server.people.tables import Consent, ConsentDecision, ConsentRole


class LiveConsents:
    """Who has a live consent; see `consent.consent_state`.

    A person with a consent in force, and with nothing else that still stands, has one. Of those
    with both the rule itself decides; they are few.

    Args:
        db: the caller's.
        today: the school's date.
    """

    def __init__(self, db: Session, today: date) -> None:
        self._db = db
        self._good = _is_good(today)
        # A consent that the same speaker gave again is replaced, for example an expired one.
        bad = and_(~self._good, ~_is_replaced())
        against = select(Consent.person_id).where(bad).correlate(None)
        both = select(Consent.person_id).where(self._good, col(Consent.person_id).in_(against))
        states = states_of(db, set(db.exec(both)), today)
        self._denied = [key for key, state in states.items() if state is not ConsentState.LIVE]
        # Written into the statement: a database takes only so many parameters.
        self._others: BindParameter[Any] = bindparam(
            "denied", self._denied, expanding=True, literal_execute=True
        )

    def of(self, person_id: Any) -> ColumnElement[bool]:
        """Return the condition that the person in a column has one."""
        has_good = exists().where(col(Consent.person_id) == person_id, self._good)
        return and_(has_good, person_id.not_in(self._others))

    def count(self) -> int:
        """How many people have one."""
        people = func.count(col(Consent.person_id).distinct())
        return self._db.exec(select(people).where(self._good)).one() - len(self._denied)


def _is_replaced() -> ColumnElement[bool]:
    newer = aliased(Consent)
    is_same_speaker = and_(
        col(newer.role) == col(Consent.role),
        or_(
            col(Consent.role) == ConsentRole.STUDENT.value,
            col(newer.given_by) == col(Consent.given_by),
        ),
    )
    return exists().where(
        col(newer.person_id) == col(Consent.person_id),
        is_same_speaker,
        col(newer.decided_at) > col(Consent.decided_at),
    )


def _is_good(today: date) -> ColumnElement[bool]:
    expires_on = col(Consent.expires_on)
    return and_(
        col(Consent.decision) == ConsentDecision.GIVEN.value,
        col(Consent.withdrawn_at).is_(None),
        or_(expires_on.is_(None), expires_on >= today),
    )
