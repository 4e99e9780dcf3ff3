"""Consent that ends, however it ends, takes photo and template with it."""

import uuid
from datetime import timedelta
from typing import Any

from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.enrollment.gallery import latest_seq
from server.enrollment.tables import EnrolmentPhoto, GalleryChange, Template
from server.people.tables import Consent
from tests.fakes.encoder import FakeEncoder
from tests.support.enrolling import GIVEN, count, enrol, outcome
from tests.support.stepping import SteppedWorkers


def expire(database: Database) -> None:
    with database.transaction() as db:
        db.exec(select(Consent)).one().expires_on = (now() - timedelta(days=2)).date()


def test_withdrawal_erases_everything_and_leaves_tombstones(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    first, second = enrol(office, person_id), enrol(office, person_id)
    worker.run_one()
    worker.check_one()
    path = f"/api/v1/people/{person_id}/consents/{consent['id']}/withdraw"
    assert office.post(path).json()["state"] == "withdrawn"
    assert count(database, EnrolmentPhoto) == count(database, Template) == 0
    assert outcome(office, first)["status"] == outcome(office, second)["status"] == "withdrawn"
    assert not worker.run_one()
    with database.reading() as db:
        changes = db.exec(select(GalleryChange).order_by("seq")).all()
        assert latest_seq(db) == 2
    assert [c.kind for c in changes] == ["upsert", "tombstone"]
    assert changes[0].template_id == changes[1].template_id


def test_withdrawing_twice_changes_nothing_more(
    office: TestClient, person_id: str, consent: dict[str, Any], database: Database
) -> None:
    path = f"/api/v1/people/{person_id}/consents/{consent['id']}/withdraw"
    first = office.post(path).json()["withdrawn_at"]
    assert office.post(path).json()["withdrawn_at"] == first


def test_withdrawal_while_the_service_looks_at_the_photo_wins(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    path = f"/api/v1/people/{person_id}/consents/{consent['id']}/withdraw"
    encoder.during = lambda: office.post(path)
    enrolment = enrol(office, person_id)
    worker.run_one()
    assert outcome(office, enrolment)["status"] == "withdrawn"
    assert count(database, Template) == count(database, GalleryChange) == 0


def test_childs_refusal_erases_what_a_parent_allowed(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    refusal = GIVEN | {"role": "student", "given_by": "Zaynab", "decision": "refused"}
    answer = office.post(f"/api/v1/people/{person_id}/consents", json=refusal)
    assert answer.json()["state"] == "refused"
    assert count(database, Template) == 0


def test_expired_consent_is_swept(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    assert worker.sweep() == 0
    expire(database)
    assert worker.sweep() == 1
    assert count(database, Template) == count(database, EnrolmentPhoto) == 0
    assert worker.sweep() == 0


def test_photo_whose_consent_ran_out_while_it_waited_is_never_looked_at(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrolment = enrol(office, person_id)
    expire(database)
    worker.run_one()
    assert encoder.photos == []
    assert outcome(office, enrolment)["status"] == "withdrawn"
    assert count(database, EnrolmentPhoto) == 0


def test_consent_that_runs_out_while_the_service_looks_leaves_nothing(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrolment = enrol(office, person_id)
    encoder.during = lambda: expire(database)
    worker.run_one()
    assert outcome(office, enrolment)["status"] == "withdrawn"
    assert (count(database, EnrolmentPhoto), count(database, Template)) == (0, 0)


def test_consent_that_has_expired_already_is_refused(office: TestClient, person_id: str) -> None:
    body = GIVEN | {"expires_on": "2020-01-01"}
    answer = office.post(f"/api/v1/people/{person_id}/consents", json=body)
    assert answer.status_code == 400


def test_consent_of_one_person_cannot_be_withdrawn_through_another(
    office: TestClient, person_id: str, consent: dict[str, Any]
) -> None:
    path = f"/api/v1/people/{uuid.uuid4()}/consents/{consent['id']}/withdraw"
    assert office.post(path).status_code == 404
