"""Reports of acceptance tests: from the kiosk itself, kept as signed, shown with a verdict."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from protocol.v1.commissioning import (
    CommissionDrill,
    CommissionReport,
    CommissionStep,
    sign_commissioning,
    unsigned_signature,
)
from protocol.v1.findings import CodedText, coded
from protocol.v1.identifiers import uuid7
from protocol.v1.signing import make_key, public_key, sign_document
from server.audit.tables import AuditEntry
from server.commissioning import service
from server.commissioning.tables import CommissioningReport
from server.db.types import now
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import JSON, Classroom
from tests.support.signed_answers import WITH_NONCE, is_signed

PATH = "/api/v1/kiosk/commissioning"
PROBLEM = "The picture is not sharp."


class TestedDoor:
    """A claimed kiosk that was commissioned."""

    __test__ = False

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        claimed = classroom.claim(TestClient(app))
        self.database = services_of(app).database
        self.device = classroom.device
        self.id = claimed.kiosk_id
        self.server_key = public_key(claimed.server_key)
        self.admin = classroom.admin
        self.client = TestClient(app, headers={"Authorization": f"Device {claimed.device_token}"})

    def report(self, age: timedelta = timedelta(), **changed: Any) -> CommissionReport:
        at = now() - age
        steps = (
            CommissionStep(name="light", outcome="passed", at=at, measures={"tries": 2}),
            CommissionStep(name="focus", outcome="failed", at=at, problem=PROBLEM, fix="Clean it."),
            CommissionStep(name="mqtt", outcome="skipped", at=at, reason="not_fitted"),
        )
        values = {
            "id": str(uuid7()),
            "kiosk_id": self.id,
            "room": "R12",
            "started_at": at,
            "finished_at": at,
            "steps": steps,
            "signature": unsigned_signature(),
        }
        report = CommissionReport(**values | changed)
        return sign_commissioning(report, self.device.key)

    def send(self, body: bytes, path: str = PATH) -> int:
        return int(self.client.post(path, content=body, headers=JSON).status_code)

    def page(self, report_id: str = "") -> str:
        path = f"/kiosks/{self.id}/commissioning"
        return str(self.admin.get(f"{path}/{report_id}" if report_id else path).text)


@pytest.fixture
def door(app: FastAPI, sign_in: SignIn) -> TestedDoor:
    return TestedDoor(app, Classroom(sign_in(Role.ADMIN)))


def test_report_is_kept_once_shown_and_audited(door: TestedDoor) -> None:
    report = door.report()
    answer = door.client.post(PATH, content=report.to_json(), headers=JSON | WITH_NONCE)
    assert is_signed(answer, door.server_key, PATH)
    assert answer.json() == {"id": report.id}
    assert door.send(report.to_json()) == 200
    page = door.page()
    assert "Commissioning of R12 door" in page
    assert PROBLEM in page
    assert "This kiosk does not have it." in page
    assert "Not valid" not in page
    with door.database.reading() as db:
        entries = db.exec(select(AuditEntry).where(AuditEntry.action == "kiosk.commission")).all()
    (entry,) = entries
    assert entry.actor == f"kiosk:{door.id}"
    assert entry.details["is_signature_valid"] is True
    listed = door.admin.get(f"/api/v1/kiosks/{door.id}/commissioning").json()
    assert [(one["passed"], one["failed"], one["skipped"]) for one in listed] == [(1, 1, 1)]
    read = door.admin.get(f"/api/v1/kiosks/{door.id}/commissioning/{report.id}").json()
    assert read["is_signature_valid"] is True
    assert read["steps"][1]["problem"] == PROBLEM


def test_newest_report_stands_on_top_and_the_oldest_makes_room(
    door: TestedDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_REPORTS", 2)
    reports = [door.report(timedelta(days=days), room=f"Room{days}") for days in (2, 0, 1)]
    for one in reports:
        assert door.send(one.to_json()) == 200
    page = door.page()
    assert (page.index("Room0") < page.index("Room1"), "Room2" in page) == (True, False)
    assert "Room0" in door.page(reports[2].id)
    assert door.admin.get(f"/kiosks/{door.id}/commissioning/{reports[0].id}").status_code == 404


def test_report_with_another_signature_is_shown_as_not_valid(door: TestedDoor) -> None:
    report = sign_commissioning(door.report(), make_key())
    assert door.send(report.to_json()) == 200
    assert "Not valid" in door.page()


def test_report_that_was_changed_in_the_database_is_shown_as_not_valid(door: TestedDoor) -> None:
    door.send(door.report().to_json())
    with door.database.transaction() as db:
        row = db.exec(select(CommissioningReport)).one()
        changed = row.body.replace('"failed"', '"passed"')
        wanted = col(CommissioningReport.id) == row.id
        db.exec(update(CommissioningReport).where(wanted).values(body=changed))
    assert "Not valid" in door.page()


def test_fields_of_a_newer_kiosk_are_kept_and_signed(door: TestedDoor) -> None:
    raw = json.loads(door.report().to_json()) | {"later": {"deep": 1}}
    raw["signature"] = _signature(door, raw)
    assert door.send(json.dumps(raw).encode()) == 200
    assert "Not valid" not in door.page()


def _signature(door: TestedDoor, raw: dict[str, Any]) -> str:
    body = {name: value for name, value in raw.items() if name != "signature"}
    return sign_document(body, door.device.key, context="commissioning")


def test_only_the_kiosk_itself_reports(app: FastAPI, door: TestedDoor) -> None:
    report = door.report()
    assert TestClient(app).post(PATH, content=report.to_json(), headers=JSON).status_code == 401
    assert door.send(door.report(kiosk_id=str(uuid.uuid4())).to_json()) == 400
    assert door.send(report.to_json()) == 200
    assert door.send(door.report(id=report.id, room="R13").to_json()) == 409


@pytest.mark.parametrize(
    "change",
    [
        {"steps": []},
        {"room": "a\0b"},
        {"steps": [{"name": "Ada Lovelace", "outcome": "passed", "at": "2026-11-23T08:00:00Z"}]},
        {"more": "x" * 70_000},
        {"more": 2**60},
        {"id": "1"},
    ],
)
def test_what_is_no_report_is_refused(door: TestedDoor, change: dict[str, Any]) -> None:
    raw = json.loads(door.report().to_json()) | change
    assert door.send(json.dumps(raw).encode()) == 422


def test_message_of_the_offline_drill_stands_beside_its_report(door: TestedDoor) -> None:
    report = door.report()
    drill = CommissionDrill(
        report_id=report.id, kiosk_id=door.id, made_at=now(), signature=unsigned_signature()
    )
    path = f"{PATH}/drills"
    assert door.send(sign_commissioning(drill, make_key()).to_json(), path) == 400
    door.send(report.to_json())
    assert "No message was received." in door.page()
    signed = sign_commissioning(drill, door.device.key).to_json()
    assert [door.send(signed, path) for _ in range(2)] == [200, 200]
    assert "Message made offline:" in door.page()


def test_page_of_a_kiosk_leads_there_and_an_untested_one_says_what_to_do(
    door: TestedDoor, sign_in: SignIn
) -> None:
    assert f'href="/kiosks/{door.id}/commissioning"' in door.admin.get(f"/kiosks/{door.id}").text
    assert "Not commissioned yet" in door.page()
    teacher = sign_in(Role.TEACHER)
    assert teacher.get(f"/kiosks/{door.id}/commissioning").status_code == 403


def stepped(door: TestedDoor, text: CodedText) -> CommissionReport:
    """A report of one step that found this."""
    at = now()
    step = CommissionStep(name="mqtt", outcome="failed", at=at).saying(text)
    return door.report(steps=(step,))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "The broker does not answer at 10.20.0.4 port 8883"), ("ar", "لا يجيب الوسيط")],
)
def test_findings_are_in_the_language_of_the_page(
    door: TestedDoor, language: str, words: str
) -> None:
    text = coded("mqtt.no_answer", host="10.20.0.4", port=8883)
    assert door.send(stepped(door, text).to_json()) == 200
    door.admin.cookies.set("rollcall_language", language)
    page = door.page()
    assert words in page
    assert ("10.20.0.4" in page, '<p lang="en"' in page) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        CodedText("The fan is stuck.", "Clean it."),
        CodedText("The fan is stuck.", "Clean it.", "fan.stuck", {"rpm": "0"}),
    ],
    ids=["older kiosk", "newer kiosk"],
)
def test_what_has_no_words_in_the_language_of_the_page_stays_english(
    door: TestedDoor, text: CodedText
) -> None:
    report = stepped(door, text)
    assert door.send(report.to_json()) == 200
    door.admin.cookies.set("rollcall_language", "ar")
    page = door.page()
    assert '<p lang="en" dir="ltr">The fan is stuck.</p>' in page
    assert '<span lang="en" dir="ltr">Clean it.</span>' in page
    read = door.admin.get(f"/api/v1/kiosks/{door.id}/commissioning/{report.id}").json()
    assert (read["steps"][0]["code"], read["steps"][0]["values"]) == (text.code, dict(text.values))
