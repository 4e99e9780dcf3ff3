"""The database finds the same people with a live consent as the rule of consent does."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from server.db.engine import Database
from server.db.types import now
from server.people.consent import ConsentState
from server.people.live_consents import LiveConsents, has_live_consent
from server.people.schemas import PersonCreate
from server.people.service import create_person, states_of
from server.people.tables import Consent, Person
from tests.support.examples import examples

pytestmark = pytest.mark.integration

TODAY = now().date()
_days = st.sampled_from([None, -1, 0, 1])
_consents = st.tuples(
    st.integers(0, 2),  # the person
    st.sampled_from(["student", "parent"]),
    st.sampled_from(["Ada", "ada", "Ben"]),  # the first two are one speaker
    st.sampled_from(["given", "given", "given", "refused"]),
    st.integers(0, 3),  # when
    _days,
    st.booleans(),
)


@pytest.fixture
def people(database: Database) -> Iterator[tuple[Session, list[uuid.UUID]]]:
    """Three people; nothing is committed."""
    with database.transaction() as db:
        made = [
            PersonCreate(student_number=f"C{number}", given_name="G", family_name="F")
            for number in range(3)
        ]
        yield db, [create_person(db, one, actor="system").id for one in made]
        db.rollback()


@given(drawn=st.lists(_consents, max_size=7))
@examples(40)
def test_the_same_people_are_found(
    people: tuple[Session, list[uuid.UUID]], drawn: list[tuple[object, ...]]
) -> None:
    db, ids = people
    trial = db.begin_nested()
    for person, role, given_by, decision, minute, days, is_withdrawn in drawn:
        at = now() - timedelta(days=9, minutes=-int(str(minute)))
        said = Consent(
            person_id=ids[int(str(person))],
            role=str(role),
            given_by=str(given_by),
            decision=str(decision),
            text_version="v",
            decided_at=at.replace(second=0, microsecond=0),
            expires_on=None if days is None else TODAY + timedelta(days=int(str(days))),
            withdrawn_at=at if is_withdrawn else None,
            recorded_by="system",
        )
        db.add(said)
    db.flush()
    states = states_of(db, ids, TODAY)
    expected = {key for key in ids if states[key] is ConsentState.LIVE}
    live = LiveConsents(db, TODAY)
    of_these = col(Person.id).in_(ids)
    query = select(Person.id).where(of_these, has_live_consent(col(Person.id)))
    found = set(db.execute(query, live.values).scalars())
    count = live.count()
    trial.rollback()
    assert (found, count) == (expected, len(expected))
