"""People, photo, template: through the API, the worker and the database."""

import struct
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import service
from server.enrollment.gallery import open_template
from server.enrollment.kinds import ENCODE
from server.enrollment.tables import Enrolment, EnrolmentPhoto, GalleryChange, Template
from server.jobs import service as jobs
from server.jobs.service import MAX_ATTEMPTS
from server.ml.encoder import FaceEncoded, FaceRefused, FaceTemplate
from server.web.state import services_of
from tests.fakes.encoder import ENCODED, TEMPLATE, FakeEncoder
from tests.support.enrolling import JPEG, count, end_waiting, enrol, jobs_of, outcome
from tests.support.networks import set_networks
from tests.support.services import replace_services
from tests.support.stepping import SteppedWorkers, worker_of

MAX_BYTES: int = Settings.model_fields["photo_max_bytes"].default


def test_student_number_is_unique(office: TestClient, person_id: str) -> None:
    body = {"student_number": "S-1", "given_name": "Other", "family_name": "Person"}
    assert office.post("/api/v1/people", json=body).status_code == 409


@pytest.mark.parametrize("words", ["zay", "UNSAL", "ünsal zaynab", "s-1", ""])
def test_people_are_found_by_any_part_of_name_or_number(
    office: TestClient, person_id: str, words: str
) -> None:
    found = office.get("/api/v1/people", params={"q": words}).json()
    assert [p["id"] for p in found["people"]] == [person_id]


def test_search_by_page_and_api_keeps_names_out_of_addresses(
    office: TestClient, person_id: str
) -> None:
    page = office.post("/people", data={"q": "zaynab"})
    assert person_id in page.text
    assert "?q=" not in page.text
    found = office.post("/api/v1/people/search", json={"q": "zaynab"}).json()
    assert [person["id"] for person in found["people"]] == [person_id]
    assert person_id not in office.post("/people", data={"q": "nobody"}).text


def test_one_photo_is_erased_and_the_consent_stays(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    first, second = enrol(office, person_id), enrol(office, person_id)
    worker.run_one()
    worker.run_one()
    worker.check_one()
    path = f"/api/v1/people/{person_id}/enrolments"
    assert office.delete(f"{path}/{first['id']}").status_code == 204
    assert office.delete(f"{path}/{first['id']}").status_code == 204
    assert outcome(office, first)["status"] == "withdrawn"
    assert outcome(office, second)["status"] == "accepted"
    assert (count(database, Template), count(database, EnrolmentPhoto)) == (1, 1)
    with database.reading() as db:
        kinds = [row.kind for row in db.exec(select(GalleryChange))]
    assert sorted(kinds) == ["tombstone", "upsert", "upsert"]
    assert office.post(f"/people/{person_id}/enrolments/{second['id']}/remove").status_code == 303
    assert count(database, Template) == 0
    assert office.get(f"/api/v1/people/{person_id}").json()["consent"] == "live"


def test_photo_of_one_person_cannot_be_erased_through_another(
    office: TestClient, person_id: str, consent: dict[str, Any], database: Database
) -> None:
    enrolment = enrol(office, person_id)
    body = {"student_number": "S-2", "given_name": "Other", "family_name": "One"}
    other = office.post("/api/v1/people", json=body).json()["id"]
    answer = office.delete(f"/api/v1/people/{other}/enrolments/{enrolment['id']}")
    assert answer.status_code == 404
    assert count(database, EnrolmentPhoto) == 1


@pytest.mark.parametrize("words", ["%", "_", "nobody", "'; DROP TABLE people; --"])
def test_search_treats_its_words_as_words(office: TestClient, person_id: str, words: str) -> None:
    assert office.get("/api/v1/people", params={"q": words}).json()["total"] == 0


def test_photo_becomes_a_template_and_one_change(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    app: FastAPI,
    database: Database,
    encoder: FakeEncoder,
) -> None:
    enrolment = enrol(office, person_id, JPEG)
    assert enrolment["status"] == "pending"
    assert worker.run_one()
    assert outcome(office, enrolment)["status"] == "accepted"
    assert count(database, GalleryChange) == 0, "kiosks get it after its check"
    assert worker.check_one()
    assert encoder.photos == [JPEG]
    with database.reading() as db:
        template = db.exec(select(Template)).one()
        change = db.exec(select(GalleryChange)).one()
        assert (change.seq, change.kind, change.template_id) == (1, "upsert", template.id)
        assert change.person_id == uuid.UUID(person_id)
        embedding = open_template(services_of(app).vault, template)
    exact = struct.unpack("<128f", struct.pack("<128f", *TEMPLATE.embedding))
    assert embedding == exact
    assert template.model_id == TEMPLATE.model_id


def test_photo_and_template_are_not_readable_in_the_database(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    with database.reading() as db:
        photo = db.exec(select(EnrolmentPhoto)).one()
        template = db.exec(select(Template)).one()
    assert b"a photo" not in photo.data
    assert struct.pack("<4f", *TEMPLATE.embedding[:4]) not in template.data
    assert photo.key_id == template.key_id != ""


def test_correlation_id_follows_the_photo_to_the_service(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    path = f"/api/v1/people/{person_id}/enrolments"
    office.post(path, files={"photo": JPEG}, headers={"X-Correlation-ID": "chain-7"})
    worker.run_one()
    assert encoder.correlation_ids == ["chain-7"]


def test_refused_photo_is_deleted_and_its_reason_named(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.outcome = FaceRefused("NO_FACE_FOUND")
    enrolment = enrol(office, person_id)
    worker.run_one()
    found = outcome(office, enrolment)
    assert (found["status"], found["reason"]) == ("rejected", "NO_FACE_FOUND")
    assert "No face was found" in found["message"]
    assert count(database, EnrolmentPhoto) == 0


def test_photo_of_poor_quality_becomes_no_template_and_the_page_says_why(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.outcome = FaceRefused("TOO_BLURRED", ("EYES_SHUT",))
    enrolment = enrol(office, person_id)
    worker.run_one()
    assert (count(database, Template), count(database, EnrolmentPhoto)) == (0, 0)
    for path in (f"/people/{person_id}", f"/enrolments/{enrolment['id']}/progress"):
        page = office.get(path).text
        assert "The photo is blurred" in page
        assert "The eyes are shut" in page


@pytest.mark.parametrize("next_id", [None, "m2"])
def test_photo_becomes_one_template_for_each_network_of_the_school(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    next_id: str | None,
) -> None:
    further = (FaceTemplate("m2", (1.0, 0.0)), FaceTemplate("m3", (1.0, 0.0)))
    encoder.outcome = FaceEncoded((TEMPLATE, *further), 0.2)
    encoder.offers = (TEMPLATE.model_id, "m2", "m3")
    set_networks(database, TEMPLATE.model_id, next_id)
    enrol(office, person_id)
    worker.run_one()
    wanted = [TEMPLATE.model_id, *([next_id] if next_id else [])]
    with database.reading() as db:
        assert sorted(row.model_id for row in db.exec(select(Template))) == wanted
    assert encoder.asked_for == [tuple(wanted)]
    while worker.check_one():
        pass
    assert count(database, GalleryChange) == len(wanted)


def test_unknown_reason_is_kept_and_said_plainly(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.outcome = FaceRefused("SOMETHING_NEW")
    enrolment = enrol(office, person_id)
    worker.run_one()
    assert "SOMETHING_NEW" in outcome(office, enrolment)["message"]


def test_nothing_is_stored_without_consent(
    office: TestClient, person_id: str, database: Database
) -> None:
    answer = office.post(f"/api/v1/people/{person_id}/enrolments", files={"photo": JPEG})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "consent_required"
    assert count(database, EnrolmentPhoto) == count(database, Enrolment) == 0


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (b"", 415, "unsupported_media"),
        (b"GIF89a" + b"x" * 500, 415, "unsupported_media"),
        (b"<svg onload=alert(1)>" + b"x" * 500, 415, "unsupported_media"),
        (b"%PDF-1.7" + b"x" * 500, 415, "unsupported_media"),
        (b"\xff\xd8\xff", 415, "unsupported_media"),
        (b"RIFF\0\0\0\0WAVE" + b"x" * 500, 415, "unsupported_media"),
        (b"\xff\xd8\xff" + b"x" * MAX_BYTES, 413, "too_large"),
    ],
)
def test_upload_is_checked_by_its_bytes(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    photo: bytes,
    status: int,
    code: str,
) -> None:
    answer = office.post(
        f"/api/v1/people/{person_id}/enrolments", files={"photo": ("p.jpg", photo, "image/jpeg")}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_body_far_beyond_the_limit_is_not_even_read(office: TestClient, person_id: str) -> None:
    path = f"/api/v1/people/{person_id}/enrolments"
    assert office.post(path, content=b"x" * (MAX_BYTES + 4 * 1024 * 1024)).status_code == 413


@pytest.mark.parametrize("photo", [b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_png_and_webp_are_taken_too(
    office: TestClient, person_id: str, consent: dict[str, Any], photo: bytes
) -> None:
    assert enrol(office, person_id, photo + b"x" * 500)["status"] == "pending"


def test_the_same_photo_three_times_is_one_photo(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    first = enrol(office, person_id, JPEG)
    assert enrol(office, person_id, JPEG)["id"] == first["id"]
    worker.run_one()
    assert enrol(office, person_id, JPEG)["id"] == first["id"]
    assert not worker.run_one()
    assert (count(database, Template), len(encoder.photos)) == (1, 1)


def test_the_same_photo_is_one_photo_after_a_new_key_too(
    office: TestClient, app: FastAPI, person_id: str, consent: dict[str, Any]
) -> None:
    first = enrol(office, person_id, JPEG)
    vault: Vault = services_of(app).vault
    replace_services(app, vault=Vault({**vault._keys, "z-new": bytes(32)}, "z-new"))
    assert enrol(office, person_id, JPEG)["id"] == first["id"]


def test_refused_or_erased_photo_may_be_handed_in_again(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.outcome = FaceRefused("NO_FACE_FOUND")
    first = enrol(office, person_id, JPEG)
    worker.run_one()
    encoder.outcome = ENCODED
    second = enrol(office, person_id, JPEG)
    assert second["id"] != first["id"]
    worker.run_one()
    assert outcome(office, second)["status"] == "accepted"
    office.delete(f"/api/v1/people/{person_id}/enrolments/{second['id']}")
    assert enrol(office, person_id, JPEG)["id"] != second["id"]


def test_photo_waits_while_the_service_is_down_and_finishes_when_it_returns(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.is_up = False
    enrolment = enrol(office, person_id)
    worker.run_one()
    waiting = outcome(office, enrolment)
    assert (waiting["status"], waiting["reason"]) == ("pending", "WAITING_FOR_SERVICE")
    encoder.is_up = True
    assert worker.run_one()
    found = outcome(office, enrolment)
    assert (found["status"], found["reason"]) == ("accepted", None)


def test_waiting_does_not_use_up_the_attempts(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.is_up = False
    enrolment = enrol(office, person_id)
    for _ in range(3 * MAX_ATTEMPTS):
        worker.run_one()
    assert outcome(office, enrolment)["status"] == "pending"


def test_photo_that_alone_fails_is_parked_and_kept(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.fails_on_photos = True
    enrolment = enrol(office, person_id)
    for _ in range(MAX_ATTEMPTS):
        assert worker.run_one()
        end_waiting(database)
    assert not worker.run_one()
    found = outcome(office, enrolment)
    assert (found["status"], found["reason"]) == ("pending", "PARKED")
    assert "kept" in found["message"]
    assert count(database, EnrolmentPhoto) == 1


def test_killed_worker_loses_no_photo(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    new_worker: Callable[[], SteppedWorkers],
    database: Database,
) -> None:
    enrolment = enrol(office, person_id)
    with database.transaction() as db:  # a worker claims it, and then dies
        jobs.claim(db, ENCODE, by=worker_of("dead", timedelta(milliseconds=1)), at=now())
    assert outcome(office, enrolment)["status"] == "pending"
    assert new_worker().run_one()
    assert outcome(office, enrolment)["status"] == "accepted"


def test_coverage_counts_templates_and_pending_photos(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    worker.check_one()
    enrol(office, person_id)
    key = uuid.UUID(person_id)
    with database.reading() as db:
        found = service.coverage_of(db, [key])[key]
    assert (found.templates, found.pending) == (1, 1)
    assert found.last is not None
    assert found.last[0] == "pending"


def test_unexpected_error_of_the_service_adapter_counts_and_does_not_end_the_worker(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def explode() -> None:
        raise RuntimeError("out of the blue")

    encoder.during = explode
    enrol(office, person_id)
    assert worker.run_one()
    assert "failed unexpectedly" in caplog.text
    [job] = jobs_of(database, ENCODE)
    assert (job.state, job.attempts, job.last_reason) == ("waiting", 1, "UNEXPECTED_ERROR")
