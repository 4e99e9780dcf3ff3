"""Measured limits: applied where they are stricter, asked about where they cost too much."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.messages import ConfigDocument
from server.accuracy.nightly import NightlyMeasurement, last_night
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.enrollment.tables import Template
from server.jobs.tables import Job
from server.kiosks import configuration
from server.kiosks.configuration import SchoolInfo
from server.kiosks.school_state import SchoolState, school_state
from server.kiosks.service import create_kiosk
from server.limits import service as limits
from server.limits.tables import LimitState, StoredLimit
from server.ml.school import CardHere, LimitHere, PairHere, SchoolOperatingPoint
from server.people.tables import Person
from server.timetable import service as timetable
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.support.crowd import Crowd
from tests.support.planning import BERLIN
from tests.support.stepping import SteppedWorkers

MODEL = TEMPLATE.model_id


def limit(distance: float, **figures: Any) -> LimitHere:
    given = {"expected_fpir": 0.0, "interval": (0.0, 0.9), "fnmr": 0.05, "fnmr_interval": (0, 0.1)}
    return LimitHere(target_fpir=1e-4, gallery_size=30, limit=distance, **(given | figures))


def measured(ceiling: float, raised: float, **more: Any) -> SchoolOperatingPoint:
    given = {
        "people": 40,
        "is_enough": True,
        "by_card": (CardHere(group="adult", limit=0.45, fnmr=0.1),),
        "pairs": 780,
        "ceiling": ceiling,
        "present": limit(0.45),
        "proposed": limit(min(ceiling, 0.45)),
        "raised_share": raised,
        "at_card_limits": (limit(0.45), limit(0.5)),
    }
    return SchoolOperatingPoint.model_validate(given | more)


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin."""
    return sign_in(Role.ADMIN)


@pytest.fixture
def crowd(app: FastAPI) -> Crowd:
    """Adds people with templates."""
    return Crowd(services_of(app).database, services_of(app).vault)


@pytest.fixture
def measure(
    admin: TestClient, worker: SteppedWorkers, encoder: FakeEncoder
) -> Callable[[SchoolOperatingPoint], None]:
    """Measure the school; the service answers as told."""

    def run(point: SchoolOperatingPoint) -> None:
        encoder.point = point
        admin.post("/api/v1/accuracy")
        assert worker.measure_one()

    return run


Measure = Callable[[SchoolOperatingPoint], None]


def figures(client: TestClient) -> Any:
    (found,) = client.get("/api/v1/accuracy").json()
    return found


def actions(database: Database) -> list[str]:
    with database.reading() as db:
        entries = db.exec(select(AuditEntry).order_by("seq"))
        return [one.action for one in entries if one.action.startswith("limit.")]


def document(app: FastAPI) -> ConfigDocument:
    """What a kiosk of the school is sent."""
    with services_of(app).database.transaction() as db:
        rooms = timetable.rooms(db)
        room = rooms[0] if rooms else timetable.create_room(db, "R1", actor="system")
        name = f"Door {uuid.uuid4().hex[:8]}"
        kiosk = create_kiosk(db, name=name, room_id=room.id, actor="system")
        return configuration.build(db, kiosk, SchoolInfo("School", BERLIN), now())


def source(app: FastAPI) -> SchoolState:
    with services_of(app).database.reading() as db:
        return school_state(db, services_of(app).vault, BERLIN, now())


def test_a_limit_that_costs_little_goes_to_kiosks_and_hints_them(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(40)
    before = source(app)
    measure(measured(0.43789, raised=0.2))

    (sent,) = document(app).measured_limits
    assert (sent.model_id, sent.distance, sent.people) == (MODEL, 0.437, 40)
    assert source(app) != before
    assert figures(admin)["limit_in_force"]["card_limit"] == 0.45
    assert actions(database) == ["limit.apply"]
    measure(measured(0.43789, raised=0.0))
    assert actions(database) == ["limit.apply"], "the same limit again is no change"
    assert "own limit is in force" in admin.get("/accuracy").text


def test_a_limit_looser_than_the_cards_is_sent_and_the_card_stays_in_force(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure
) -> None:
    crowd.add(40)
    measure(measured(0.61, raised=0.0))

    (sent,) = document(app).measured_limits
    assert sent.distance == 0.61, "the kiosk takes the smaller one"
    assert "network&#39;s own limit is in force" in admin.get("/accuracy").text


def test_a_limit_that_costs_many_is_asked_about_first(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(40, year_of_birth=1980)
    measure(measured(0.40, raised=0.21))

    assert document(app).measured_limits == ()
    assert figures(admin)["limit_in_force"] is None
    assert "asks for a stricter limit" in admin.get("/").text
    page = admin.get("/accuracy").text
    assert "about 21 in 100 students" in page
    asked = figures(admin)["question"]["id"]
    assert admin.post(f"/accuracy/limits/{asked}/accept").status_code == 303

    (sent,) = document(app).measured_limits
    assert sent.distance == 0.4
    assert "asks for a stricter limit" not in admin.get("/").text
    assert admin.post(f"/accuracy/limits/{asked}/accept").status_code == 409
    assert actions(database) == ["limit.ask", "limit.accept"]


def test_a_declined_limit_is_not_asked_again_until_it_is_stricter(
    admin: TestClient, crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(40)
    measure(measured(0.44, raised=0.0))
    measure(measured(0.40, raised=0.5))
    asked = figures(admin)["question"]["id"]
    answer = admin.post(f"/api/v1/accuracy/limits/{asked}", json={"accept": False})
    assert answer.status_code == 204

    measure(measured(0.40, raised=0.5))
    assert figures(admin)["question"] is None
    assert figures(admin)["limit_in_force"]["distance"] == 0.44
    assert "declined a stricter limit on" in admin.get("/accuracy").text
    measure(measured(0.39, raised=0.5))
    assert figures(admin)["question"]["distance"] == 0.39
    assert actions(database) == ["limit.apply", "limit.ask", "limit.decline", "limit.ask"]


def test_a_newer_measurement_replaces_an_open_question(
    admin: TestClient, crowd: Crowd, measure: Measure
) -> None:
    crowd.add(40, year_of_birth=1980)
    measure(measured(0.40, raised=0.5))
    older = figures(admin)["question"]["id"]
    measure(measured(0.44, raised=0.1))

    assert figures(admin)["question"] is None
    assert figures(admin)["limit_in_force"]["distance"] == 0.44
    assert admin.post(f"/accuracy/limits/{older}/accept").status_code == 404


def test_with_too_few_people_left_the_limit_is_taken_back(
    app: FastAPI, crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(30)
    measure(measured(0.43, raised=0.0))
    with database.transaction() as db:
        gone = db.exec(select(Template)).first()
        db.delete(gone)
    measure(SchoolOperatingPoint(people=29, is_enough=False))

    assert document(app).measured_limits == ()
    assert actions(database) == ["limit.apply", "limit.withdraw"]


def test_templates_that_cannot_be_read_take_no_limit_back(
    app: FastAPI, crowd: Crowd, measure: Measure
) -> None:
    crowd.add(30)
    measure(measured(0.43, raised=0.0))
    measure(SchoolOperatingPoint(people=12, is_enough=False))

    assert len(document(app).measured_limits) == 1


def test_adults_do_not_stand_for_the_few_young_people_among_them(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure
) -> None:
    crowd.add(35, year_of_birth=1980)
    crowd.add(5, year_of_birth=now().year - 10)
    measure(measured(0.43, raised=0.0))

    (sent,) = document(app).measured_limits
    assert sent.people == 0, "limits for children stay"
    assert "Only 5 of them are under 18" in admin.get("/accuracy").text


def test_the_first_limit_is_applied_where_kiosks_recognise_no_young_people_without_one(
    app: FastAPI, crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(40)  # without a year of birth they count as children
    measure(measured(0.40, raised=0.9))

    (sent,) = document(app).measured_limits
    assert (sent.distance, sent.people) == (0.4, 40)
    assert actions(database) == ["limit.apply"]


def test_a_question_about_a_network_that_nobody_uses_is_withdrawn(
    crowd: Crowd, measure: Measure, database: Database
) -> None:
    crowd.add(40, year_of_birth=1980)
    measure(measured(0.40, raised=0.9))

    with database.transaction() as db:
        assert limits.withdraw_unused(db, []) == 1

    with database.reading() as db:
        assert db.exec(select(StoredLimit)).all() == []


def test_people_whom_no_limit_tells_apart_are_named_and_become_look_alikes(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure, encoder: FakeEncoder
) -> None:
    crowd.add(40)
    admin.put("/api/v1/policy", json={"kiosk": {"gallery": "school"}})
    measure(measured(0.43, raised=0.0, pairs_left_out=(PairHere(a="0", b="1", distance=0.1),)))

    (pair,) = document(app).look_alikes
    page = admin.get("/accuracy").text
    assert all(f"/people/{person_id}" in page for person_id in pair)
    assert len(encoder.school_questions) == 1
    with services_of(app).database.reading() as db:
        stored = db.exec(select(StoredLimit)).one()
    assert stored.state == LimitState.IN_FORCE
    assert admin.get("/api/v1/accuracy").text.count(pair[0]) == 0, "figures name nobody"


def test_a_pair_of_people_who_were_erased_meanwhile_is_not_kept(
    app: FastAPI, admin: TestClient, crowd: Crowd, measure: Measure, encoder: FakeEncoder
) -> None:
    people = crowd.add(40)
    admin.put("/api/v1/policy", json={"kiosk": {"gallery": "school"}})

    def erase_all() -> None:
        with services_of(app).database.transaction() as db:
            for template in db.exec(select(Template)):
                db.delete(template)

    encoder.during = erase_all
    measure(measured(0.43, raised=0.0, pairs_left_out=(PairHere(a="0", b="1", distance=0.1),)))
    assert len(people) == 40
    assert document(app).look_alikes == ()


def test_the_limit_in_force_is_part_of_the_next_question(
    crowd: Crowd, measure: Measure, encoder: FakeEncoder
) -> None:
    crowd.add(40)
    measure(measured(0.43, raised=0.0))
    measure(measured(0.42, raised=0.0))

    assert [one.limit_in_force for one in encoder.school_questions] == [None, 0.43]


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TECHNICIAN, Role.DPO])
def test_only_an_admin_answers(
    sign_in: SignIn, crowd: Crowd, measure: Measure, admin: TestClient, role: Role
) -> None:
    crowd.add(40, year_of_birth=1980)
    measure(measured(0.40, raised=0.5))
    asked = figures(admin)["question"]["id"]
    other = sign_in(role)

    assert other.post(f"/accuracy/limits/{asked}/accept").status_code == 403
    answer = other.post(f"/api/v1/accuracy/limits/{asked}", json={"accept": True})
    assert answer.status_code == 403
    assert "asks for a stricter limit" not in other.get("/").text


def nightly(app: FastAPI, encoder: FakeEncoder) -> NightlyMeasurement:
    return NightlyMeasurement(services_of(app).database, encoder.software, lambda: BERLIN)


def at_night(days: int, hour: int = 3) -> datetime:
    """So many nights after the last one; at its hour, or a bit later."""
    quiet = last_night(now(), BERLIN).astimezone(BERLIN) + timedelta(days=days)
    return quiet.replace(hour=hour, minute=5)


def waiting(database: Database) -> int:
    with database.reading() as db:
        return len(db.exec(select(Job).where(Job.kind == "measure")).all())


def test_every_night_measures_what_changed(
    app: FastAPI,
    admin: TestClient,
    crowd: Crowd,
    worker: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    task = nightly(app, encoder)
    crowd.add(2)
    assert task.look(now()) == 0, "nobody had a template last night"
    assert task.look(at_night(1)) == 1
    assert task.look(at_night(1, hour=4)) == 0, "once a night"
    assert waiting(database) == 1
    worker.measure_one()

    assert task.look(at_night(2)) == 0, "nothing changed"
    crowd.add(1)
    assert task.look(at_night(3)) == 1
    worker.measure_one()
    admin.put("/api/v1/policy", json={"recognition": {"roster_fpir": 1e-3}})
    assert task.look(at_night(4)) == 1
    worker.measure_one()
    with database.transaction() as db:
        person = db.exec(select(Person)).first()
        assert person is not None
        person.year_of_birth = 2001
    assert task.look(at_night(5)) == 1
    worker.measure_one()
    encoder.offers = (*encoder.offers, "another")
    assert task.look(at_night(6)) == 1
    worker.measure_one()
    assert task.look(at_night(7)) == 0
    assert task.look(at_night(9)) == 1, "classes grow and people come of age"


def test_a_limit_of_people_who_are_all_gone_is_taken_back(
    app: FastAPI, crowd: Crowd, measure: Measure, encoder: FakeEncoder, database: Database
) -> None:
    crowd.add(30)
    measure(measured(0.43, raised=0.0))
    with database.transaction() as db:
        for template in db.exec(select(Template)):
            db.delete(template)

    assert nightly(app, encoder).look(at_night(1)) == 0
    assert document(app).measured_limits == ()
    assert actions(database) == ["limit.apply", "limit.withdraw"]


def test_nothing_is_asked_of_a_service_that_was_never_heard(
    app: FastAPI, crowd: Crowd, database: Database
) -> None:
    crowd.add(2)
    silent = NightlyMeasurement(services_of(app).database, str, lambda: BERLIN)

    assert silent.look(at_night(1)) == 0
    assert waiting(database) == 0


def test_where_the_whole_school_is_known_older_people_are_listed_without_a_name(
    app: FastAPI, admin: TestClient, crowd: Crowd
) -> None:
    year = now().year
    crowd.add(1, year_of_birth=year - 10)
    (teen,) = crowd.add(1, year_of_birth=year - 16)
    (adult,) = crowd.add(1, year_of_birth=year - 30)
    crowd.add(1)
    assert document(app).people == ()

    admin.put("/api/v1/policy", json={"kiosk": {"gallery": "school"}})
    listed = {one.id: (one.display_name, one.limit_group) for one in document(app).people}
    assert listed == {str(teen): ("", "teen"), str(adult): ("", "adult")}

    admin.put("/api/v1/policy", json={"ages": {"without_year": "adult"}})
    assert len(document(app).people) == 3


def test_a_year_of_birth_hints_kiosks(app: FastAPI, office: TestClient, crowd: Crowd) -> None:
    (person_id,) = crowd.add(1)
    before = source(app)
    person = office.get(f"/api/v1/people/{person_id}").json()
    body = {key: person[key] for key in ("student_number", "given_name", "family_name")}
    office.patch(f"/api/v1/people/{person_id}", json=body | {"year_of_birth": 2012})

    assert source(app) != before
