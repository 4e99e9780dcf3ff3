"""Who lacks photos, has old or few ones; and what becomes of photos once templates are made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.enrollment.tables import Enrolment, EnrolmentPhoto, MissingTemplate, Template
from server.policies.schemas import EnrolmentPolicy, SchoolPolicy
from server.policies.service import set_policy
from server.web.principal import Role
from tests.fakes.encoder import FakeEncoder
from tests.support.enrolling import count, enrol
from tests.support.networks import set_networks
from tests.support.stepping import SteppedWorkers

SignIn = Callable[[Role], TestClient]


def take(office: TestClient, worker: SteppedWorkers, person_id: str, photos: int = 1) -> None:
    for _ in range(photos):
        enrol(office, person_id)
    while worker.run_one() or worker.check_one():
        pass


def keep_no_photos(database: Database) -> None:
    with database.transaction() as db:
        policy = SchoolPolicy(enrolment=EnrolmentPolicy(keep_photos=False))
        set_policy(db, policy, actor="system")


def shown(client: TestClient, cover: str) -> bool:
    return "Ünsal" in client.get(f"/people/coverage?cover={cover}").text


def test_a_person_moves_from_missing_to_few_to_good(
    office: TestClient, person_id: str, consent: dict[str, Any], worker: SteppedWorkers
) -> None:
    del consent
    assert shown(office, "missing")
    take(office, worker, person_id)
    assert (shown(office, "missing"), shown(office, "weak")) == (False, True)
    take(office, worker, person_id, photos=2)
    assert (shown(office, "weak"), shown(office, "ready")) == (False, True)


def test_without_consent_nobody_is_asked_for_photos(office: TestClient, person_id: str) -> None:
    del person_id
    page = office.get("/people/coverage").text
    assert "Ünsal" not in page
    assert "Nobody may be recognised yet" in page


def test_photos_grow_old_by_when_they_were_taken_not_when_a_template_was_made(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    del consent
    take(office, worker, person_id, photos=3)
    with database.transaction() as db:
        for row in db.exec(select(Enrolment)):
            row.created_at = now() - timedelta(days=364)
    assert shown(office, "ready")
    with database.transaction() as db:
        for row in db.exec(select(Enrolment)):
            row.created_at = now() - timedelta(days=366)
    assert shown(office, "old")
    assert not shown(office, "ready")
    take(office, worker, person_id)
    assert not shown(office, "old")


def test_photos_set_aside_do_not_count(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    del consent
    take(office, worker, person_id, photos=3)
    with database.transaction() as db:
        one = db.exec(select(Template)).first()
        assert one is not None
        one.set_aside_reason = "outlier"
    assert shown(office, "weak")


@pytest.mark.parametrize("role", [Role.TEACHER, Role.TECHNICIAN])
def test_coverage_is_for_those_who_see_people(sign_in: SignIn, role: Role) -> None:
    assert sign_in(role).get("/people/coverage").status_code == 403


def test_an_accepted_photo_is_kept_sealed_by_default(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    del consent
    take(office, worker, person_id)
    worker.sweep()
    assert count(database, EnrolmentPhoto) == 1


def test_where_no_photo_is_kept_it_goes_with_the_template_made(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    del consent
    keep_no_photos(database)
    take(office, worker, person_id)
    assert (count(database, EnrolmentPhoto), count(database, Template)) == (0, 1)


def test_kept_photos_go_once_the_policy_says_so_and_it_is_recorded(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    del consent
    take(office, worker, person_id, photos=2)
    enrol(office, person_id)
    keep_no_photos(database)
    worker.sweep()
    assert count(database, EnrolmentPhoto) == 1, "the one that still waits"
    with database.reading() as db:
        last = db.exec(select(AuditEntry).order_by("seq")).all()[-1]
    assert (last.action, last.details) == ("photos.drop", {"photos": 2})


def test_a_photo_that_a_further_model_waits_for_stays_until_then(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
    encoder: FakeEncoder,
) -> None:
    del consent
    take(office, worker, person_id)
    encoder.offers = ("dlib-resnet-v1", "another")
    set_networks(database, "dlib-resnet-v1", "another")
    worker.find_missing()
    keep_no_photos(database)
    worker.sweep()
    assert count(database, EnrolmentPhoto) == 1
    with database.transaction() as db:
        for row in db.exec(select(MissingTemplate)):
            db.delete(row)
    worker.sweep()
    assert count(database, EnrolmentPhoto) == 0


def test_a_new_model_asks_for_new_photos_where_none_was_kept(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
    encoder: FakeEncoder,
) -> None:
    del consent
    keep_no_photos(database)
    take(office, worker, person_id, photos=3)
    encoder.offers = ("dlib-resnet-v1", "another")
    set_networks(database, "dlib-resnet-v1", "another")
    worker.find_missing()
    while worker.add_one():
        pass
    assert shown(office, "renew")
