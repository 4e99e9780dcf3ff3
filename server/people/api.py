"""People: the JSON API. Consents are in enrollment.api, since ending one erases templates."""

import uuid
from typing import Annotated

from fastapi import Query
from sqlmodel import Session

from server.config import Settings
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.people import service
from server.people.consent import ConsentState
from server.people.schemas import LAST_OFFSET, PersonCreate, PersonList, PersonRead, PersonSearch
from server.people.search import find_people
from server.people.tables import Person
from server.web.access import OfficeDep, require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/people", tags=["people"])
ReaderDep = Annotated[Principal, require_role(Role.OFFICE, Role.DPO)]


@router.post("", status_code=201)
def create_person(body: PersonCreate, principal: OfficeDep, db: DBDep) -> PersonRead:
    """Add a person."""
    person = service.create_person(db, body, actor=principal.actor)
    return read_person(person, ConsentState.NONE)


@router.get("")
def list_people(
    _: ReaderDep,
    db: ReadDBDep,
    settings: SettingsDep,
    q: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=LAST_OFFSET)] = 0,
) -> PersonList:
    """People whose names or number contain every word of `q`.

    Addresses end up in the logs of proxies: where there is one, use `POST /people/search`.
    """
    return _find(db, settings, PersonSearch(q=q, limit=limit, offset=offset))


@router.post("/search")
def search_people(
    body: PersonSearch, _: ReaderDep, db: ReadDBDep, settings: SettingsDep
) -> PersonList:
    """The same, with the words in the body."""
    return _find(db, settings, body)


def _find(db: Session, settings: Settings, search: PersonSearch) -> PersonList:
    people, total = find_people(db, words=search.q, limit=search.limit, offset=search.offset)
    today = now().astimezone(settings.zone).date()
    states = service.states_of(db, [p.id for p in people], today)
    return PersonList(people=[read_person(p, states[p.id]) for p in people], total=total)


@router.get("/{person_id}")
def get_person(
    person_id: uuid.UUID,
    principal: ReaderDep,
    db: DBDep,
    settings: SettingsDep,
) -> PersonRead:
    """One person; the audit trail names who read it."""
    person = service.view_person(db, person_id, actor=principal.actor)
    today = now().astimezone(settings.zone).date()
    return read_person(person, service.state_of(db, person_id, today))


@router.patch("/{person_id}")
def change_person(
    person_id: uuid.UUID,
    body: PersonCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> PersonRead:
    """Change a person's names, student number and year of birth."""
    person = service.change_person(db, person_id, body, actor=principal.actor)
    today = now().astimezone(settings.zone).date()
    return read_person(person, service.state_of(db, person_id, today))


def read_person(person: Person, consent: ConsentState) -> PersonRead:
    """Shape a person for an answer."""
    return PersonRead(
        id=person.id,
        student_number=person.student_number,
        given_name=person.given_name,
        family_name=person.family_name,
        display_name=person.display_name,
        year_of_birth=person.year_of_birth,
        consent=consent,
        erased_at=person.erased_at,
    )
