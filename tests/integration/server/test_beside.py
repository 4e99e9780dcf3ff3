"""The short pages beside lists show what the whole pages show, to the same people."""

import uuid
from datetime import timedelta

from sqlmodel import select

from server.audit.tables import AuditEntry
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

HTMX = {"hx-request": "true"}


def _looks(desk: OfficeDesk) -> list[str]:
    with desk.database.reading() as db:
        wanted = AuditEntry.subject == f"person:{desk.ada}"
        entries = db.exec(select(AuditEntry.action).where(wanted)).all()
    return [one for one in entries if "view" in one]


def test_each_look_at_a_person_is_recorded_as_on_the_page(desk: OfficeDesk) -> None:
    page = desk.office.get("/people").text
    assert f'data-open="{desk.ada}"' in page
    assert _looks(desk) == []
    short = desk.office.get(f"/people/{desk.ada}/short", headers=HTMX)
    assert "Ada" in short.text
    assert "<main" not in short.text
    desk.office.get(f"/people/{desk.ada}")
    first, second = _looks(desk)
    assert first == second


def test_privacy_officer_sees_no_courses_beside_the_list(desk: OfficeDesk, sign_in: SignIn) -> None:
    desk.always_on_roster(desk.ada)
    assert "BIO-9" in desk.office.get(f"/people/{desk.ada}/short").text
    officer = sign_in(Role.DPO)
    assert "BIO-9" not in officer.get(f"/people/{desk.ada}/short").text
    assert "BIO-9" not in officer.get(f"/people/{desk.ada}").text


def test_teacher_gets_the_short_register_of_own_courses_alone(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    lesson = desk.lesson(timedelta(minutes=1))
    desk.always_on_roster(desk.ben)
    short = desk.office.get(f"/lessons/{lesson}/short", headers=HTMX).text
    assert "Ben" in short
    assert 'id="short-open" href=' in short  # a swap keeps the keyboard at what has an id
    teacher = sign_in(Role.TEACHER)
    for path in (f"/lessons/{lesson}/short", f"/courses/{desk.course}/short"):
        assert teacher.get(path).status_code == 403
    technician = sign_in(Role.TECHNICIAN)
    assert technician.get(f"/lessons/{lesson}/short").status_code == 403
    assert "data-open" not in technician.get("/lessons").text


def test_short_course_lists_who_is_on_it_today(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ben)
    short = desk.office.get(f"/courses/{desk.course}/short", headers=HTMX).text
    assert "Ben" in short
    assert "Ada" not in short


def test_short_page_of_nothing_is_not_found(desk: OfficeDesk) -> None:
    for place in ("people", "lessons", "courses"):
        assert desk.office.get(f"/{place}/{uuid.uuid4()}/short").status_code == 404
