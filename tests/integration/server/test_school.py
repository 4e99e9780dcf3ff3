"""What an admin enters about the school, who follows it, and a new school's first steps."""

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.config import SchoolIdentity, Settings, load_settings
from server.db.engine import Database
from server.db.types import now
from server.kiosks.configuration import build, school_info
from server.kiosks.tables import Kiosk
from server.people.tables import NameKeys
from server.school.service import enter, hide_steps
from server.school.tasks import FollowSchool
from server.timetable.tables import Lesson
from server.web.principal import Role
from server.web.state import services_of
from tests.support.office_desk import OfficeDesk

SignIn = Callable[[Role], TestClient]
SCHOOL = {"name": "Lindenhof School", "timezone": "Asia/Tokyo", "language": "ar"}


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_kind: str) -> Settings:
    """Settings that say nothing about the school."""
    is_postgres = database_kind == "postgresql"
    url = SecretStr(request.getfixturevalue("postgres_url")) if is_postgres else None
    return load_settings(
        data_dir=tmp_path / "data",
        database_url=url,
        enrolment_workers=0,
        ml_service_url="http://127.0.0.1:9",
    )


def header_of(client: TestClient) -> str:
    found = re.search(
        r'<span>([^<]*)</span></a>\s*<details class="bar-menu">', client.get("/").text
    )
    assert found
    return found[1]


def done(page: str) -> list[str]:
    """Return the words of the steps that are ticked off, in their order."""
    return re.findall(r'step is-done".*?<strong>([^<]+)</strong>', page, re.DOTALL)


def test_what_is_entered_is_followed_by_pages_lessons_and_kiosks(
    app: FastAPI, sign_in: SignIn, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    assert 'name="name" type="text" value=""' in admin.get("/school").text
    desk = OfficeDesk(admin, database)
    kiosk_id = uuid.UUID(desk.hang_kiosk())
    links = services_of(app).links
    with database.reading() as db:
        before = build(db, db.get_one(Kiosk, kiosk_id), school_info(links), now())
    assert admin.post("/school", data=SCHOOL).status_code == 303
    assert header_of(admin) == SCHOOL["name"]
    desk.lesson(timedelta(days=1))
    with database.reading() as db:
        assert db.exec(select(Lesson)).one().time_zone == "Asia/Tokyo"
        assert db.get_one(NameKeys, 1).locale == "ar"
        after = build(db, db.get_one(Kiosk, kiosk_id), school_info(links), now())
    assert (after.school.name, after.school.time_zone) == (SCHOOL["name"], "Asia/Tokyo")
    assert after.version != before.version
    assert admin.get("/api/v1/school").json() == SCHOOL | {"fixed": []}


def test_what_is_entered_is_followed_once_it_is_committed(
    settings: Settings, database: Database
) -> None:
    wanted = SchoolIdentity(**SCHOOL)
    before = settings.school
    with pytest.raises(RuntimeError), database.transaction() as db:  # noqa: PT012
        assert enter(db, settings, wanted, actor="system") == wanted
        raise RuntimeError
    with database.transaction() as db:
        enter(db, settings, wanted, actor="system")
        with db.begin_nested():
            hide_steps(db, at=now(), actor="system")
        assert settings.school == before
    assert settings.school == wanted
    renamed = replace(wanted, name="Another School")
    with database.transaction() as db:
        enter(db, settings, renamed, actor="system")
        entry = db.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
        assert entry is not None
        assert entry.details == {"fields": ["name"]}


def test_another_process_follows(sign_in: SignIn, settings: Settings, database: Database) -> None:
    assert sign_in(Role.ADMIN).put("/api/v1/school", json=SCHOOL).status_code == 200
    another = Settings(data_dir=settings.data_dir, language="en")
    FollowSchool(database, another).look()
    assert (another.school.name, another.zone.key) == (SCHOOL["name"], "Asia/Tokyo")
    assert another.school.language == "en"  # its configuration says so


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"timezone": "Mars/Base"}, "There is no such time zone."),
        ({"timezone": "../../etc/passwd"}, "There is no such time zone."),
        ({"timezone": "\x00"}, "There is no such time zone."),
        ({"timezone": "America"}, "There is no such time zone."),
        ({"name": "  "}, "Fill in"),
        ({"name": "x" * 81}, "Fill in"),
    ],
)
def test_wrong_entries_are_explained_and_change_nothing(
    sign_in: SignIn, changed: dict[str, str], words: str
) -> None:
    admin = sign_in(Role.ADMIN)
    answer = admin.post("/school", data=SCHOOL | changed)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert admin.put("/api/v1/school", json=SCHOOL | changed).status_code == 422
    assert admin.get("/api/v1/school").json()["name"] == "Rollcall"


def test_first_steps_tick_themselves_off(sign_in: SignIn, database: Database) -> None:
    admin = sign_in(Role.ADMIN)
    assert done(admin.get("/").text) == []
    admin.post("/school", data=SCHOOL | {"language": "en"})
    assert done(admin.get("/").text) == ["Name your school"]
    desk = OfficeDesk(admin, database)
    teacher = sign_in(Role.TEACHER)
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    desk.post(f"/courses/{desk.course}/teachers", account_id=account)
    desk.post("/terms", name="Autumn", first_day=f"{now():%Y}-01-01", last_day=f"{now():%Y}-12-31")
    assert len(done(admin.get("/first-steps").text)) == 6
    assert "6 of 9 done" in admin.get("/").text
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(minutes=5))
    desk.hang_kiosk()
    page = admin.get("/").text
    assert ("8 of 9 done" in page, "Take the first register" in page) == (True, True)
    assert done(page) == []  # the page of the steps shows what is done
    assert "First steps" not in teacher.get("/").text
    seen = {"person_id": desk.ada, "status": "present", "reason": "Was there"}
    assert admin.post(f"/api/v1/lessons/{lesson}/corrections", json=seen).is_success
    assert "First steps" not in admin.get("/").text
    assert len(done(admin.get("/first-steps").text)) == 9


def test_office_sees_the_steps_and_can_hide_them(sign_in: SignIn) -> None:
    office = sign_in(Role.OFFICE)
    page = office.get("/").text
    assert ('href="/school"' in page, 'href="/terms"' in page) == (False, True)
    assert office.post("/first-steps/hide").status_code == 303
    assert "First steps" not in office.get("/").text
    assert "Name your school" in office.get("/first-steps").text
    assert 'action="/first-steps/hide"' not in office.get("/first-steps").text


def test_what_the_configuration_says_stays(
    sign_in: SignIn, settings: Settings, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    configured = Settings(data_dir=settings.data_dir, timezone="Europe/Berlin", school_name="Ours")
    admin.put("/api/v1/school", json=SCHOOL)
    FollowSchool(database, configured).look()
    assert (configured.school.name, configured.zone.key) == ("Ours", "Europe/Berlin")
