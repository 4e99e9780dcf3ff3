"""Live guidance before a camera: who may ask, what is answered, and that nothing is left of it."""

import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.enrollment.guidance import GuidanceGate
from server.enrollment.photo import FRAME_MAX_BYTES
from server.enrollment.tables import Enrolment, EnrolmentPhoto
from server.ml.quality import FrameMeasure, FrameQuality
from server.people.tables import Consent
from server.web.principal import Role
from tests.fakes.encoder import FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import count
from tests.support.services import replace_services

FRAME = b"\xff\xd8\xff\xe0 a small picture of a face"
TURNED = FrameQuality(measures={"yaw": FrameMeasure(value=18, least=-30, most=30)})


@pytest.fixture(autouse=True)
def service(app: FastAPI, encoder: FakeEncoder) -> FakeEncoder:
    replace_services(app, encoder=encoder)
    return encoder


def ask(client: TestClient, person_id: str, frame: bytes = FRAME, **query: str) -> Any:
    return client.post(
        f"/people/{person_id}/enrol/guidance",
        params=query,
        content=frame,
        headers={"Content-Type": "image/jpeg"},
    )


def test_first_reason_is_said_with_the_bars(
    office: TestClient, person_id: str, consent: dict[str, Any], service: FakeEncoder
) -> None:
    dark = FrameMeasure(value=40, least=45, most=220)
    service.frame = FrameQuality(("TOO_DARK",), ("TOO_DARK",), {"brightness": dark})
    answer = ask(office, person_id).json()
    assert answer["state"] == "judged"
    assert answer["words"] == "Too dark. Turn towards the light."
    assert (answer["is_good"], answer["pose"]) == (False, None)
    assert answer["bars"]["light"] == 47
    assert service.frames == [FRAME]


@pytest.mark.parametrize(
    ("wanted", "is_good", "words"),
    [
        ("left", True, "Good. Take the photo."),
        ("any", True, "Good. Take the photo."),
        ("right", False, "Turn the head a little to your right."),
        ("straight", False, "Now look straight into the camera."),
    ],
)
def test_pose_is_compared_with_the_one_that_is_wanted(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    service: FakeEncoder,
    wanted: str,
    is_good: bool,
    words: str,
) -> None:
    service.frame = TURNED
    answer = ask(office, person_id, pose=wanted).json()
    assert (answer["pose"], answer["is_good"], answer["words"]) == ("left", is_good, words)


def test_words_are_in_the_language_of_whoever_asks(
    office: TestClient, person_id: str, consent: dict[str, Any]
) -> None:
    office.headers["Accept-Language"] = "ar"
    assert ask(office, person_id).json()["words"] == "جيد. التقط الصورة."


@pytest.mark.parametrize(("is_up", "state"), [(False, "away"), (True, "unable")])
def test_service_that_cannot_help_is_told_apart(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    service: FakeEncoder,
    is_up: bool,
    state: str,
) -> None:
    service.frame, service.is_up = None, is_up
    answer = ask(office, person_id)
    assert (answer.status_code, answer.json()["state"]) == (200, state)


def test_pictures_that_come_too_fast_do_not_reach_the_service(
    app: FastAPI,
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    service: FakeEncoder,
) -> None:
    replace_services(app, guidance=GuidanceGate(lambda: 0.0, at_once=2))  # no time passes
    inner: list[Any] = []
    service.during = lambda: inner.append(ask(office, person_id).json()["state"])
    assert ask(office, person_id).json()["state"] == "judged"
    assert inner == ["busy"]
    assert len(service.frames) == 1


def test_without_consent_nothing_is_computed(
    office: TestClient, person_id: str, service: FakeEncoder
) -> None:
    assert ask(office, person_id).status_code == 409
    assert service.frames == []


def test_consent_that_ran_out_ends_the_guidance(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    service: FakeEncoder,
    database: Database,
) -> None:
    with database.transaction() as db:
        db.exec(select(Consent)).one().expires_on = (now() - timedelta(days=2)).date()
    assert ask(office, person_id).status_code == 409
    assert service.frames == []


def test_person_who_does_not_exist_is_not_found(office: TestClient) -> None:
    assert ask(office, str(uuid.uuid4())).status_code == 404


@pytest.mark.parametrize("role", [Role.TEACHER, Role.TECHNICIAN, Role.DPO])
def test_others_than_office_and_admin_may_not_ask(
    sign_in: SignIn, person_id: str, consent: dict[str, Any], service: FakeEncoder, role: Role
) -> None:
    assert ask(sign_in(role), person_id).status_code == 403
    assert service.frames == []


def test_page_of_another_site_may_not_ask(
    office: TestClient, person_id: str, consent: dict[str, Any], service: FakeEncoder
) -> None:
    office.headers["Sec-Fetch-Site"] = "cross-site"
    assert ask(office, person_id).status_code == 403
    assert service.frames == []


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        (b"\xff\xd8\xff" + bytes(FRAME_MAX_BYTES), 413),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), 415),
        (b"not a picture", 415),
        (b"", 422),
    ],
)
def test_only_small_jpegs_are_taken(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    service: FakeEncoder,
    frame: bytes,
    status: int,
) -> None:
    assert ask(office, person_id, frame).status_code == status
    assert service.frames == []


def test_unknown_pose_is_malformed(
    office: TestClient, person_id: str, consent: dict[str, Any]
) -> None:
    assert ask(office, person_id, pose="upside-down").status_code == 422


def test_nothing_is_kept_or_logged(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "server")
    entries = count(database, AuditEntry)
    assert ask(office, person_id).json()["state"] == "judged"
    assert (count(database, Enrolment), count(database, EnrolmentPhoto)) == (0, 0)
    assert count(database, AuditEntry) == entries
    assert [record for record in caplog.records if record.name.startswith("server")] == []


def test_only_what_went_wrong_leaves_a_line(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="server.requests")
    ask(office, person_id)
    ask(office, str(uuid.uuid4()))
    lines = [record for record in caplog.records if record.name == "server.requests"]
    assert [vars(line)["status"] for line in lines] == [404]
    assert {vars(line)["route"] for line in lines} == {"/people/{person_id}/enrol/guidance"}
