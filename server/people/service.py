"""People, and what was consented to."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, select

from server.audit.service import record
from server.audit.tables import subject_of
from server.changes.service import note_people
from server.db.prepared import Prepared, several, table_of
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.consent import ConsentState, Statement, consent_state
from server.people.folding import comparable_number
from server.people.keys import keys_of
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.tables import Consent, Person

#: Ids in one query: databases take only so many parameters.
_AT_A_TIME = 10_000
#: Stands for each name of a person whose data was erased.
ERASED_NAME = "Erased person"
#: What a change that leaves them out does not touch.
_KEPT = ("given_name", "family_name", "year_of_birth")
#: Columns, not rows of the table: everybody's are asked for at times, and objects cost more.
_CONSENTS = table_of(Consent)
_SAID = Prepared(
    sqlalchemy.select(
        _CONSENTS.c.person_id, *(_CONSENTS.c[one.name] for one in fields(Statement))
    ).where(_CONSENTS.c.person_id.in_(several("people")))
)


def create_person(db: Session, new: PersonCreate, *, actor: str) -> Person:
    """Add a person.

    Raises:
        ConflictError: another person has this student number.
    """
    _refuse_taken_number(db, new.student_number)
    person = Person(**_columns(new), search_text="", sort_key=b"")
    _set_keys(db, person)
    db.add(person)
    db.flush()
    record(db, actor=actor, action="person.create", subject=subject_of("person", person.id))
    return person


def change_person(db: Session, person_id: uuid.UUID, new: PersonCreate, *, actor: str) -> Person:
    """Change a person; the audit trail names the fields that changed, not their values.

    A name or year of birth that the change does not name stays.

    Raises:
        NotFoundError: no such person.
        InvalidError: the person's data was erased.
        ConflictError: another person has this student number.
    """
    person = get_person(db, person_id, lock=True)
    if person.erased_at is not None:
        raise InvalidError("The data of this person was erased.", problem="erased")
    if comparable_number(person.student_number) == new.student_number:
        # It did not change; an upgrade may have kept it as it was typed, where another has it too.
        new = new.model_copy(update={"student_number": person.student_number})
    else:
        _refuse_taken_number(db, new.student_number, besides=person_id)
    kept = {name: getattr(person, name) for name in _KEPT if name not in new.model_fields_set}
    wanted = _columns(new.model_copy(update=kept))
    changed = {name: value for name, value in wanted.items() if getattr(person, name) != value}
    if not changed:
        return person
    for name, value in changed.items():
        setattr(person, name, value)
    _set_keys(db, person)
    db.add(person)
    db.flush()
    note_people(db, person_id)
    details = {"fields": sorted(changed)}
    subject = subject_of("person", person_id)
    record(db, actor=actor, action="person.change", subject=subject, details=details)
    return person


def get_person(db: Session, person_id: uuid.UUID, *, lock: bool = False) -> Person:
    """Return one person.

    Args:
        db: the caller's.
        person_id: the person's id.
        lock: lock the row until the end of the transaction; required before a decision about the
            person's consent or biometric data.

    Raises:
        NotFoundError: no such person.
    """
    person = db.get(Person, person_id, with_for_update=lock or None)
    if person is None:
        raise NotFoundError("There is no such person.", problem="no_person")
    return person


def view_person(db: Session, person_id: uuid.UUID, *, actor: str) -> Person:
    """Return one person to an account that reads their data; the audit trail names it.

    Raises:
        NotFoundError: no such person.
    """
    person = get_person(db, person_id)
    record(db, actor=actor, action="person.view", subject=subject_of("person", person_id))
    return person


def refuse_erased(person: Person) -> None:
    """Raise an error for a person whose data was erased.

    Raises:
        ConflictError: it was.
    """
    if person.erased_at is not None:
        raise ConflictError("The data of this person was erased.", problem="erased")


def erase_identity(db: Session, person: Person, *, at: datetime) -> None:
    """Replace names and number by ones that say nothing; delete year of birth and consents.

    The number ends with the random digits of the id: its first ones are a time, which people who
    were imported together share.
    """
    person.given_name = person.family_name = person.display_name = ERASED_NAME
    person.student_number = f"erased-{person.id.hex[-12:]}"
    person.year_of_birth = None
    _set_keys(db, person)
    person.erased_at = at
    note_people(db, person.id)
    db.add(person)
    db.exec(delete(Consent).where(col(Consent.person_id) == person.id))
    db.flush()


def people_by_id(db: Session, person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Person]:
    """Return the people that exist among these ids."""
    found = db.exec(select(Person).where(col(Person.id).in_(person_ids)))
    return {person.id: person for person in found}


def years_of_birth(db: Session, person_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int | None]:
    """Return the year of birth of each of these people, None where nobody entered it."""
    found: dict[uuid.UUID, int | None] = {}
    wanted = list(person_ids)
    for start in range(0, len(wanted), _AT_A_TIME):
        part = wanted[start : start + _AT_A_TIME]
        query = select(Person.id, Person.year_of_birth).where(col(Person.id).in_(part))
        found |= dict(db.exec(query).all())
    return found


def years_fingerprint(db: Session) -> str:
    """Return a text that changes when a year of birth is entered, changed or removed."""
    return years_text(*db.exec(select(*years_counters())).one())


def years_counters() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """How many years of birth are known, and their sum; part of a larger query."""
    born = col(Person.year_of_birth)
    return select(func.count(born)).scalar_subquery(), select(func.sum(born)).scalar_subquery()


def years_text(count: int, total: int | None) -> str:
    """Return `years_fingerprint` of these counters."""
    return f"{count}-{total or 0}"


def _columns(new: PersonCreate) -> dict[str, Any]:
    return {
        "student_number": new.student_number,
        "given_name": new.given_name,
        "family_name": new.family_name,
        "display_name": new.display_name or full_name(new.given_name, new.family_name),
        "year_of_birth": new.year_of_birth,
    }


def full_name(given_name: str, family_name: str) -> str:
    """Return both names, or the one that there is."""
    return f"{given_name} {family_name}".strip()


def _set_keys(db: Session, person: Person) -> None:
    keys = keys_of(db, person)
    person.search_text, person.sort_key = keys.search_text, keys.sort_key


def _refuse_taken_number(db: Session, number: str, *, besides: uuid.UUID | None = None) -> None:
    found = db.exec(select(Person).where(Person.student_number == number)).first()
    if found is not None and found.id != besides:
        raise ConflictError(
            "Another person has this student number already.", problem="student_number_taken"
        )


def add_consent(
    db: Session,
    person_id: uuid.UUID,
    new: ConsentCreate,
    *,
    actor: str,
    at: datetime,
    today: date,
) -> Consent:
    """Record a decision about consent. Callers that end consent also erase: see enrollment.service.

    Args:
        db: the caller's.
        person_id: the person that the decision is about.
        new: the decision.
        actor: who records it.
        at: now, UTC.
        today: the school's date.

    Raises:
        NotFoundError: no such person.
        InvalidError: the consent would already be expired.
        ConflictError: the person was erased.
    """
    refuse_erased(get_person(db, person_id, lock=True))
    if new.expires_on is not None and new.expires_on < today:
        raise InvalidError("The consent would have expired already.", problem="expired")
    consent = Consent(
        person_id=person_id,
        role=new.role.value,
        given_by=new.given_by,
        decision=new.decision.value,
        text_version=new.text_version,
        decided_at=at,
        expires_on=new.expires_on,
        recorded_by=actor,
    )
    db.add(consent)
    db.flush()
    note_people(db, person_id)
    details = {"role": consent.role, "decision": consent.decision, "consent": str(consent.id)}
    subject = subject_of("person", person_id)
    record(db, actor=actor, action="consent.record", subject=subject, details=details)
    return consent


def end_consent(
    db: Session, person_id: uuid.UUID, consent_id: uuid.UUID, *, actor: str, at: datetime
) -> Consent:
    """Take a statement back. Repeating it changes nothing.

    Raises:
        NotFoundError: no such person, or no such statement about them.
    """
    get_person(db, person_id, lock=True)
    consent = db.get(Consent, consent_id)
    if consent is None or consent.person_id != person_id:
        raise NotFoundError("There is no such consent.", problem="no_consent")
    if consent.withdrawn_at is None:
        consent.withdrawn_at = at
        db.flush()
        note_people(db, person_id)
        details = {"consent": str(consent.id)}
        subject = subject_of("person", person_id)
        record(db, actor=actor, action="consent.withdraw", subject=subject, details=details)
    return consent


def consents_of(db: Session, person_id: uuid.UUID) -> list[Consent]:
    """Everything that was said about a person, newest first."""
    query = select(Consent).where(Consent.person_id == person_id)
    return list(db.exec(query.order_by(col(Consent.decided_at).desc(), col(Consent.id))))


def state_of(db: Session, person_id: uuid.UUID, today: date) -> ConsentState:
    """Whether a person's face may be processed on this date."""
    return states_of(db, [person_id], today)[person_id]


def states_of(
    db: Session, person_ids: Collection[uuid.UUID], today: date
) -> dict[uuid.UUID, ConsentState]:
    """The same for several people, in few queries."""
    said: dict[uuid.UUID, list[Statement]] = defaultdict(list)
    wanted = list(person_ids)
    for start in range(0, len(wanted), _AT_A_TIME):
        part = wanted[start : start + _AT_A_TIME]
        for person_id, *said_so in _SAID.rows(db, people=part):
            said[person_id].append(Statement(*said_so))
    return {key: consent_state(said[key], today) for key in person_ids}
