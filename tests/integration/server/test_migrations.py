"""What migrations do with the rows that are there."""

import uuid

from alembic import command
from fastapi import FastAPI
from sqlmodel import col, select, update

from protocol.v1.checkin import HolderKind
from server.accounts.tables import Account
from server.credentials.service import HolderRef, issue_pin, make_link
from server.credentials.tables import OwnLink, Pin
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment.gallery import open_template, store_template
from server.enrollment.kinds import COMPARE
from server.enrollment.tables import Enrolment, EnrolmentStatus, Template
from server.jobs import service as jobs
from server.migrations import runner
from server.people.tables import Person
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.encoder import TEMPLATE
from tests.integration.server.conftest import SignIn


def _enrolled(database: Database, vault: Vault) -> uuid.UUID:
    with database.transaction() as db:
        person = Person(
            student_number="S-1",
            given_name="A",
            family_name="B",
            display_name="A B",
            search_text="",
            sort_key=b"",
        )
        db.add(person)
        db.flush()
        enrolment = Enrolment(
            person_id=person.id,
            status=EnrolmentStatus.ACCEPTED,
            correlation_id="test",
            created_by="system",
        )
        db.add(enrolment)
        db.flush()
        for _ in range(2):
            store_template(db, vault, enrolment, TEMPLATE, now())
        return person.id


def _migrate(database: Database, revision: str) -> None:
    with runner._exclusive_connection(database) as connection:
        move = command.upgrade if revision == "head" else command.downgrade
        move(runner._config(connection), revision)


def test_accounts_that_take_no_roll_lose_what_they_have(
    database: Database, app: FastAPI, sign_in: SignIn
) -> None:
    vault = services_of(app).vault
    accounts = {}
    for role in (Role.TEACHER, Role.OFFICE):
        account = sign_in(role).get("/api/v1/sign-in").json()["account_id"]
        accounts[role] = HolderRef(HolderKind.STAFF, uuid.UUID(account))
        with database.transaction() as db:
            issue_pin(db, vault, accounts[role], actor="system")
            make_link(db, accounts[role], actor="system")
    _migrate(database, "0024")
    with database.transaction() as db:
        office = col(Account.id) == accounts[Role.OFFICE].id
        db.exec(update(Account).where(office).values(is_active=False))
    _migrate(database, "head")
    with database.reading() as db:
        left = accounts[Role.TEACHER].id
        assert [one.holder_id for one in db.exec(select(Pin))] == [left]
        assert [one.holder_id for one in db.exec(select(OwnLink))] == [left]


def test_whoever_is_enrolled_already_is_compared_once(database: Database, app: FastAPI) -> None:
    vault: Vault = services_of(app).vault
    person_id = _enrolled(database, vault)
    _migrate(database, "0004")
    _migrate(database, "head")
    runner.check(database)
    with database.reading() as db:
        queued = jobs.of_kind(db, COMPARE)
        assert [job.about for job in queued] == [
            {"person": str(person_id), "model": TEMPLATE.model_id}
        ]
        assert (queued[0].state, queued[0].attempts) == ("waiting", 0)
        kept = db.exec(select(Template)).all()
        assert [one.set_aside_reason for one in kept] == [None, None]
        assert all(one.checked_at is not None for one in kept), "kiosks may hold them already"
        assert len(open_template(vault, kept[0])) == 128
