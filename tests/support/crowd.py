"""Many enrolled people at once, without photos: for measurements of a whole school."""

import uuid
from itertools import count
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment.gallery import log_change, store_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.service import add_consent, create_person
from server.people.tables import ConsentRole
from tests.fakes.encoder import TEMPLATE
from tests.support.planning import BERLIN

CONSENT = ConsentCreate(given_by="A Parent", role=ConsentRole.PARENT, text_version="1")
_numbers = count(1)


class Crowd:
    """Adds people with a consent and a template."""

    def __init__(self, database: Database, vault: Vault, zone: ZoneInfo = BERLIN) -> None:
        self._database = database
        self._vault = vault
        self._zone = zone

    def add(self, people: int, year_of_birth: int | None = None) -> list[uuid.UUID]:
        """Enrol so many people; returns their ids."""
        with self._database.transaction() as db:
            return [self._person(db, year_of_birth) for _ in range(people)]

    def _person(self, db: Session, year_of_birth: int | None) -> uuid.UUID:
        number = next(_numbers)
        new = PersonCreate(
            student_number=f"C{number}",
            given_name=f"Given{number}",
            family_name="Crowd",
            year_of_birth=year_of_birth,
        )
        person_id = create_person(db, new, actor="system").id
        at = now()
        today = at.astimezone(self._zone).date()
        add_consent(db, person_id, CONSENT, actor="system", at=at, today=today)
        enrolment = Enrolment(
            person_id=person_id,
            status=EnrolmentStatus.ACCEPTED,
            correlation_id="crowd",
            created_by="system",
        )
        db.add(enrolment)
        db.flush()
        template = store_template(db, self._vault, enrolment, TEMPLATE, at)
        template.checked_at = at
        log_change(db, template, ChangeKind.UPSERT, at)
        return person_id
