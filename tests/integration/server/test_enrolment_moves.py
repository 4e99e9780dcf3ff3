"""Photos that were enrolled under the wrong person go to the right one."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.types import new_id, now
from server.enrollment import moving
from server.enrollment.gallery import open_template
from server.enrollment.kinds import COMPARE, ENCODE
from server.enrollment.photo import open_photo
from server.enrollment.tables import (
    Enrolment,
    EnrolmentMove,
    EnrolmentPhoto,
    GalleryChange,
    Template,
)
from server.kiosks import gallery
from server.kiosks.school_state import school_state
from server.kiosks.tables import GalleryEntry, Kiosk
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from server.web.principal import Role
from server.web.state import services_of
from server.web.translations import translator
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.enrolling import GIVEN, another_jpeg, count, enrol, jobs_of
from tests.support.office_desk import OfficeDesk
from tests.support.stepping import SteppedWorkers

__all__ = ["race"]
words = translator("en")
PEOPLE = "/api/v1/people"


class Mixup:
    """Ben's photos under Ada, a kiosk that marked Ada with them, and an admin.

    Ben is right, Ada is wrong.
    """

    def __init__(self, desk: OfficeDesk, admin: TestClient, worker: SteppedWorkers) -> None:
        self.desk, self.admin, self.worker = desk, admin, worker
        self.database = desk.database
        self.ada, self.ben = desk.ada, desk.ben
        self.consents = {one: self.consent(one) for one in (self.ada, self.ben)}

    def consent(self, person: str) -> str:
        made: str = self.desk.post(f"/people/{person}/consents", **GIVEN)["id"]
        return made

    def enrol(self, person: str = "", photo: bytes | None = None, *, work: bool = True) -> str:
        """Enrol a photo and let it go to kiosks."""
        made: str = enrol(self.desk.office, person or self.ada, photo)["id"]
        while work and (self.worker.run_one() or self.worker.check_one()):
            pass
        return made

    def move(self, *photos: str, to: str = "") -> Any:
        body = {"to_person_id": to or self.ben, "enrolment_ids": list(photos) or None}
        return self.admin.post(f"{PEOPLE}/{self.ada}/enrolments/move", json=body)

    def used_for(self, days: int) -> None:
        """Let every template have been at kiosks for some days."""
        with self.database.transaction() as db:
            for one in db.exec(select(Template)):
                one.checked_at = now() - timedelta(days=days)

    def owners(self, table: Any = Template) -> list[str]:
        with self.database.reading() as db:
            return [str(one) for one in db.exec(select(table.person_id))]


@pytest.fixture
def mixup(desk: OfficeDesk, sign_in: SignIn, worker: SteppedWorkers) -> Mixup:
    return Mixup(desk, sign_in(Role.ADMIN), worker)


def test_a_move_takes_photo_and_templates_to_the_right_person(
    mixup: Mixup, encoder: FakeEncoder, app: Any
) -> None:
    photo = another_jpeg()
    enrolment = mixup.enrol(photo=photo)
    answer = mixup.move()
    assert answer.status_code == 201
    assert mixup.move().json() == answer.json()  # all again: there is nothing left, and no error
    assert mixup.owners() == mixup.owners(Enrolment) == [mixup.ben]
    vault = services_of(app).vault
    with mixup.database.reading() as db:
        (template,) = db.exec(select(Template)).all()
        kept = db.get_one(EnrolmentPhoto, uuid.UUID(enrolment))
        assert open_template(vault, template) == pytest.approx(TEMPLATE.embedding)
        assert open_photo(vault, kept) == photo
        changes = db.exec(select(GalleryChange).order_by(col(GalleryChange.seq))).all()
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "enrolment.move")).one()
    # Kiosks drop the old template now, and get the new one after its check.
    assert [(str(one.person_id), one.kind) for one in changes] == [
        (mixup.ada, "upsert"),
        (mixup.ada, "tombstone"),
    ]
    assert template.id != changes[0].template_id
    assert (template.checked_at, entry.details["other"]) == (None, mixup.ben)
    assert entry.subject == f"person:{mixup.ada}"
    assert [one.subject for one in jobs_of(mixup.database, COMPARE)] == [f"person:{mixup.ben}"]
    assert mixup.worker.check_one()
    with mixup.database.reading() as db:
        assert db.exec(select(GalleryChange.kind, GalleryChange.person_id)).all()[2:] == [
            ("upsert", uuid.UUID(mixup.ben))
        ]
    # The same file again is no second photo of the right person.
    assert enrol(mixup.desk.office, mixup.ben, photo)["id"] == enrolment


def test_every_kiosk_drops_the_old_template_and_takes_the_new_one(
    mixup: Mixup, app: Any, settings: Any
) -> None:
    mixup.enrol()
    kiosk_id = uuid.UUID(mixup.desk.hang_kiosk())

    def held() -> list[tuple[str, str | None]]:
        with mixup.database.transaction() as db:
            kiosk = db.get_one(Kiosk, kiosk_id)
            state = school_state(db, services_of(app).vault, settings.zone, now())
            gallery.refresh(db, kiosk, state, at=now())
            entries = select(GalleryEntry).order_by(col(GalleryEntry.change))
            return [(str(one.person_id), one.gone) for one in db.exec(entries)]

    with mixup.database.transaction() as db:
        policy = SchoolPolicy.model_validate({"kiosk": {"gallery": "school"}})
        set_policy(db, policy, actor="system")
    assert held() == [(mixup.ada, None)]
    mixup.move()
    assert held() == [(mixup.ada, "erased")]
    mixup.worker.check_one()
    assert held() == [(mixup.ada, "erased"), (mixup.ben, None)]


def test_without_consent_of_the_right_person_nothing_moves(mixup: Mixup) -> None:
    enrolment = mixup.enrol()
    mixup.desk.post(f"/people/{mixup.ben}/consents/{mixup.consents[mixup.ben]}/withdraw")
    answer = mixup.move()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "consent_required")
    page = mixup.admin.get(f"/people/{mixup.ada}/move?to={mixup.ben}").text
    assert words("moves.no_consent_title") in page
    assert f"/people/{mixup.ben}/consents/new" in page
    data = {"to": mixup.ben, "enrolment": enrolment}
    refused = mixup.admin.post(f"/people/{mixup.ada}/move", data=data)
    assert refused.status_code == 400
    assert words("problems.move_consent") in refused.text
    assert mixup.owners() == [mixup.ada]
    assert count(mixup.database, EnrolmentMove) == 0


def test_a_part_moves_and_pressing_the_button_twice_moves_once(mixup: Mixup) -> None:
    first, second = mixup.enrol(), mixup.enrol()
    data = {"to": mixup.ben, "enrolment": first}
    answers = [mixup.admin.post(f"/people/{mixup.ada}/move", data=data) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert count(mixup.database, EnrolmentMove) == 1
    with mixup.database.reading() as db:
        owners = {str(one.id): str(one.person_id) for one in db.exec(select(Enrolment))}
    assert owners == {first: mixup.ben, second: mixup.ada}
    assert sorted(mixup.owners()) == sorted([mixup.ada, mixup.ben])
    # Both are compared again: one lost a photo, the other got one.
    assert len(jobs_of(mixup.database, COMPARE)) == 2
    assert mixup.move(first, second).status_code == 409


@pytest.mark.parametrize("is_running", [False, True])
def test_a_photo_that_is_being_processed_ends_with_the_right_person(
    mixup: Mixup, encoder: FakeEncoder, *, is_running: bool
) -> None:
    enrolment = mixup.enrol(work=False)

    def move_once() -> None:
        encoder.during = lambda: None
        assert mixup.move(enrolment).status_code == 201

    if is_running:
        encoder.during = move_once
        mixup.worker.run_one()
        assert mixup.owners() == []  # what it found came to nothing
    else:
        move_once()
    (job,) = jobs_of(mixup.database, ENCODE)
    assert job.subject == f"person:{mixup.ben}"
    while mixup.worker.run_one() or mixup.worker.check_one():
        pass
    assert mixup.owners() == [mixup.ben]


def test_a_photo_that_the_right_person_has_already_is_not_there_twice(mixup: Mixup) -> None:
    photo = another_jpeg()
    mixup.enrol(photo=photo)
    mixup.enrol(mixup.ben, photo)
    assert mixup.move().status_code == 201
    assert mixup.owners() == [mixup.ben]


@pytest.mark.parametrize("wrong", ["same", "missing", "erased", "nothing"])
def test_impossible_moves_are_refused(mixup: Mixup, wrong: str) -> None:
    enrolment = mixup.enrol()
    if wrong == "erased":
        erased = mixup.admin.post(f"{PEOPLE}/{mixup.ben}/erase", json={"reason": "asked for it"})
        assert erased.status_code == 200
    to = {"same": mixup.ada, "missing": str(new_id())}.get(wrong, mixup.ben)
    body = {"to_person_id": to, "enrolment_ids": [] if wrong == "nothing" else [enrolment]}
    answer = mixup.admin.post(f"{PEOPLE}/{mixup.ada}/enrolments/move", json=body)
    expected = {"same": 400, "missing": 404, "erased": 409, "nothing": 400}
    assert answer.status_code == expected[wrong]
    data = {"to": to, "enrolment": body["enrolment_ids"]}
    assert mixup.admin.post(f"/people/{mixup.ada}/move", data=data).status_code == 400
    assert mixup.owners() == [mixup.ada]


@pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
@pytest.mark.parametrize("meanwhile", ["delete", "withdraw"])
def test_a_move_and_an_erasure_wait_for_each_other(
    mixup: Mixup, race: Race, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    enrolment = mixup.enrol()
    consent = f"{PEOPLE}/{mixup.ben}/consents/{mixup.consents[mixup.ben]}/withdraw"
    acts: dict[str, Any] = {
        "delete": lambda: mixup.desk.office.delete(f"{PEOPLE}/{mixup.ada}/enrolments/{enrolment}"),
        "withdraw": lambda: mixup.desk.office.post(consent),
    }
    pause(monkeypatch, race, moving, "_start_over")
    answers = race.run(lambda: mixup.move(enrolment), acts[meanwhile])
    # The photo is Ben's by then: a deletion finds none of Ada's, his withdrawal erases it.
    assert answers == {"first": 201, "second": 404 if meanwhile == "delete" else 200}
    assert mixup.owners() == ([mixup.ben] if meanwhile == "delete" else [])


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_kiosks_had_a_photo_since_its_first_templates_were_made(mixup: Mixup) -> None:
    """A new network's template is younger than the ones that it replaced."""
    enrolment = mixup.enrol()
    made_at = now() - timedelta(days=40)
    with mixup.database.transaction() as db:
        db.get_one(Enrolment, uuid.UUID(enrolment)).finished_at = made_at
    mixup.used_for(2)
    moved = mixup.move().json()
    assert datetime.fromisoformat(moved["used_since"]) == made_at
    back = {"to_person_id": mixup.ada}
    path = f"{PEOPLE}/{mixup.ben}/enrolments/move"
    # No kiosk had it as Ben's: his copy waits for its check.
    assert mixup.admin.post(path, json=back).json()["used_since"] is None
    mixup.worker.check_one()
    again = mixup.admin.post(
        f"{PEOPLE}/{mixup.ada}/enrolments/move", json={"to_person_id": mixup.ben}
    )
    assert datetime.fromisoformat(again.json()["used_since"]) > made_at + timedelta(days=39)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_photo_without_a_check_was_at_no_kiosk(mixup: Mixup) -> None:
    mixup.enrol(work=False)
    mixup.worker.run_one()
    assert mixup.move().json()["used_since"] is None
    assert mixup.admin.get("/").status_code == 200
