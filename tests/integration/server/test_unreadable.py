"""Rows that cannot be decrypted: everything else goes on, and the admin is told."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.enrollment.kinds import COMPARE, ENCODE
from server.enrollment.problems import unreadable_sentences
from server.enrollment.tables import EnrolmentPhoto, Template
from server.jobs import service as jobs
from server.jobs.service import MAX_ATTEMPTS
from server.web.principal import Role
from server.web.translations import translator
from tests.fakes.encoder import FakeEncoder
from tests.support.enrolling import GIVEN, end_waiting, enrol, jobs_of, outcome
from tests.support.networks import set_networks
from tests.support.services import replace_services
from tests.support.stepping import SteppedWorkers

SignIn = Callable[[Role], TestClient]


@pytest.fixture
def other_id(office: TestClient) -> str:
    """Another person with consent."""
    body = {"student_number": "S-2", "given_name": "Other", "family_name": "One"}
    other: str = office.post("/api/v1/people", json=body).json()["id"]
    office.post(f"/api/v1/people/{other}/consents", json=GIVEN)
    return other


def lose_key(database: Database, table: type[Any]) -> None:
    """Make every row look as if it was sealed with a key that is gone."""
    with database.transaction() as db:
        for row in db.exec(select(table)):
            row.key_id = "k2"


def damage(database: Database, table: type[Any]) -> None:
    with database.transaction() as db:
        for row in db.exec(select(table)):
            row.data = row.data[:-1] + bytes([row.data[-1] ^ 1])


@pytest.mark.parametrize("spoil", [lose_key, damage])
def test_unreadable_photo_waits_and_the_next_one_is_processed(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Database, type[Any]], None],
) -> None:
    caplog.set_level(logging.WARNING)
    first = enrol(office, person_id)
    spoil(database, EnrolmentPhoto)
    second = enrol(office, person_id)
    while worker.run_one():
        pass
    for _ in range(2 * MAX_ATTEMPTS):
        end_waiting(database)
        worker.run_one()
    assert outcome(office, second)["status"] == "accepted"
    found = outcome(office, first)
    assert (found["status"], found["reason"]) == ("pending", "UNREADABLE")
    assert caplog.text.count("photo unreadable") == 1, "warned once"
    assert [job.state for job in jobs_of(database, ENCODE)] == ["waiting"]


@pytest.mark.parametrize(
    ("spoil", "waits"),
    [(lose_key, ["UNREADABLE"]), (damage, [])],
    ids=["key lost, asked again tomorrow", "damaged"],
)
def test_unreadable_template_of_another_person_is_left_out_of_the_check(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    other_id: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    spoil: Callable[[Database, type[Any]], None],
    waits: list[str],
) -> None:
    enrol(office, person_id)
    worker.run_one()
    worker.check_one()
    spoil(database, Template)
    enrol(office, other_id)
    worker.run_one()
    assert worker.check_one()
    assert encoder.questions[-1].others == {}
    assert [job.last_reason for job in jobs_of(database, COMPARE)] == waits
    assert not worker.check_one()


def test_check_of_a_person_whose_templates_cannot_be_read_waits_for_the_key(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    lose_key(database, Template)
    for _ in range(2 * MAX_ATTEMPTS):
        worker.check_one()
        end_waiting(database)
    [job] = jobs_of(database, COMPARE)
    assert (job.state, job.attempts, job.last_reason) == ("waiting", 0, "UNREADABLE")


def test_person_with_one_readable_template_is_compared_again_when_the_key_is_back(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    with database.transaction() as db:
        first = db.exec(select(Template)).one()
        key_id, first.key_id = first.key_id, "k2"
    enrol(office, person_id)
    worker.run_one()
    assert worker.check_one()
    with database.transaction() as db:
        states = {one.id: one.checked_at is not None for one in db.exec(select(Template))}
        db.get_one(Template, first.id).key_id = key_id
    assert states[first.id] is False
    assert sorted(states.values()) == [False, True], "the readable one went out"
    end_waiting(database)
    assert worker.check_one()
    with database.reading() as db:
        assert all(one.checked_at is not None for one in db.exec(select(Template)))
    assert jobs_of(database, COMPARE) == []


def test_template_that_missed_its_check_gets_one(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    with database.transaction() as db:
        jobs.forget_subject(db, f"person:{person_id}", [COMPARE])
    assert worker.upkeep.request_checks() == 1
    assert worker.upkeep.request_checks() == 0
    assert worker.check_one()
    assert worker.upkeep.request_checks() == 0
    with database.reading() as db:
        assert db.exec(select(Template)).one().checked_at is not None


def test_unreadable_photo_does_not_stop_the_backfill(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    lose_key(database, EnrolmentPhoto)
    enrol(office, person_id)
    worker.run_one()
    encoder.offers = (*encoder.offers, "m2")
    set_networks(database, encoder.offers[0], "m2")
    assert worker.find_missing() == 2
    seen = len(encoder.photos)
    assert worker.add_one()
    assert worker.add_one()
    assert len(encoder.photos) == seen + 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lose_key, "2 templates cannot be read: key k2 is missing."),
        (damage, "2 templates are damaged."),
    ],
)
def test_admin_is_told_on_the_first_page_and_by_health(
    app: FastAPI,
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
    spoil: Callable[[Database, type[Any]], None],
    words: str,
) -> None:
    for _ in range(2):
        enrol(office, person_id)
        worker.run_one()
    spoil(database, Template)
    worker.check_one()
    replace_services(app, unreadable=lambda t: unreadable_sentences(worker.upkeep.unreadable(), t))
    worker.upkeep.take_inventory()
    admin = sign_in(Role.ADMIN)
    assert words in admin.get("/").text
    assert words in admin.get("/jobs").text
    assert words in str(admin.get("/health").json()["unreadable"])
    with database.transaction() as db:
        for template in db.exec(select(Template)):
            db.delete(template)
    worker.upkeep.take_inventory()
    assert words not in admin.get("/").text


def test_every_sentence_about_unreadable_rows_exists_in_every_language() -> None:
    for language in ("en", "ar"):
        for what in ("templates", "photos", "kiosks"):
            for reason in ("key_missing", "damaged"):
                for number in ("", "_one"):
                    key = f"recognition.unreadable.{what}_{reason}{number}"
                    assert translator(language)(key, count=1, name="k2")
