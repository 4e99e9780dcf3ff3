"""Outliers, duplicates and look-alikes: found after a photo was accepted, kept, shown, undone."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.enrollment import service
from server.enrollment.kinds import COMPARE
from server.enrollment.resemblance import counters, fingerprint, likenesses_of, pairs_among
from server.enrollment.tables import GalleryChange, Resemblance, Template
from server.jobs import service as jobs
from server.jobs.service import MAX_ATTEMPTS
from server.ml.encoder import GalleryFindings, Resembling
from server.web.principal import Role
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.support.enrolling import GIVEN, count, end_waiting, enrol, jobs_of
from tests.support.stepping import LEASE, SteppedWorkers, worker_of

SignIn = Callable[[Role], TestClient]


@pytest.fixture
def other_id(office: TestClient, worker: SteppedWorkers) -> str:
    """Somebody else, enrolled and compared."""
    body = {"student_number": "S-2", "given_name": "Other", "family_name": "One"}
    other: str = office.post("/api/v1/people", json=body).json()["id"]
    office.post(f"/api/v1/people/{other}/consents", json=GIVEN)
    enrol(office, other)
    run_all(worker)
    return other


def run_all(worker: SteppedWorkers) -> None:
    while worker.run_one() or worker.check_one():
        pass


def duplicate_of(other: str, distance: float = 0.3) -> GalleryFindings:
    return GalleryFindings({}, (Resembling(other, distance),))


def look_alike_of(other: str) -> GalleryFindings:
    return GalleryFindings({}, (), (Resembling(other, 0.52),))


def likenesses(database: Database, person_id: str) -> list[tuple[str, bool]]:
    with database.reading() as db:
        found = likenesses_of(db, uuid.UUID(person_id))
        return [(str(one.other.id), one.is_duplicate) for one in found]


def reasons(database: Database) -> list[str | None]:
    with database.reading() as db:
        rows = db.exec(select(Template).order_by(Template.id))  # type: ignore[arg-type]
        return [row.set_aside_reason for row in rows]


def test_accepted_photo_is_compared_with_the_persons_others_and_everybody(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    enrol(office, person_id)
    run_all(worker)
    question = encoder.questions[-1]
    assert question.model_id == TEMPLATE.model_id
    assert len(question.templates) == 2
    assert {key: len(found) for key, found in question.others.items()} == {other_id: 1}
    assert jobs_of(database, COMPARE) == []


def test_nobody_without_a_live_consent_is_compared(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    given = office.get(f"/api/v1/people/{other_id}/consents").json()[0]["id"]
    office.post(f"/api/v1/people/{other_id}/consents/{given}/withdraw")
    enrol(office, person_id)
    run_all(worker)
    assert encoder.questions[-1].others == {}


def test_check_survives_an_outage_and_a_restart(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    new_worker: Callable[[], SteppedWorkers],
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    first = new_worker()
    assert first.run_one()
    encoder.is_up = False
    for _ in range(20):
        assert first.check_one()
    encoder.is_up = True
    assert new_worker().check_one()
    assert jobs_of(database, COMPARE) == []


def test_check_of_a_worker_that_died_is_taken_up_later(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    with database.transaction() as db:
        assert jobs.claim(db, COMPARE, by=worker_of("dead", LEASE), at=now()) is not None
    assert not worker.check_one()
    with database.transaction() as db:
        later = now() + LEASE
        assert jobs.claim(db, COMPARE, by=worker_of("next", LEASE), at=later) is not None


def test_person_page_says_that_the_check_fails(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    encoder.fails_on_checks = True
    for _ in range(MAX_ATTEMPTS):
        assert worker.check_one()
        end_waiting(database)
    assert "The check for duplicates fails." in office.get(f"/people/{person_id}").text
    encoder.fails_on_checks = False
    assert worker.check_one(), "a check is never parked"
    assert "The check for duplicates fails." not in office.get(f"/people/{person_id}").text


def test_service_that_cannot_check_is_asked_again_another_day(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.findings = None
    enrol(office, person_id)
    run_all(worker)
    assert len(jobs_of(database, COMPARE)) == 1
    assert not worker.check_one()


def test_answer_about_older_templates_changes_nothing(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    second = enrol(office, person_id)
    worker.run_one()
    worker.run_one()
    encoder.findings = GalleryFindings({0: 0.9})
    path = f"/people/{person_id}/enrolments/{second['id']}/remove"
    encoder.during = lambda: office.post(path)
    assert worker.check_one()
    assert reasons(database) == [None]
    encoder.during, encoder.findings = (lambda: None), GalleryFindings({})
    assert worker.check_one()
    assert jobs_of(database, COMPARE) == []


def test_outlier_is_set_aside_and_comes_back_when_later_photos_are_like_it(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, person_id)
    enrol(office, person_id)
    encoder.findings = GalleryFindings({1: 0.9})
    run_all(worker)
    assert reasons(database) == [None, "outlier"]
    with database.reading() as db:
        kinds = [row.kind for row in db.exec(select(GalleryChange))]
        coverage = service.coverage_of(db, [uuid.UUID(person_id)])
    assert sorted(kinds) == ["tombstone", "upsert"], "the outlier went to no kiosk"
    assert coverage[uuid.UUID(person_id)].templates == 1
    encoder.findings = GalleryFindings({})
    enrol(office, person_id)
    run_all(worker)
    assert reasons(database) == [None, None, None]


def test_outlier_restored_by_an_admin_is_not_set_aside_again(
    office: TestClient,
    sign_in: SignIn,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.findings = GalleryFindings({0: 0.9})
    photo = enrol(office, person_id)
    run_all(worker)
    page = office.get(f"/people/{person_id}").text
    assert "unlike the others" in page
    path = f"/people/{person_id}/enrolments/{photo['id']}/restore"
    assert path not in page
    assert office.post(path).status_code == 403
    admin = sign_in(Role.ADMIN)
    assert path in admin.get(f"/people/{person_id}").text
    assert admin.post(path).status_code == 303
    assert reasons(database) == [None]
    run_all(worker)
    assert reasons(database) == [None]
    assert "unlike the others" not in office.get(f"/people/{person_id}").text


def test_duplicate_is_said_on_both_pages_and_not_to_teachers(
    office: TestClient,
    sign_in: SignIn,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.findings = duplicate_of(other_id)
    enrol(office, person_id)
    run_all(worker)
    for one, another in ((person_id, other_id), (other_id, person_id)):
        page = office.get(f"/people/{one}").text
        assert "This looks like the same person as" in page
        assert f"/people/{another}" in page
    assert sign_in(Role.TEACHER).get(f"/people/{person_id}").status_code == 403


def test_two_people_said_to_be_two_stay_look_alikes(
    office: TestClient,
    sign_in: SignIn,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.findings = duplicate_of(other_id)
    enrol(office, person_id)
    run_all(worker)
    path = f"/people/{person_id}/resembles/{other_id}/dismiss"
    assert office.post(path).status_code == 403
    admin = sign_in(Role.ADMIN)
    assert admin.post(path).status_code == 303
    assert admin.post(path).status_code == 303
    assert likenesses(database, person_id) == [(other_id, False)]
    enrol(office, person_id)
    run_all(worker)
    assert likenesses(database, other_id) == [(person_id, False)]
    assert "and a look-alike are two people." in admin.get("/audit").text
    assert admin.post(f"/people/{person_id}/resembles/{person_id}/dismiss").status_code == 404


def test_pair_goes_when_a_later_check_does_not_find_it(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    prints = [_fingerprint(database)]
    for found in (look_alike_of(other_id), GalleryFindings({})):
        encoder.findings = found
        enrol(office, person_id)
        run_all(worker)
        prints.append(_fingerprint(database))
    assert count(database, Resemblance) == 0
    assert prints[0] == prints[2] != prints[1]


def _fingerprint(database: Database) -> str:
    with database.reading() as db:
        return fingerprint(*db.exec(select(*counters())).one())


@pytest.mark.parametrize("whose", ["mine", "theirs"])
def test_withdrawal_of_either_deletes_the_pair(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    whose: str,
) -> None:
    encoder.findings = look_alike_of(other_id)
    enrol(office, person_id)
    run_all(worker)
    everybody = [uuid.UUID(person_id), uuid.UUID(other_id)]
    with database.reading() as db:
        assert pairs_among(db, everybody) == [tuple(sorted(everybody))]
        assert pairs_among(db, everybody[:1]) == []
    ending = person_id if whose == "mine" else other_id
    given = office.get(f"/api/v1/people/{ending}/consents").json()[0]["id"]
    office.post(f"/api/v1/people/{ending}/consents/{given}/withdraw")
    assert count(database, Resemblance) == 0


def test_withdrawal_of_the_other_during_the_check_leaves_no_pair(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.findings = duplicate_of(other_id)
    enrol(office, person_id)
    worker.run_one()
    given = office.get(f"/api/v1/people/{other_id}/consents").json()[0]["id"]
    path = f"/api/v1/people/{other_id}/consents/{given}/withdraw"
    encoder.during = lambda: office.post(path)
    assert worker.check_one()
    assert count(database, Resemblance) == 0


def test_last_photo_removed_takes_its_pairs_along(
    office: TestClient,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.findings = look_alike_of(other_id)
    photo = enrol(office, person_id)
    run_all(worker)
    assert count(database, Resemblance) == 1
    office.post(f"/people/{person_id}/enrolments/{photo['id']}/remove")
    assert count(database, Resemblance) == 0
    assert jobs_of(database, COMPARE) == []


def test_templates_stay_out_of_the_log(
    office: TestClient,
    app: FastAPI,
    other_id: str,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    encoder.findings = duplicate_of(other_id)
    enrol(office, person_id)
    run_all(worker)
    assert "1 possible duplicates" in caplog.text
    assert other_id not in caplog.text
    assert str(TEMPLATE.embedding[1]) not in caplog.text
