"""Coverage is counted by the database: it must say what the rule says person by person."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session

from server.db.engine import Database
from server.db.types import now
from server.enrollment.coverage import Cover, SchoolCoverage
from server.enrollment.tables import Enrolment, MissingTemplate, Template
from server.networks.tables import ONLY, SchoolNetwork
from server.people.consent import ConsentState
from server.people.schemas import PersonCreate
from server.people.service import create_person, state_of
from server.people.tables import Consent, Person
from server.policies.schemas import EnrolmentPolicy
from server.timetable.local_time import midnight
from tests.support.examples import examples

pytestmark = pytest.mark.integration

ZONE = ZoneInfo("Asia/Kolkata")
TODAY = date(2026, 11, 27)
MORNING = midnight(TODAY, ZONE)
POLICY = EnrolmentPolicy(photos_wanted=2, renew_after_days=30)

_statement = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["student", "parent"]),
        "given_by": st.sampled_from(["Bo", " bo", "Al"]),  # the first two are one speaker
        "decision": st.sampled_from(["given", "given", "given", "refused"]),
        "decided_at": st.sampled_from([MORNING - timedelta(days=days) for days in (1, 2, 3)]),
        "expires_on": st.sampled_from([None, *(TODAY + timedelta(days=d) for d in (-1, 0, 1))]),
        "withdrawn_at": st.sampled_from([None, None, MORNING]),
    }
)
# What became of a photo for one network.
_outcome = st.sampled_from([None, "used", "used", "unchecked", "aside", "waiting", "refused"])
_photo = st.fixed_dictionaries(
    {
        "age": st.tuples(st.sampled_from([0, 28, 29, 30, 31]), st.sampled_from([-1, 0, 1])),
        "status": st.sampled_from(["accepted", "accepted", "pending"]),
        "a": _outcome,
        "b": _outcome,
    }
)
_person = st.tuples(st.lists(_statement, max_size=3), st.lists(_photo, max_size=3))
_networks = st.sampled_from([(None, None, False), ("a", None, False), ("a", "b", False)])
Drawn = tuple[list[dict[str, Any]], list[dict[str, Any]]]
Networks = tuple[str | None, str | None, bool]
BOTH_WAYS: list[dict[str, Any]] = [
    {"role": "parent", "given_by": who, "decision": "given", "expires_on": last}
    | {"decided_at": MORNING, "withdrawn_at": None}
    for who, last in (("Al", TODAY - timedelta(days=1)), ("Bo", None))
]
GOOD_PHOTO = {"age": (0, 0), "status": "accepted", "a": "used", "b": None}
#: Of the network that was in use before.
OTHER_PHOTO = GOOD_PHOTO | {"a": None, "b": "used"}


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """Nothing is committed."""
    with database.transaction() as db:
        yield db
        db.rollback()


@given(
    drawn=st.lists(_person, max_size=5),
    networks=_networks | st.just(("a", "b", True)),
)
@examples(40)
def test_counts_and_lines_say_what_the_rule_says(
    db: Session, drawn: list[Drawn], networks: Networks
) -> None:
    trial = db.begin_nested()
    _choose(db, networks)
    people = [_add(db, number, one) for number, one in enumerate(drawn)]
    covers = {
        person.id: _cover(photos, networks)
        for person, (_, photos) in zip(people, drawn, strict=True)
        if state_of(db, person.id, TODAY) is ConsentState.LIVE
    }
    coverage = SchoolCoverage(db, POLICY, today=TODAY, zone=ZONE)
    lines = coverage.lines(list(Cover), limit=50, offset=0)
    tally = coverage.tally()
    parts = {kind: coverage.lines([kind], limit=50, offset=0) for kind in Cover}
    trial.rollback()
    assert {line.person_id: line.cover for line in lines} == covers
    assert tally == dict.fromkeys(Cover, 0) | Counter(covers.values())
    assert {kind: len(part) for kind, part in parts.items()} == tally


@pytest.mark.parametrize("photo", [GOOD_PHOTO, OTHER_PHOTO], ids=["in use", "left behind"])
def test_no_statement_grows_with_the_people(
    database: Database, db: Session, monkeypatch: pytest.MonkeyPatch, photo: dict[str, Any]
) -> None:
    monkeypatch.setattr("server.people.service._AT_A_TIME", 4)
    _choose(db, ("a", None, False))
    most = []
    for first in (0, 10):
        for number in range(first, first + 10):
            _add(db, number, (BOTH_WAYS, [photo]))
        db.flush()
        with _Counting(database) as counting:
            coverage = SchoolCoverage(db, POLICY, today=TODAY, zone=ZONE)
            assert sum(coverage.tally().values()) == first + 10
            assert len(coverage.lines(list(Cover), limit=3, offset=0)) == 3
        most.append(counting.most)
    assert most[0] == most[1]


class _Counting:
    """The most parameters that a statement had meanwhile: databases take only so many."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self.most = 0

    def __enter__(self) -> "_Counting":
        event.listen(self._engine, "before_cursor_execute", self._count)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._count)

    def _count(self, *args: Any) -> None:
        self.most = max(self.most, len(args[3]))


def _choose(db: Session, networks: Networks) -> None:
    row = db.get_one(SchoolNetwork, ONLY)
    row.current, row.next, row.collects_scans = networks
    db.add(row)
    db.flush()


def _add(db: Session, number: int, drawn: Drawn) -> Person:
    new = PersonCreate(student_number=f"V{number}", given_name="G", family_name="F")
    person = create_person(db, new, actor="system")
    statements, photos = drawn
    for said in statements:
        db.add(Consent(person_id=person.id, text_version="v", recorded_by="system", **said))
    for photo in photos:
        _add_photo(db, person, photo)
    db.flush()
    return person


def _add_photo(db: Session, person: Person, photo: dict[str, Any]) -> None:
    enrolment = Enrolment(
        person_id=person.id,
        status=photo["status"],
        correlation_id="c",
        created_by="system",
        created_at=_taken_at(photo),
    )
    db.add(enrolment)
    db.flush()
    for model in ("a", "b"):
        outcome = photo[model]
        if outcome in ("waiting", "refused"):
            reason = "no_face" if outcome == "refused" else None
            row = MissingTemplate(enrolment_id=enrolment.id, model_id=model, reason=reason)
            db.add(row)
        elif outcome is not None:
            db.add(_template(enrolment, model, outcome))


def _template(enrolment: Enrolment, model: str, outcome: str) -> Template:
    return Template(
        person_id=enrolment.person_id,
        enrolment_id=enrolment.id,
        model_id=model,
        dimension=1,
        key_id="k",
        data=b"",
        set_aside_reason="duplicate" if outcome == "aside" else None,
        checked_at=None if outcome == "unchecked" else now(),
    )


def _taken_at(photo: dict[str, Any]) -> datetime:
    days, minutes = photo["age"]
    return MORNING - timedelta(days=days) + timedelta(minutes=minutes)


def _cover(photos: list[dict[str, Any]], networks: Networks) -> Cover:
    """The rule, in plain words of the policy."""
    if _needs_photo(photos, networks):
        return Cover.RENEW
    models = "ab" if networks[0] is None else networks[0]
    used = [photo for photo in photos if any(photo[model] == "used" for model in models)]
    if not used:
        return Cover.MISSING
    newest = max(_taken_at(photo) for photo in used).astimezone(ZONE).date()
    if (TODAY - newest).days >= POLICY.renew_after_days:
        return Cover.OLD
    return Cover.WEAK if len(used) < POLICY.photos_wanted else Cover.READY


def _needs_photo(photos: list[dict[str, Any]], networks: Networks) -> bool:
    current, coming, collects = networks
    made, refused = (
        {model for photo in photos for model in "ab" if photo[model] in outcomes}
        for outcomes in (("used", "unchecked", "aside"), ("refused",))
    )
    if refused - made - ({coming} if collects else set()):
        return True
    if current is None or not made or current in made:
        return False
    return not any(photo[current] == "waiting" for photo in photos)
