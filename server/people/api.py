"""People: the JSON API. Consents are in enrollment.api, since ending one erases templates."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query
from sqlmodel import Session

from server.config import Settings
from server.db.session import ReadSessionDep, SessionDep
from server.db.types import now
from server.people import service
from server.people.consent import ConsentState
from server.people.schemas import LAST_OFFSET, PersonCreate, PersonList, PersonRead, PersonSearch
from server.people.tables import Person
from server.web.access import OfficeDep, require_role
from server.web.principal import Principal, Role
from server.web.state import SettingsDep

router = APIRouter(prefix="/api/v1/people", tags=["people"])
ReaderDep = Annotated[Principal, require_role(Role.OFFICE, Role.DPO)]


@router.post("", status_code=201)
def create_person(body: PersonCreate, principal: OfficeDep, session: SessionDep) -> PersonRead:
    """Add a person."""
    person = service.create_person(session, body, actor=principal.actor)
    return read_person(person, ConsentState.NONE)


@router.get("")
def find_people(
    _: ReaderDep,
    session: ReadSessionDep,
    settings: SettingsDep,
    q: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=LAST_OFFSET)] = 0,
) -> PersonList:
    """People whose names or number contain every word of `q`.

    Addresses end up in the logs of proxies: where there is one, use `POST /people/search`.
    """
    return _find(session, settings, PersonSearch(q=q, limit=limit, offset=offset))


@router.post("/search")
def search_people(
    body: PersonSearch, _: ReaderDep, session: ReadSessionDep, settings: SettingsDep
) -> PersonList:
    """The same, with the words in the body."""
    return _find(session, settings, body)


def _find(session: Session, settings: Settings, search: PersonSearch) -> PersonList:
    people, total = service.find_people(
        session, words=search.q, limit=search.limit, offset=search.offset
    )
    today = now().astimezone(settings.zone).date()
    states = service.states_of(session, [p.id for p in people], today)
    return PersonList(people=[read_person(p, states[p.id]) for p in people], total=total)


@router.get("/{person_id}")
def get_person(
    person_id: uuid.UUID,
    _: ReaderDep,
    session: ReadSessionDep,
    settings: SettingsDep,
) -> PersonRead:
    """One person."""
    person = service.get_person(session, person_id)
    today = now().astimezone(settings.zone).date()
    return read_person(person, service.state_of(session, person_id, today))


def read_person(person: Person, consent: ConsentState) -> PersonRead:
    """Shape a person for an answer."""
    return PersonRead(
        id=person.id,
        student_number=person.student_number,
        given_name=person.given_name,
        family_name=person.family_name,
        display_name=person.display_name,
        consent=consent,
    )
