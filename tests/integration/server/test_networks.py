"""The school's network: chosen before the first photo, fixed by it, and changed later."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.enrollment.tables import Enrolment, EnrolmentStatus, GalleryChange, Template
from server.kiosks.service import create_kiosk
from server.kiosks.tables import KioskState
from server.ml.encoder import FaceEncoded, FaceTemplate, GroupMistakes, ModelOrigin
from server.networks.service import networks_of, weak_network_note
from server.timetable import service as timetable
from server.web.principal import Role
from server.web.translations import translator
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN, count, enrol, jobs_of
from tests.support.networks import set_networks
from tests.support.stepping import SteppedWorkers

DLIB, SFACE = TEMPLATE.model_id, "sface-2021dec"
WEAK = "This school uses the network that comes with Rollcall"
FURTHER = FaceTemplate(SFACE, (1.0, 0.0))


@pytest.fixture
def admin(sign_in: SignIn, worker: SteppedWorkers, encoder: FakeEncoder) -> TestClient:
    """A client signed in as an admin; the service has two networks, SFace comes first."""
    encoder.offers = (SFACE, DLIB)
    encoder.outcome = FaceEncoded((FURTHER, TEMPLATE), 0.2)
    return sign_in(Role.ADMIN)


@pytest.fixture
def enrolled(
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> str:
    """Somebody whom kiosks recognise with dlib's network."""
    set_networks(database, DLIB)
    encoder.outcome = FaceEncoded((TEMPLATE, FURTHER), 0.2)
    enrol(office, person_id)
    work(worker)
    return person_id


def work(worker: SteppedWorkers) -> None:
    while worker.run_one() or worker.add_one() or worker.check_one():
        pass


def another_person(office: TestClient, number: int) -> str:
    body = {"student_number": f"T-{number}", "given_name": f"=Given{number}", "family_name": "F"}
    other: str = office.post("/api/v1/people", json=body).json()["id"]
    office.post(f"/api/v1/people/{other}/consents", json=GIVEN)
    return other


def networks(database: Database) -> tuple[str | None, str | None]:
    with database.reading() as db:
        found = networks_of(db)
        return found.current, found.next


def models(database: Database) -> list[str]:
    with database.reading() as db:
        return sorted(row.model_id for row in db.exec(select(Template)))


def actions(database: Database) -> list[tuple[str, str]]:
    with database.reading() as db:
        rows = db.exec(select(AuditEntry).order_by("seq"))
        return [(row.action, row.actor) for row in rows if row.subject in {"network", "model"}]


def post(client: TestClient, what: str, **form: str) -> int:
    return client.post(f"/models/{what}", data=form).status_code


def hang(database: Database, name: str, embedder: str | None, **status: Any) -> str:
    with database.transaction() as db:
        room = timetable.create_room(db, f"Room of {name}", actor="system")
        kiosk = create_kiosk(db, name=name, room_id=room.id, actor="system")
        kiosk.state, kiosk.status = KioskState.CLAIMED, {"embedder": embedder} | status
        return str(kiosk.id)


def test_first_accepted_photo_fixes_the_services_own_network(
    admin: TestClient,
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    assert "Suggested" in admin.get("/models").text
    enrol(office, person_id)
    work(worker)
    assert encoder.asked_for == [None]
    assert (networks(database), models(database)) == ((SFACE, None), [SFACE])
    assert actions(database) == [("network.choose", "system")]
    enrol(office, another_person(office, 1))
    work(worker)
    assert encoder.asked_for[-1] == (SFACE,)
    assert actions(database) == [("network.choose", "system")]


def test_admin_chooses_before_the_first_photo_and_not_later(
    admin: TestClient,
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    assert post(admin, "choose", model_id="none") == 400
    assert post(admin, "choose", model_id=SFACE) == 303
    assert post(admin, "choose", model_id=DLIB) == 303
    assert networks(database) == (DLIB, None)
    enrol(office, person_id)
    work(worker)
    assert models(database) == [DLIB]
    assert post(admin, "choose", model_id=SFACE) == 409
    assert networks(database) == (DLIB, None)
    assert [action for action, _ in actions(database)] == ["network.choose"] * 2


def test_photo_waits_while_the_service_lacks_the_schools_network(
    admin: TestClient,
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    set_networks(database, "another")
    enrol(office, person_id)
    assert worker.run_one()
    assert encoder.photos == []
    (job,) = jobs_of(database, "encode")
    assert (job.last_reason, job.attempts) == ("MODEL_GONE", 0)


def test_photo_is_encoded_anew_where_the_network_was_chosen_meanwhile(
    admin: TestClient,
    office: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    encoder.during = lambda: set_networks(database, DLIB)
    enrol(office, person_id)
    assert worker.run_one()
    assert count(database, Template) == 0
    assert len(jobs_of(database, "encode")) == 1


def test_a_change_makes_templates_of_both_and_switches_when_enough_are_ready(
    admin: TestClient, enrolled: str, worker: SteppedWorkers, database: Database
) -> None:
    assert WEAK in admin.get("/models").text
    assert post(admin, "change", next=SFACE, wanted_percent="95") == 303
    assert post(admin, "change/switch", model_id=SFACE) == 409
    assert "0 of 1 students" in admin.get("/models").text
    worker.find_missing()
    work(worker)
    assert "1 of 1 students" in admin.get("/models").text
    assert post(admin, "change/switch", model_id=DLIB) == 409
    assert post(admin, "change/switch", model_id=SFACE) == 303
    assert networks(database) == (SFACE, None)
    assert models(database) == [DLIB, SFACE], "the old ones stay until an admin erases them"
    assert WEAK not in admin.get("/models").text
    assert post(admin, "erase", model_id=SFACE) == 409
    assert post(admin, "erase", model_id=DLIB) == 303
    assert models(database) == [SFACE]
    names = [action for action, _ in actions(database)]
    assert names == ["network.start_change", "network.switch", "model.erase"]


def test_cancelled_change_leaves_nothing_of_the_next_network(
    admin: TestClient, enrolled: str, worker: SteppedWorkers, database: Database
) -> None:
    post(admin, "change", next=SFACE, collects_scans="true")
    worker.find_missing()
    work(worker)
    assert models(database) == [DLIB, SFACE]
    assert post(admin, "change/cancel", model_id=DLIB) == 409
    assert post(admin, "change/cancel", model_id=SFACE) == 303
    assert (networks(database), models(database)) == ((DLIB, None), [DLIB])
    with database.reading() as db:
        kinds = [one.kind for one in db.exec(select(GalleryChange).order_by("seq"))]
    assert kinds == ["upsert", "upsert", "tombstone"]
    assert worker.find_missing() == 0
    assert [one for one, _ in actions(database)][-2:] == ["network.cancel_change", "model.erase"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"next": DLIB}, 409),
        ({"next": "none"}, 400),
        ({"next": SFACE, "wanted_percent": "49"}, 422),
        ({"next": SFACE, "wanted_percent": "100"}, 303),
    ],
)
def test_change_that_makes_no_sense_is_refused(
    admin: TestClient, enrolled: str, database: Database, form: dict[str, str], expected: int
) -> None:
    assert post(admin, "change", **form) == expected
    is_started = networks(database)[1] is not None
    assert is_started == (expected == 303)
    assert post(admin, "change", next=SFACE) == (409 if is_started else 303)


def test_change_can_be_adjusted_while_it_runs(
    admin: TestClient, enrolled: str, database: Database
) -> None:
    assert post(admin, "change/adjust", next=SFACE) == 409
    post(admin, "change", next=SFACE)
    form = {"next": SFACE, "collects_scans": "true", "wanted_percent": "60"}
    assert post(admin, "change/adjust", **form) == 303
    page = admin.get("/models").text
    assert 'value="60"' in page
    unchecked = "Kiosks do not check for live faces now"
    assert unchecked not in page  # a new school checks
    admin.put("/api/v1/policy", json={"kiosk": {"liveness": "off"}})
    assert unchecked in admin.get("/models").text
    with database.reading() as db:
        assert networks_of(db).collects_scans


def test_who_is_not_ready_is_listed_and_later_needs_a_photo(
    admin: TestClient,
    office: TestClient,
    enrolled: str,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    post(admin, "change", next=SFACE, wanted_percent="50")
    worker.find_missing()
    work(worker)
    late = another_person(office, 2)
    encoder.outcome = FaceEncoded((TEMPLATE,), 0.2)
    enrol(office, late)
    work(worker)
    assert f"/people/{late}" in admin.get("/models").text
    assert f"/people/{enrolled}" not in admin.get("/models").text
    assert "'=Given2" in admin.get("/models/missing.csv").text
    state = admin.get("/api/v1/networks").json()["change"]
    assert (state["people"], state["covered"], state["may_switch"]) == (2, 1, True)
    assert post(admin, "change/switch", model_id=SFACE) == 303
    assert "One student cannot be recognised" in admin.get("/models").text
    assert late in office.get("/people/coverage?cover=renew").text
    assert enrolled not in office.get("/people/coverage?cover=renew").text
    assert "A new photo is needed" in office.get(f"/people/{late}").text
    assert "'=Given2" in admin.get("/models/missing.csv").text


def test_people_without_consent_or_photo_do_not_hold_a_change_up(
    admin: TestClient,
    office: TestClient,
    enrolled: str,
    worker: SteppedWorkers,
    database: Database,
) -> None:
    another_person(office, 3)
    post(admin, "change", next=SFACE, wanted_percent="100")
    worker.find_missing()
    work(worker)
    assert "1 of 1 students" in admin.get("/models").text
    assert "Every student is ready." in admin.get("/models").text


def test_coverage_is_shown_by_class(
    admin: TestClient, office: TestClient, enrolled: str, database: Database
) -> None:
    course = office.post("/api/v1/courses", json={"code": "BIO-9", "title": "Biology"}).json()
    office.post(f"/api/v1/courses/{course['id']}/roster", json={"person_id": enrolled})
    post(admin, "change", next=SFACE)
    (one,) = admin.get("/api/v1/networks").json()["change"]["classes"]
    assert one == {"course_id": course["id"], "people": 1, "covered": 0}
    assert "0 / 1" in admin.get("/models").text


def test_shadow_counts_of_all_kiosks_are_added(
    admin: TestClient, enrolled: str, database: Database
) -> None:
    post(admin, "change", next=SFACE)
    assert "No kiosk has counted a scan yet." in admin.get("/models").text
    counted = {"model_id": SFACE, "since": "2026-11-23T08:00:00.000Z", "agreed": 1200, "missed": 3}
    hang(database, "A", DLIB, shadow=counted)
    hang(database, "B", DLIB, shadow=counted | {"agreed": 34})
    hang(database, "C", DLIB, shadow=counted | {"model_id": "another"})
    page = admin.get("/models").text
    assert "Counted at 2 kiosks, 1,240 scans." in page
    assert "1,234" in page


def test_kiosk_with_another_network_is_named_on_both_pages(
    admin: TestClient, enrolled: str, database: Database
) -> None:
    odd, usual = hang(database, "Odd door", "omz-0095"), hang(database, "Usual door", DLIB)
    silent = hang(database, "Silent door", None)
    page = admin.get("/models").text
    assert "These kiosks use another network: Odd door." in page
    words = "This kiosk uses another network"
    assert words in admin.get(f"/kiosks/{odd}").text
    assert words not in admin.get(f"/kiosks/{usual}").text
    assert words not in admin.get(f"/kiosks/{silent}").text


def test_weak_network_is_named_only_where_it_is_in_use(
    admin: TestClient, database: Database
) -> None:
    kiosk = hang(database, "Door", None)
    for current, is_said in ((None, False), (SFACE, False), (DLIB, True)):
        set_networks(database, current)
        with database.reading() as db:
            key = weak_network_note(db)
        assert (key is not None) == is_said
        for path in ("/models", f"/kiosks/{kiosk}"):
            assert (WEAK in admin.get(path).text) == is_said
    assert key in translator("en").texts


def test_origin_of_each_network_is_shown(
    admin: TestClient, encoder: FakeEncoder, database: Database
) -> None:
    encoder.known_origins = (
        ModelOrigin(SFACE, "OpenCV Zoo SFace", "Apache-2.0", "OpenCV Zoo says so", "undisclosed"),
        ModelOrigin(
            DLIB, "dlib", "CC0-1.0", groups=(GroupMistakes("east-asian-women", (0.5, 51.0)),)
        ),
    )
    page = admin.get("/models").text
    for words in (
        "Apache-2.0",
        "OpenCV Zoo says so",
        "undisclosed",
        "CC0-1.0",
        "Not known",
        "0.5-51 %",
    ):
        assert words in page
    assert page.index(f'data-model="{SFACE}"') < page.index(f'data-model="{DLIB}"')


def test_page_works_while_the_service_is_away(
    admin: TestClient, enrolled: str, encoder: FakeEncoder
) -> None:
    encoder.is_up = False
    page = admin.get("/models")
    assert page.status_code == 200
    assert "The recognition service cannot be reached" in page.text
    assert "Not installed" not in page.text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_exists_in_every_language(
    admin: TestClient, enrolled: str, worker: SteppedWorkers, language: str
) -> None:
    admin.cookies.set("rollcall_language", language)
    assert admin.get("/models").status_code == 200
    post(admin, "change", next=SFACE, collects_scans="true")
    assert admin.get("/models").status_code == 200


def test_data_protection_reads_and_only_admins_change(
    sign_in: SignIn, enrolled: str, admin: TestClient, database: Database
) -> None:
    officer = sign_in(Role.DPO)
    for path in ("/models", "/models/missing.csv", "/api/v1/networks"):
        assert officer.get(path).status_code == 200
    for what in ("choose", "change", "change/adjust", "change/cancel", "change/switch", "erase"):
        assert post(officer, what, model_id=SFACE, next=SFACE) == 403
    assert 'action="/models' not in officer.get("/models").text
    assert networks(database) == (DLIB, None)


@pytest.mark.parametrize("role", [Role.TEACHER, Role.TECHNICIAN])
def test_others_see_nothing_of_it(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    for path in ("/models", "/models/missing.csv", "/api/v1/networks"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize(("embedder", "expected"), [(DLIB, 409), (None, 409), (SFACE, 303)])
def test_templates_that_a_kiosk_compares_or_perhaps_does_stay(
    admin: TestClient, enrolled: str, database: Database, embedder: str | None, expected: int
) -> None:
    set_networks(database, SFACE)
    hang(database, "Door", embedder)
    assert post(admin, "erase", model_id=DLIB) == expected
    assert count(database, Template) == (1 if expected == 409 else 0)


def test_who_would_be_lost_is_counted_before_an_erasure(
    admin: TestClient, enrolled: str, database: Database
) -> None:
    set_networks(database, SFACE)
    assert "1 people have no template of another network" in admin.get("/models").text


def test_enrolment_from_scans_ends_with_its_last_template(
    admin: TestClient, enrolled: str, database: Database
) -> None:
    with database.transaction() as db:
        row = db.exec(select(Enrolment)).one()
        row.source = "scan"
    set_networks(database, SFACE)
    assert post(admin, "erase", model_id=DLIB) == 303
    with database.reading() as db:
        assert db.exec(select(Enrolment)).one().status == EnrolmentStatus.WITHDRAWN


def test_accuracy_page_shows_no_models_any_more(app: FastAPI, admin: TestClient) -> None:
    del app
    assert "/accuracy/models" not in admin.get("/accuracy").text
    assert admin.post("/accuracy/models/erase", data={"model_id": DLIB}).status_code in {404, 405}
