"""Every route that changes something or reads one person's data leaves an entry, by page and API.

The walk calls each of them once. A new route must be added to the walk or, with its reason, to the
exceptions.
"""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import SecondFactor
from server.app import ROUTERS
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.types import now
from server.enrollment.tables import Enrolment, EnrolmentStatus, Resemblance, Template
from server.jobs import service as jobs
from server.kiosks.device import current_kiosk
from server.kiosks.tables import Kiosk
from server.limits import service as limits
from server.limits.service import ProposedLimit
from server.limits.tables import StoredLimit
from server.ml.encoder import FaceEncoded, FaceTemplate
from server.tokens.tables import APIToken
from server.web.access import guards_of
from server.web.principal import Role
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import PASSWORD, SignIn
from tests.integration.server.test_lost_events import Door
from tests.integration.server.test_past_pages import hidden_fields
from tests.support.audit_walk import REASON, Places, Walk
from tests.support.documents import tiny_pdf
from tests.support.enrolling import GIVEN, another_jpeg
from tests.support.guardian_walk import walk_guardians
from tests.support.import_walk import walk_imports
from tests.support.importing import ImportDesk
from tests.support.move_walk import move_there_and_back
from tests.support.networks import set_networks
from tests.support.office_desk import OfficeDesk, day_in
from tests.support.register_walk import code_routes, line_files, several_lines
from tests.support.second_step_walk import SecondStepWalk
from tests.support.stepping import SteppedWorkers
from tests.support.timetable_walk import lesson_routes, own_calendar_routes, timetable_routes

DLIB, SFACE = TEMPLATE.model_id, "sface-2021dec"
FURTHER = FaceTemplate(SFACE, (1.0, 0.0))
#: Routes that change nothing that is kept, or read less than one person's data, and why.
EXCEPTIONS = {
    ("POST", "/preferences"): "language and theme of a browser",
    ("POST", "/api/v1/people/search"): "a list, with the words out of the address",
    ("POST", "/search"): "a list, with the words out of the address",
    ("POST", "/timetable/students"): "a list, with the words out of the address",
    ("POST", "/people"): "a list, with the words out of the address",
    ("POST", "/courses/{course_id}"): "a list, with the words out of the address",
    ("POST", "/groups/{group_id}"): "a list, with the words out of the address",
    ("POST", "/audit"): "a list, with the words out of the address",
    ("POST", "/people/chosen"): "a list, with what can be done about it",
    ("POST", "/courses/chosen"): "a list, with what can be done about it",
    ("POST", "/users/chosen"): "a list, with what can be done about it",
    ("POST", "/past-changes/roster/people"): "a list, with the words out of the address",
    ("POST", "/people/{person_id}/move/people"): "a list, with the words out of the address",
    ("POST", "/absences/new/people"): "a list, with the words out of the address",
    ("POST", "/past-changes/{kind}"): "a preview; nothing is kept",
    ("POST", "/api/v1/past-changes/preview"): "a preview; nothing is kept",
    ("POST", "/policy/preview"): "a preview; nothing is kept",
    ("POST", "/policy/rooms/{room_id}/preview"): "a preview; nothing is kept",
    ("POST", "/policy/courses/{course_id}/preview"): "a preview; nothing is kept",
    ("POST", "/people/{person_id}/enrol/guidance"): "a picture that is not kept",
    ("POST", "/api/v1/devices/claim"): "a kiosk; its entry is tested with its claim",
    ("GET", "/people/{person_id}/consents/new"): "a form with names alone",
    ("GET", "/people/{person_id}/consents/{consent_id}/withdraw"): "a form with the name alone",
    ("GET", "/people/{person_id}/enrol"): "a form with the name alone",
    ("GET", "/api/v1/people/{person_id}/credentials"): "that there are a PIN and cards, not which",
    ("GET", "/people/{person_id}/erase"): "a form with name and number alone",
    ("GET", "/lessons/{lesson_id}/people/{person_id}"): "a line of the register, which is a list",
    ("GET", "/lessons/{lesson_id}/people/{person_id}/menu"): "the codes that a line may get",
    ("GET", "/api/v1/lessons/{lesson_id}/people/{person_id}/attachments"): "that there are files",
}
OF_ONE_PERSON = ("{person_id}", "{enrolment_id}", "{attachment_id}", ".csv")


def account_routes(at: Places) -> None:
    do = at.walk.do
    body = {"username": "one", "display_name": "One", "role": "teacher"}
    made = do("POST", "/api/v1/accounts", "account.create", json=body).json()
    one: str = made["account"]["id"]
    do("POST", "/users/new", "account.create", data=body | {"username": "two"})
    do("POST", "/api/v1/accounts/{account_id}/password", "account.reset_password", one)
    do("POST", "/users/{account_id}/password", "account.reset_password", one)
    do("POST", "/users/passwords", "account.reset_password", data={"accounts": one})
    do("POST", "/api/v1/accounts/{account_id}/disable", "account.disable", one)
    do("POST", "/api/v1/accounts/{account_id}/enable", "account.enable", one)
    do("POST", "/users/{account_id}/disable", "account.disable", one)
    do("POST", "/users/{account_id}/enable", "account.enable", one)
    do("POST", "/users/chosen/disable", "account.disable", data={"account_id": one})
    do("POST", "/users/{account_id}/enable", "account.enable", one)
    do("POST", "/api/v1/accounts/bulk/disable", "account.disable", json={"account_ids": [one]})
    do("POST", "/users/{account_id}/enable", "account.enable", one)
    role = {"role": "office"}
    do("PUT", "/api/v1/accounts/{account_id}/role", "account.change_role", one, json=role)
    do("POST", "/users/{account_id}/role", "account.change_role", one, data={"role": "teacher"})
    required, route = "account.require_second_factor", "/api/v1/accounts/second-factor-roles"
    do("PUT", route, required, json={"roles": ["dpo"]})
    do("POST", "/users/second-factor-roles", required, data={})
    for method, route in (
        ("DELETE", "/api/v1/accounts/{account_id}/second-factor"),
        ("POST", "/users/{account_id}/second-factor"),
    ):
        with at.database.transaction() as db:
            db.add(
                SecondFactor(account_id=uuid.UUID(one), key_id="", secret=b"", confirmed_at=now())
            )
        do(method, route, "account.reset_second_factor", one)


def token_routes(at: Places) -> None:
    do = at.walk.do
    form = {"name": "A", "scopes": ["people:read"], "days": "30", "password": PASSWORD}
    do("POST", "/tokens/new", "token.create", data=form)
    with at.database.reading() as db:
        token = str(db.exec(select(APIToken.id)).one())
    do("POST", "/tokens/{token_id}/revoke", "token.revoke", token)


def sign_in_routes(at: Places, other: TestClient) -> None:
    do, new, newer = at.walk.do, "quite another password", "a third good password"
    known = {"username": "teacher-account", "password": PASSWORD}
    do("POST", "/api/v1/sign-in", "account.sign_in", client=other, json=known)
    body = {"old": PASSWORD, "new": new}
    do("POST", "/api/v1/sign-in/password", "account.change_password", client=other, json=body)
    do("DELETE", "/api/v1/sign-in", "account.sign_out", client=other)
    do("POST", "/sign-in", "account.sign_in", client=other, data=known | {"password": new})
    form = {"old": new, "new": newer, "again": newer}
    do("POST", "/password", "account.change_password", client=other, data=form)
    do("POST", "/sign-out", "account.sign_out", client=other)
    second_step = SecondStepWalk(at.walk, other, known | {"password": newer})
    second_step.by_api()
    second_step.by_page()


def absence_routes(at: Places) -> None:
    do, desk = at.walk.do, at.desk
    route = "/api/v1/absence-reasons"
    one: str = do("POST", route, "reason.add", json={"words": "Driving test"}).json()["id"]
    do("POST", f"{route}/{{reason_id}}/retire", "reason.retire", one)
    do("POST", "/absences/reasons", "reason.add", data={"words": "Sports day"})
    reason: str = desk.office.get(route).json()[-1]["id"]
    days = {"first_day": day_in(1), "last_day": day_in(2)}
    body = {"person_id": desk.ada, "reason_id": reason, **days}
    for prefix, send in (("/api/v1", "json"), ("", "data")):
        report = "/absences" if prefix else "/absences/new"
        request: dict[str, Any] = {send: body}
        do("POST", f"{prefix}{report}", "absence.report", **request)
        made: str = desk.office.get("/api/v1/absences").json()["absences"][0]["id"]
        route = f"{prefix}/absences/{{absence_id}}/attachments"
        do("POST", route, "absence.attach", made, files={"file": tiny_pdf()})
        file: str = desk.office.get(f"/api/v1/absences/{made}/attachments").json()[0]["id"]
        route = f"{route}/{{attachment_id}}"
        do("GET", route, "absence.view_file", made, file)
        method, end = ("DELETE", "") if prefix else ("POST", "/delete")
        do(method, f"{route}{end}", "absence.delete_file", made, file)
        why: dict[str, Any] = {send: REASON}
        do("POST", f"{prefix}/absences/{{absence_id}}/withdraw", "absence.withdraw", made, **why)
    do("POST", "/absences/reasons/{reason_id}/retire", "reason.retire", reason)


def register_routes(at: Places, door: Door) -> None:
    do, desk = at.walk.do, at.desk
    body = {"person_id": desk.ada, "status": "excused", **REASON}
    route = "/api/v1/lessons/{lesson_id}/corrections"
    do("POST", route, "attendance.correct", door.lesson, json=body)
    codes = desk.codes()
    form = {"code_id": codes["present"], **REASON}
    route = "/lessons/{lesson_id}/people/{person_id}"
    do("POST", route, "attendance.correct", door.lesson, desk.ada, data=form)
    do("POST", f"{route}/take-back", "attendance.correct", door.lesson, desk.ada)
    remark = {"text": "Came with the bus"}
    do("POST", f"{route}/remark", "attendance.remark", door.lesson, desk.ada, data=remark)
    line_files(at.walk, desk, door.lesson)
    several_lines(at.walk, desk, door.lesson)
    change = {"kind": "policy", "lesson_ids": [door.lesson], "policy_version": 0}
    found = desk.office.post("/api/v1/past-changes/preview", json=change).json()
    made = {"change": change, "fingerprint": found["fingerprint"], **REASON}
    do("POST", "/api/v1/past-changes", "past.change", json=made)
    asked = {"lesson_id": door.lesson, "policy_version": "0"}
    page = at.walk.client.post("/past-changes/policy", data=asked).text
    route = "/past-changes/{kind}/confirm"
    do("POST", route, "past.change", "policy", data=hidden_fields(page) | REASON)


def lost_event_routes(at: Places, door: Door) -> None:
    do = at.walk.do
    door.loses()
    door.loses()
    first, second = (one["id"] for one in door.read()["spans"])
    route = "/api/v1/kiosks/{kiosk_id}/lost-events/{span_id}/close"
    do("POST", route, "kiosk.close_lost_events", door.id, first, json=REASON)
    route = "/kiosks/{kiosk_id}/lost/{span_id}"
    do("POST", route, "kiosk.close_lost_events", door.id, second, data=REASON)
    for route, send in (
        ("/api/v1/kiosks/{kiosk_id}/missing-events/close", "json"),
        ("/kiosks/{kiosk_id}/missing", "data"),
    ):
        door.misses()
        missing = door.read()["missing"]
        body = {"first": missing["first"], "last": missing["last"], **REASON}
        request: dict[str, Any] = {send: body}
        do("POST", route, "kiosk.close_missing_events", door.id, **request)


def quarantine_routes(at: Places, door: Door) -> None:
    do = at.walk.do
    with at.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(door.id))
        kiosk.key_since = kiosk.claimed_at

    def waiting() -> str:
        early = door.device.event(now() - timedelta(days=9), person_id=at.desk.ada)
        with at.database.transaction() as db:
            take_in(db, [Delivery(door.id, door.device.batch([early]))], now())
        rows = at.walk.client.get("/api/v1/quarantine").json()["events"]
        row: str = rows[0]["id"]
        return row

    accepted = {"decision": "accepted", **REASON}
    route = "/api/v1/quarantine/{row_id}/decision"
    do("POST", route, "quarantine.accept", waiting(), json=accepted)
    discarded = {"decision": "discarded", **REASON}
    do("POST", "/quarantine/{row_id}", "quarantine.discard", waiting(), data=discarded)
    waiting()
    everything = {"kiosk_id": door.id, "cause": "before_claim", **REASON}
    do("POST", "/api/v1/quarantine/accept", "quarantine.accept_all", json=everything)
    waiting()
    params = {"kiosk": door.id, "cause": "before_claim"}
    do("POST", "/quarantine/accept", "quarantine.accept_all", params=params, data=REASON)


def kiosk_routes(at: Places) -> None:
    do, desk = at.walk.do, at.desk
    body = {"name": "A", "room_id": desk.room}
    made: str = do("POST", "/api/v1/kiosks", "kiosk.create", json=body).json()["id"]
    do("POST", "/kiosks/new", "kiosk.create", data=body | {"name": "B"})
    do("PATCH", "/api/v1/kiosks/{kiosk_id}", "kiosk.change", made, json={"name": "C"})
    do("POST", "/kiosks/{kiosk_id}/rename", "kiosk.change", made, data={"name": "D"})
    there, back = {"room_id": desk.other_room}, {"room_id": desk.room}
    do("POST", "/api/v1/kiosks/{kiosk_id}/move", "kiosk.move", made, json=there)
    do("POST", "/kiosks/{kiosk_id}/move", "kiosk.move", made, data=back)
    do("POST", "/api/v1/kiosks/{kiosk_id}/claim-codes", "kiosk.code", made)
    do("POST", "/kiosks/{kiosk_id}/code", "kiosk.code", made)
    hung = desk.hang_kiosk("E"), desk.hang_kiosk("F")
    since = {"from_date": day_in(-1), **REASON}
    route = "/api/v1/kiosks/{kiosk_id}/watermark-closures"
    do("POST", route, "kiosk.close_watermark", hung[0], json=since)
    do("POST", "/kiosks/{kiosk_id}/do-not-wait", "kiosk.close_watermark", hung[0], data=since)
    do("POST", "/api/v1/kiosks/{kiosk_id}/revoke", "kiosk.revoke", hung[0])
    do("POST", "/kiosks/{kiosk_id}/revoke", "kiosk.revoke", hung[1])


def people_routes(at: Places) -> None:
    do = at.walk.do
    person = {"student_number": "N1", "given_name": "Zoe", "family_name": "Kern"}
    made: str = do("POST", "/api/v1/people", "person.create", json=person).json()["id"]
    do("POST", "/people/new", "person.create", data=person | {"student_number": "N2"})
    other = person | {"given_name": "Zoë"}
    do("PATCH", "/api/v1/people/{person_id}", "person.change", made, json=other)
    do("POST", "/people/{person_id}/edit", "person.change", made, data=person)
    do("GET", "/api/v1/people/{person_id}", "person.view", made)
    do("GET", "/people/{person_id}/attendance", "person.view", made)
    do("GET", "/api/v1/people/{person_id}/attendance", "person.view", made)
    do("GET", "/people/{person_id}/edit", "person.view", made)
    do("GET", "/people/{person_id}", "person.view_biometrics", made)
    do("GET", "/people/{person_id}/short", "person.view_biometrics", made)
    do("GET", "/people/{person_id}/photos", "person.view_biometrics", made)
    do("GET", "/api/v1/people/{person_id}/consents", "person.view", made)
    route = "/api/v1/people/{person_id}/consents"
    given: str = do("POST", route, "consent.record", made, json=GIVEN).json()["id"]
    do("POST", "/people/{person_id}/consents/new", "consent.record", made, data=GIVEN)
    route += "/{consent_id}/withdraw"
    do("POST", route, "consent.withdraw", made, given)
    rows = at.walk.client.get(f"/api/v1/people/{made}/consents").json()
    left = next(one["id"] for one in rows if one["withdrawn_at"] is None)
    do("POST", route.removeprefix("/api/v1"), "consent.withdraw", made, left)
    _credential_api_routes(at, made)
    chosen = {"person_id": [made], "course_id": at.desk.other_course, "from_date": day_in(0)}
    do("POST", "/people/chosen/add", "roster.add", data=chosen)
    chosen.pop("from_date")
    do("POST", "/people/chosen/end", "roster.remove", data=chosen)
    erased = {"student_number": "N1", **REASON}
    do("POST", "/people/{person_id}/erase", "person.erase", made, data=erased)
    do("POST", "/api/v1/people/{person_id}/erase", "person.erase", at.desk.ben, json=REASON)


def _credential_api_routes(at: Places, person: str) -> None:
    do, route = at.walk.do, "/api/v1/people/{person_id}/credentials"
    do("POST", f"{route}/pin", "credentials.pin_issued", person)
    number = {"number": "04A2247B5D"}
    card: str = do("POST", f"{route}/cards", "credentials.card_added", person, json=number).json()[
        "id"
    ]
    do("DELETE", f"{route}/cards/{{card_id}}", "credentials.card_revoked", person, card)
    do("POST", f"{route}/link", "credentials.link_made", person)
    do("DELETE", f"{route}/link", "credentials.link_revoked", person)
    do("DELETE", f"{route}/pin", "credentials.pin_revoked", person)


def photo_routes(at: Places, worker: SteppedWorkers) -> None:
    do, ada = at.walk.do, at.desk.ada
    do("POST", "/models/choose", "network.choose", data={"model_id": DLIB})
    at.desk.post(f"/people/{ada}/consents", **GIVEN)
    photo: Callable[[], dict[str, Any]] = lambda: {"photo": ("a.jpg", another_jpeg())}  # noqa: E731
    route = "/api/v1/people/{person_id}/enrolments"
    one: str = do("POST", route, "enrolment.create", ada, files=photo()).json()["id"]
    do("POST", "/people/{person_id}/enrol", "enrolment.create", ada, files=photo())
    while worker.run_one() or worker.check_one():
        pass
    do("GET", "/api/v1/enrolments/{enrolment_id}", "person.view_biometrics", one)
    do("GET", "/enrolments/{enrolment_id}/progress", "person.view_biometrics", one)
    with at.database.transaction() as db:
        for template in db.exec(select(Template)):
            template.set_aside_reason = "outlier"
        first, second = sorted((uuid.UUID(ada), uuid.UUID(at.desk.ben)))
        found = Resemblance(
            first_id=first, second_id=second, model_id=DLIB, kind="duplicate", distance=0.1
        )
        db.add(found)
    page = "/people/{person_id}/enrolments/{enrolment_id}"
    do("POST", f"{page}/restore", "template.restore", ada, one)
    route = "/people/{person_id}/resembles/{other_id}/dismiss"
    do("POST", route, "resemblance.dismiss", ada, at.desk.ben)
    move_there_and_back(at.walk, at.desk, one)
    do("DELETE", f"/api/v1{page}", "enrolment.remove", ada, one)
    with at.database.reading() as db:
        accepted = Enrolment.status == EnrolmentStatus.ACCEPTED.value
        two = str(db.exec(select(Enrolment).where(accepted)).one().id)
    _measurement_routes(at)
    _network_routes(at)
    do("POST", f"{page}/remove", "enrolment.remove", ada, two)


def _measurement_routes(at: Places) -> None:
    do = at.walk.do
    do("POST", "/api/v1/accuracy", "accuracy.measure")
    with at.database.transaction() as db:
        jobs.forget_subject(db, "accuracy", ["measure"])
    do("POST", "/accuracy", "accuracy.measure")
    route = "/api/v1/accuracy/limits/{limit_id}"
    do("POST", route, "limit.decline", _question(at), json={"accept": False})
    do("POST", "/accuracy/limits/{limit_id}/decline", "limit.decline", _question(at))
    do("POST", "/accuracy/limits/{limit_id}/accept", "limit.accept", _question(at))


def _question(at: Places) -> str:
    """Let the server ask about a limit, stricter than what was declined before."""
    with at.database.transaction() as db:
        known = db.exec(select(StoredLimit.distance)).all()
        stricter = min(known, default=0.4) - 0.02
        figures = dict.fromkeys(ProposedLimit.__annotations__, 0)
        named = {"model_id": DLIB, "distance": stricter, "card_limit": 0.5, "raised_share": 0.4}
        limits.propose(db, ProposedLimit(**(figures | named | {"measured_at": now()})))  # type: ignore[arg-type]
        return str(next(iter(limits.questions(db).values())).id)


def credential_routes(at: Places) -> None:
    do, base = at.walk.do, "/credentials/{kind}/{holder_id}"
    ada = ("person", at.desk.ada)
    do("POST", f"{base}/pin", "credentials.pin_issued", *ada)
    do("POST", f"{base}/pin/show", "credentials.pin_shown", *ada)
    do("POST", f"{base}/pin/print", "credentials.pin_shown", *ada)
    do("POST", f"{base}/cards", "credentials.card_added", *ada, data={"number": "04A2247B5C"})
    page = at.walk.client.get(f"/credentials/person/{at.desk.ada}").text
    card: str = re.findall(r"/cards/([0-9a-f-]{36})/revoke", page)[0]
    do("POST", f"{base}/cards/{{card_id}}/revoke", "credentials.card_revoked", *ada, card)
    do("POST", f"{base}/cards/print", "credentials.card_added", *ada)
    do("POST", f"{base}/link", "credentials.link_made", *ada)
    do("POST", f"{base}/link/revoke", "credentials.link_revoked", *ada)
    do("POST", f"{base}/pin/revoke", "credentials.pin_revoked", *ada)
    chosen = {"person_id": [at.desk.ada]}
    do("POST", "/credentials/print/cards", "credentials.card_added", data=chosen)
    do("POST", "/credentials/print/letters", "credentials.pin_shown", data=chosen)


def policy_and_job_routes(at: Places) -> None:
    do = at.walk.do
    do("PUT", "/api/v1/policy", "policy.set", json={"attendance": {"late_after_min": 7}})
    do("POST", "/policy", "policy.set", data={"late_after_min": "8"})
    school = {"name": "Lindenhof", "timezone": "Europe/Berlin", "language": "en"}
    do("PUT", "/api/v1/school", "school.change", json=school)
    do("POST", "/school", "school.change", data=school)
    do("POST", "/first-steps/hide", "school.hide_steps")
    for scope, place in (("room", at.desk.room), ("course", at.desk.course)):
        path, key = f"/policy/{scope}s/{{{scope}_id}}", str(place)
        own, form = {"attendance": {"late_after_min": 9}}, {"own": "late_after_min"}
        do("PUT", f"/api/v1{path}", "policy.set_own", key, json=own)
        do("DELETE", f"/api/v1{path}", "policy.remove_own", key)
        do("POST", path, "policy.set_own", key, data=form | {"late_after_min": "7"})
        do("POST", f"{path}/remove", "policy.remove_own", key)
    with at.database.transaction() as db:
        for number in ("1", "2"):
            about = {"model": number}
            jobs.enqueue(db, "measure", about, subject="accuracy", actor="system")
        first, second = (str(one.id) for one in jobs.of_kind(db, "measure")[-2:])
    do("POST", "/jobs/retry", "job.retry_all")
    do("POST", "/jobs/{job_id}/retry", "job.retry", first)
    do("POST", "/jobs/{job_id}/cancel", "job.cancel", second)
    do("POST", "/audit/check", "audit.verify")


def report_routes(at: Places) -> None:
    do = at.walk.do
    limit = {"percent": "80", "least_lessons": "5"}
    do("POST", "/reports/at-risk-limit", "report.limit", data=limit)
    days = {"first": day_in(-6), "last": day_in(0)}
    made = do("POST", "/reports/prepare", "report.prepare", data=days).headers["location"]
    report = made.rsplit("/", maxsplit=1)[-1].split("?")[0]
    do("POST", "/reports/prepared/{report_id}/delete", "report.delete", report)
    do(
        "PUT",
        "/api/v1/reports/at-risk-limit",
        "report.limit",
        json={"percent": 70, "least_lessons": 5},
    )
    route = "/api/v1/reports/prepared"
    by_api: str = do("POST", route, "report.prepare", json=days).json()["id"]
    do("DELETE", f"{route}/{{report_id}}", "report.delete", by_api)


def _network_routes(at: Places) -> None:
    do = at.walk.do
    change = {"next": SFACE, "wanted_percent": "50"}
    do("POST", "/models/change", "network.start_change", data=change)
    do("POST", "/models/change/adjust", "network.adjust_change", data=change)
    do("GET", "/models/missing.csv", "people.export_missing")
    do("POST", "/models/change/cancel", "network.cancel_change", data={"model_id": SFACE})
    set_networks(at.database, DLIB, SFACE)
    assert at.walk.client.get("/models").status_code == 200  # a course without people, too
    with at.database.transaction() as db:
        template = db.exec(select(Template)).one()
        template.model_id, template.set_aside_reason = SFACE, None
        for kiosk in db.exec(select(Kiosk)):
            kiosk.status = {"embedder": SFACE}
    do("POST", "/models/change/switch", "network.switch", data={"model_id": SFACE})
    with at.database.transaction() as db:
        db.exec(select(Template)).one().model_id = DLIB
    do("POST", "/models/erase", "model.erase", data={"model_id": DLIB})


def _expected() -> set[tuple[str, str]]:
    """Every route of people that changes something, or reads the data of one person."""
    found = set()
    for route in (one for router in ROUTERS for one in router.routes):
        if isinstance(route, APIRoute) and current_kiosk not in guards_of(route.dependant):
            for method in (route.methods or set()) - {"HEAD"}:
                is_reading = any(part in route.path for part in OF_ONE_PERSON)
                if method != "GET" or is_reading:
                    found.add((method, route.path))
    return found


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_every_route_leaves_its_entry(
    app: FastAPI,
    desk: OfficeDesk,
    sign_in: SignIn,
    new_client: Callable[[], TestClient],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    encoder.offers, encoder.outcome = (DLIB, SFACE), FaceEncoded((TEMPLATE, FURTHER), 0.2)
    teaching = sign_in(Role.TEACHER)
    teacher: str = teaching.get("/api/v1/sign-in").json()["account_id"]
    at = Places(Walk(sign_in(Role.ADMIN), desk.database), desk, teacher)
    own_calendar_routes(at.walk, teaching)
    door = Door(desk)
    account_routes(at)
    token_routes(at)
    sign_in_routes(at, new_client())
    timetable_routes(at)
    lesson_routes(at)
    absence_routes(at)
    walk_guardians(at.walk, desk.ada)
    register_routes(at, door)
    code_routes(at.walk)
    lost_event_routes(at, door)
    quarantine_routes(at, door)
    kiosk_routes(at)
    photo_routes(at, worker)
    credential_routes(at)
    people_routes(at)
    policy_and_job_routes(at)
    report_routes(at)
    walk_imports(at.walk, ImportDesk(app, at.walk.client))
    assert at.walk.covered ^ _expected() == set(EXCEPTIONS)
