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
from server.people.schemas import PersonCreate, PersonList, PersonRead, PersonSearch
from server.people.search import ORDER, people_part
from server.people.tables import Person
from server.web.access import OfficeDep, require_role
from server.web.cursors import ListQuery, ListQueryDep
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep

router = GuardedRouter(prefix="/api/v1/people", tags=["people"])
_LIST = "people"
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
    asked: ListQueryDep,
    q: Annotated[str, Query(max_length=100)] = "",
) -> PersonList:
    """People by name; with `q` those whose names or number contain every word of it.

    Addresses end up in the logs of proxies: where there is one, use `POST /people/search`.
    """
    return _part(db, settings, q, asked)


@router.post("/search")
def search_people(
    body: PersonSearch, _: ReaderDep, db: ReadDBDep, settings: SettingsDep, vault: VaultDep
) -> PersonList:
    """The same, with the words in the body."""
    return _part(db, settings, body.q, ListQuery(vault, body.limit, body.cursor))


def _part(db: Session, settings: Settings, words: str, asked: ListQuery) -> PersonList:
    part = people_part(db, words, asked.wanted(_LIST, ORDER))
    people = [person for (person,) in part.rows]
    today = now().astimezone(settings.zone).date()
    states = service.states_of(db, [p.id for p in people], today)
    return PersonList(
        people=[read_person(p, states[p.id]) for p in people],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


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
