"""Find everybody with a live consent in the database, without a look at each person."""

from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, func, or_
from sqlmodel import Session

from server.db.prepared import Prepared, table_of
from server.people.consent import ConsentState
from server.people.service import states_of
from server.people.tables import Consent, ConsentDecision, ConsentRole

_said = table_of(Consent)
_newer = _said.alias("newer")
_today: BindParameter[Any] = bindparam("today", type_=_said.c.expires_on.type)
#: Written into the statement: a database takes only so many parameters.
_denied: BindParameter[Any] = bindparam(
    "denied", type_=_said.c.person_id.type, expanding=True, literal_execute=True
)
_is_good = and_(
    _said.c.decision == ConsentDecision.GIVEN.value,
    _said.c.withdrawn_at.is_(None),
    or_(_said.c.expires_on.is_(None), _said.c.expires_on >= _today),
)
_is_same_speaker = and_(
    _newer.c.role == _said.c.role,
    or_(_said.c.role == ConsentRole.STUDENT.value, _newer.c.given_by == _said.c.given_by),
)
#: A consent that the same speaker gave again is replaced, for example an expired one.
_is_replaced = exists().where(
    _newer.c.person_id == _said.c.person_id,
    _is_same_speaker,
    _newer.c.decided_at > _said.c.decided_at,
)
_against = sqlalchemy.select(_said.c.person_id).where(~_is_good, ~_is_replaced).correlate(None)
_BOTH = Prepared(
    sqlalchemy.select(_said.c.person_id).where(_is_good, _said.c.person_id.in_(_against))
)
_COUNT = Prepared(sqlalchemy.select(func.count(_said.c.person_id.distinct())).where(_is_good))


def has_live_consent(person_id: Any) -> ColumnElement[bool]:
    """Return the condition that the person in a column has one, with `LiveConsents.values`."""
    return and_(exists().where(_said.c.person_id == person_id, _is_good), person_id.not_in(_denied))


class LiveConsents:
    """Who has a live consent; see `consent.consent_state`.

    A person with a consent in force, and with nothing else that still stands, has one. Of those
    with both the rule itself decides; they are few.

    Args:
        db: the caller's.
        today: the school's date.

    Attributes:
        values: what the condition `has_live_consent` needs.
    """

    def __init__(self, db: Session, today: date) -> None:
        self._db = db
        states = states_of(db, set(_BOTH.values(db, today=today)), today)
        denied = [key for key, state in states.items() if state is not ConsentState.LIVE]
        self.values: dict[str, Any] = {"today": today, "denied": denied}

    def count(self) -> int:
        """How many people have one."""
        people: int = _COUNT.values(self._db, today=self.values["today"])[0]
        return people - len(self.values["denied"])
