"""A change of network: templates are made from kept photos, or pages say a photo is needed."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.enrollment.tables import EnrolmentPhoto, MissingTemplate, Template
from server.jobs.service import MAX_ATTEMPTS
from server.jobs.tables import Job
from server.ml.encoder import FaceEncoded, FaceRefused, FaceTemplate
from tests.fakes.encoder import ENCODED, TEMPLATE, FakeEncoder
from tests.support.enrolling import count, end_waiting, enrol, jobs_of
from tests.support.networks import set_networks
from tests.support.stepping import SteppedWorkers

FURTHER = FaceTemplate("m2", (1.0, 0.0))


@pytest.fixture
def photo(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> str:
    """An accepted photo; then the school changes to a further model."""
    enrolment: str = enrol(office, person_id)["id"]
    worker.run_one()
    worker.check_one()
    encoder.offers = (TEMPLATE.model_id, FURTHER.model_id)
    encoder.outcome = FaceEncoded((TEMPLATE, FURTHER), 0.2)
    set_networks(database, TEMPLATE.model_id, FURTHER.model_id)
    return enrolment


def models(database: Database) -> list[str]:
    with database.reading() as db:
        return sorted(row.model_id for row in db.exec(select(Template)))


def test_photo_gets_a_template_of_the_further_model_and_is_compared_by_it(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder, database: Database
) -> None:
    assert worker.find_missing() == 1
    assert worker.find_missing() == 0
    assert worker.add_one()
    assert not worker.add_one()
    assert models(database) == ["dlib-resnet-v1", "m2"]
    assert count(database, MissingTemplate) == 0
    worker.check_one()
    assert encoder.questions[-1].model_id == "m2"
    assert worker.find_missing() == 0


def test_school_that_does_not_change_gets_no_template_of_a_further_model(
    photo: str, worker: SteppedWorkers, database: Database
) -> None:
    set_networks(database, TEMPLATE.model_id)
    assert worker.find_missing() == 0


def test_only_the_missing_model_is_asked_for(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder
) -> None:
    worker.find_missing()
    worker.add_one()
    assert encoder.asked_for[-1] == (FURTHER.model_id,)


def test_template_that_is_made_while_the_change_is_cancelled_is_not_stored(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder, database: Database
) -> None:
    worker.find_missing()
    encoder.during = lambda: set_networks(database, TEMPLATE.model_id)
    assert worker.add_one()
    assert models(database) == [TEMPLATE.model_id]
    assert count(database, MissingTemplate) == 0


def test_nobody_is_asked_for_a_photo_while_templates_come_from_scans(
    office: TestClient,
    person_id: str,
    photo: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    set_networks(database, TEMPLATE.model_id, FURTHER.model_id, collects_scans=True)
    encoder.outcome = FaceRefused("TOO_BLURRED")
    worker.find_missing()
    worker.add_one()
    assert "New photo needed" not in office.get("/people").text
    set_networks(database, TEMPLATE.model_id, FURTHER.model_id)
    assert "New photo needed" in office.get("/people").text


def test_nothing_is_queued_while_the_service_names_no_models_or_the_same(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder
) -> None:
    for offers in ((), (TEMPLATE.model_id,)):
        encoder.offers = offers
        assert worker.find_missing() == 0


def test_photo_that_does_not_serve_the_further_model_is_said_and_not_tried_again(
    office: TestClient,
    person_id: str,
    photo: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.outcome = FaceRefused("TOO_BLURRED")
    worker.find_missing()
    assert "being made from the photos" in office.get(f"/people/{person_id}").text
    assert worker.add_one()
    assert not worker.add_one()
    assert worker.find_missing() == 0
    assert models(database) == ["dlib-resnet-v1"]
    assert "A new photo is needed" in office.get(f"/people/{person_id}").text
    assert "New photo needed" in office.get("/people").text
    encoder.outcome = FaceEncoded((TEMPLATE, FURTHER), 0.2)
    enrol(office, person_id)
    worker.run_one()
    assert "A new photo is needed" not in office.get(f"/people/{person_id}").text
    assert "New photo needed" not in office.get("/people").text


def test_photo_that_was_not_kept_needs_another(
    office: TestClient,
    person_id: str,
    photo: str,
    worker: SteppedWorkers,
    database: Database,
) -> None:
    with database.transaction() as db:
        db.delete(db.get_one(EnrolmentPhoto, uuid.UUID(photo)))
    worker.find_missing()
    worker.add_one()
    assert "A new photo is needed" in office.get(f"/people/{person_id}").text


def test_backlog_survives_an_outage_and_a_restart(
    photo: str,
    new_worker: Callable[[], SteppedWorkers],
    encoder: FakeEncoder,
    database: Database,
) -> None:
    first = new_worker()
    first.find_missing()
    encoder.is_up = False
    for _ in range(3 * MAX_ATTEMPTS):
        assert first.add_one()
    encoder.is_up = True
    assert new_worker().add_one()
    assert models(database) == ["dlib-resnet-v1", "m2"]


def test_photo_that_alone_fails_is_parked(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder, database: Database
) -> None:
    worker.find_missing()
    encoder.fails_on_photos = True
    for _ in range(MAX_ATTEMPTS):
        assert worker.add_one()
        end_waiting(database)
    assert not worker.add_one()
    assert [job.state for job in jobs_of(database, "add_model")] == ["parked"]
    assert count(database, EnrolmentPhoto) == 1


@pytest.mark.parametrize("when", ["before", "during"])
def test_nothing_is_made_once_consent_is_withdrawn(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    photo: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    when: str,
) -> None:
    path = f"/api/v1/people/{person_id}/consents/{consent['id']}/withdraw"
    worker.find_missing()
    seen = len(encoder.photos)
    if when == "before":
        office.post(path)
    encoder.during = lambda: office.post(path)
    worker.add_one()
    assert len(encoder.photos) == seen + (when == "during")
    for table in (MissingTemplate, Template, Job):
        assert count(database, table) == 0


def test_service_that_lost_the_further_model_again_is_asked_another_day(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder, database: Database
) -> None:
    worker.find_missing()
    encoder.outcome = ENCODED
    assert worker.add_one()
    assert not worker.add_one()
    assert count(database, MissingTemplate) == 1


def test_what_was_queued_for_a_model_that_went_again_is_taken_back(
    photo: str, worker: SteppedWorkers, encoder: FakeEncoder, database: Database
) -> None:
    worker.find_missing()
    assert count(database, MissingTemplate) == 1
    encoder.offers = ()
    worker.find_missing()
    assert count(database, MissingTemplate) == 1, "nobody knows what the service has"
    encoder.offers = (TEMPLATE.model_id,)
    worker.find_missing()
    assert count(database, MissingTemplate) == 0


def test_nobody_is_asked_for_a_photo_for_a_model_that_went_again(
    office: TestClient,
    person_id: str,
    photo: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.outcome = FaceRefused("TOO_BLURRED")
    worker.find_missing()
    worker.add_one()
    assert person_id in office.get("/people/coverage?cover=renew").text
    encoder.offers = (TEMPLATE.model_id,)
    worker.find_missing()
    assert person_id not in office.get("/people/coverage?cover=renew").text
