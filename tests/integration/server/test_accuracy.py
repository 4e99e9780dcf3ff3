"""The school measures itself on its own templates; nobody is named, small groups are not shown."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.messages import Policy
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.enrollment.tables import Template
from server.jobs.service import MAX_ATTEMPTS
from server.ml.encoder import GalleryFindings, Resembling
from server.ml.school import CohortHere, LimitHere, SchoolOperatingPoint
from server.timetable import service as timetable
from server.web.principal import Role
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN, end_waiting, enrol
from tests.support.stepping import SteppedWorkers


def limit(target: float, size: int = 30, **figures: Any) -> LimitHere:
    given = {"limit": 0.4, "expected_fpir": 0.0, "interval": (0.0, 0.003)} | figures
    return LimitHere(target_fpir=target, gallery_size=size, **given)


POINT = SchoolOperatingPoint(
    people=120,
    is_enough=True,
    pairs=7140,
    ceiling=0.43789,
    at_card_limits=(
        limit(1e-4, fnmr=0.05, fnmr_interval=(0.02, 0.11)),
        limit(1e-2, expected_fpir=0.004),
    ),
)


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin."""
    return sign_in(Role.ADMIN)


@pytest.fixture
def measuring(worker: SteppedWorkers) -> SteppedWorkers:
    """Measures one model at a time."""
    return worker


@pytest.fixture
def enrolled(
    office: TestClient, person_id: str, consent: dict[str, Any], worker: SteppedWorkers
) -> str:
    """Somebody with a template."""
    del consent
    enrol(office, person_id)
    while worker.run_one():
        pass
    return person_id


def figures(client: TestClient) -> Any:
    return client.get("/api/v1/accuracy").json()


def test_nothing_is_measured_where_nobody_is_enrolled(
    admin: TestClient, measuring: SteppedWorkers
) -> None:
    assert admin.post("/api/v1/accuracy").json() == {"added": 0}
    assert not measuring.measure_one()
    assert "Nobody is enrolled" in admin.get("/accuracy").text


def test_a_measurement_is_asked_for_once_taken_and_shown(
    admin: TestClient,
    enrolled: str,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    del enrolled
    encoder.point = POINT
    assert admin.post("/accuracy").status_code == 303
    admin.post("/accuracy")
    assert "every 2s" in admin.get("/accuracy").text

    assert measuring.measure_one()
    assert not measuring.measure_one()

    (found,) = figures(admin)
    assert (found["model_id"], found["is_waiting"]) == (TEMPLATE.model_id, False)
    assert found["figures"]["pairs"] == 7140
    page = admin.get("/accuracy").text
    assert "every 2s" not in page
    assert "7,140" in page
    assert "5.0 %" in page
    with database.reading() as db:
        entries = [one.action for one in db.exec(select(AuditEntry).order_by("seq"))]
    assert entries.count("accuracy.measure") == 1


def test_the_policys_rate_comes_first_and_people_are_numbers(
    admin: TestClient, enrolled: str, measuring: SteppedWorkers, encoder: FakeEncoder
) -> None:
    policy = Policy().model_dump(mode="json")
    policy["recognition"]["roster_fpir"] = 0.002
    admin.put("/api/v1/policy", json=policy)
    admin.post("/api/v1/accuracy")
    measuring.measure_one()
    (question,) = encoder.school_questions
    assert question.targets[0] == 0.002
    assert sorted(question.targets[1:]) == [1e-5, 1e-4, 1e-3, 1e-2]
    (person,) = question.people
    assert person.key == "0"
    assert enrolled not in repr(question)
    assert person.templates[0] == pytest.approx(TEMPLATE.embedding)
    assert question.roster_sizes == [30]


def test_courses_of_today_are_the_cohorts_and_their_sizes_the_rosters(
    admin: TestClient,
    enrolled: str,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    with database.transaction() as db:
        course_id = timetable.create_course(db, code="MA-9", title="Mathematics", actor="system").id
    added = admin.post(f"/api/v1/courses/{course_id}/roster", json={"person_id": enrolled})
    assert added.status_code == 201, added.text
    encoder.point = POINT.model_copy(
        update={
            "cohorts": (
                CohortHere(
                    name=str(course_id), people=31, suppressed=False, at_card_limits=(limit(1e-4),)
                ),
                CohortHere(name=str(uuid.uuid4()), suppressed=True),
            )
        }
    )
    admin.post("/api/v1/accuracy")
    measuring.measure_one()
    (question,) = encoder.school_questions
    assert question.people[0].cohorts == (str(course_id),)
    assert question.roster_sizes == [30]
    page = admin.get("/accuracy").text
    assert "MA-9" in page
    assert "Not shown: 1 courses" in page


def test_who_took_consent_back_or_was_set_aside_is_not_measured(
    admin: TestClient,
    office: TestClient,
    enrolled: str,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    body = {"student_number": "S-2", "given_name": "Other", "family_name": "One"}
    other = office.post("/api/v1/people", json=body).json()["id"]
    with database.transaction() as db:
        mine = db.exec(select(Template)).one()
        aside = Template(**mine.model_dump(exclude={"id"}) | {"set_aside_reason": "outlier"})
        foreign = Template(
            **mine.model_dump(exclude={"id", "person_id"}) | {"person_id": uuid.UUID(other)}
        )
        db.add(aside)
        db.add(foreign)
    assert other != enrolled
    admin.post("/api/v1/accuracy")
    measuring.measure_one()
    (question,) = encoder.school_questions
    assert [len(person.templates) for person in question.people] == [1]


def test_a_service_that_is_away_is_asked_again(
    admin: TestClient, enrolled: str, measuring: SteppedWorkers, encoder: FakeEncoder
) -> None:
    del enrolled
    encoder.is_up = False
    admin.post("/api/v1/accuracy")
    measuring.measure_one()
    assert figures(admin)[0]["is_waiting"]
    encoder.is_up = True
    encoder.point = POINT
    assert measuring.measure_one()
    assert figures(admin)[0]["figures"]["people"] == 120


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (None, "cannot measure this network"),
        (SchoolOperatingPoint(people=12, is_enough=False), "Only 12 enrolled people"),
    ],
)
def test_why_there_are_no_figures_is_said(
    admin: TestClient,
    enrolled: str,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    point: SchoolOperatingPoint | None,
    words: str,
) -> None:
    del enrolled
    encoder.point = point
    admin.post("/accuracy")
    measuring.measure_one()
    assert words in admin.get("/accuracy").text


def test_a_measurement_that_keeps_failing_is_given_up_and_can_be_asked_for_again(
    admin: TestClient,
    enrolled: str,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    del enrolled
    encoder.fails_on_schools = True
    admin.post("/accuracy")
    for _ in range(MAX_ATTEMPTS):
        end_waiting(database)
        assert measuring.measure_one()
    page = admin.get("/accuracy").text
    assert "failed several times" in page
    assert "every 2s" not in page
    encoder.fails_on_schools = False
    admin.post("/accuracy")
    assert measuring.measure_one()
    assert "failed several times" not in admin.get("/accuracy").text


def test_a_template_that_does_not_open_is_left_out(
    admin: TestClient,
    office: TestClient,
    enrolled: str,
    worker: SteppedWorkers,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
    database: Database,
) -> None:
    enrol(office, enrolled)
    worker.run_one()
    with database.transaction() as db:
        broken = db.exec(select(Template)).first()
        assert broken is not None
        broken.data = b"altered"
    admin.post("/accuracy")
    assert measuring.measure_one()
    (person,) = encoder.school_questions[-1].people
    assert len(person.templates) == 1


def test_one_of_two_who_may_be_one_person_is_left_out(
    admin: TestClient,
    office: TestClient,
    enrolled: str,
    worker: SteppedWorkers,
    measuring: SteppedWorkers,
    encoder: FakeEncoder,
) -> None:
    body = {"student_number": "S-2", "given_name": "Other", "family_name": "One"}
    other = office.post("/api/v1/people", json=body).json()["id"]
    office.post(f"/api/v1/people/{other}/consents", json=GIVEN)
    worker.check_one()
    encoder.findings = GalleryFindings({}, (Resembling(enrolled, 0.2),))
    enrol(office, other)
    while worker.run_one() or worker.check_one():
        pass
    admin.post("/accuracy")
    measuring.measure_one()
    assert len(encoder.school_questions[-1].people) == 1


def test_data_protection_reads_and_only_admins_measure(sign_in: SignIn) -> None:
    officer = sign_in(Role.DPO)
    assert officer.get("/accuracy").status_code == 200
    assert officer.get("/api/v1/accuracy").status_code == 200
    assert officer.post("/accuracy").status_code == 403
    assert officer.post("/api/v1/accuracy").status_code == 403


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.TECHNICIAN])
def test_others_see_nothing_of_it(sign_in: Callable[[Role], TestClient], role: Role) -> None:
    client = sign_in(role)
    assert client.get("/accuracy").status_code == 403
    assert client.get("/api/v1/accuracy").status_code == 403
