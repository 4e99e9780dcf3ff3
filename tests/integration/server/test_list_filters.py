"""The filters of the lists of lessons, courses, kiosks and accounts."""

import uuid
from datetime import timedelta

import pytest
from sqlmodel import select

from server.accounts.tables import Account
from server.db.engine import Database
from server.db.types import now
from server.timetable import service
from server.timetable.local_time import midnight
from server.timetable.tables import CourseTeacher, LessonSubstitute
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN


def account_of(database: Database, role: Role) -> uuid.UUID:
    """Return the account of a role."""
    with database.reading() as db:
        return db.exec(select(Account.id).where(Account.role == role)).one()


def test_lessons_by_course_room_and_teacher(desk: OfficeDesk, sign_in: SignIn) -> None:
    sign_in(Role.TEACHER)
    teacher = account_of(desk.database, Role.TEACHER)
    biology = desk.lesson(timedelta(minutes=1))
    art = desk.lesson(timedelta(minutes=2), course_id=desk.other_course, room_id=desk.other_room)
    both, found = {biology, art}, {}
    queries = {
        "": both,
        f"course={desk.course}": {biology},
        f"room={desk.other_room}": {art},
        f"course={desk.course}&room={desk.other_room}": set(),
        f"teacher={teacher}": set(),
    }
    for query in queries:
        found[query] = shown(desk, f"/lessons?{query}", both)
    assert found == queries
    with desk.database.transaction() as db:
        db.add(CourseTeacher(course_id=uuid.UUID(desk.course), account_id=teacher))
        db.add(LessonSubstitute(lesson_id=uuid.UUID(art), account_id=teacher))
    assert shown(desk, f"/lessons?teacher={teacher}", both) == both


def test_teacher_until_wednesday_is_not_listed_for_friday(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    sign_in(Role.TEACHER)
    teacher = account_of(desk.database, Role.TEACHER)
    monday = today() + timedelta(days=14 - today().weekday())
    days = [monday + timedelta(days=number) for number in range(5)]
    lessons = {}
    for day in days:
        starts_at = midnight(day, BERLIN) + timedelta(minutes=5)
        lessons[day] = desk.lesson(starts_at - now())
    tuesday, wednesday = days[1], days[2]
    row = CourseTeacher(course_id=uuid.UUID(desk.course), account_id=teacher)
    row.from_date, row.until_date = tuesday, wednesday
    with desk.database.transaction() as db:
        db.add(row)
    path = f"/lessons?day={monday}&teacher={teacher}"
    expected = {lessons[tuesday], lessons[wednesday]}
    assert shown(desk, path, set(lessons.values())) == expected


def shown(desk: OfficeDesk, path: str, ids: set[str]) -> set[str]:
    """Return which of these ids a page links to."""
    page = desk.office.get(path)
    assert page.status_code == 200
    return {one for one in ids if f"/{one}" in page.text}


def test_teacher_finds_no_further_lessons_with_filters(desk: OfficeDesk, sign_in: SignIn) -> None:
    teacher = sign_in(Role.TEACHER)
    lesson = desk.lesson(timedelta(minutes=1))
    admin = account_of(desk.database, Role.OFFICE)
    for query in ("", f"course={desk.course}", f"room={desk.room}", f"teacher={admin}"):
        page = teacher.get(f"/lessons?{query}").text
        assert lesson not in page
        assert "BIO-9" not in page


def test_week_keeps_the_filters(desk: OfficeDesk) -> None:
    page = desk.office.get(f"/lessons?day={day_in(0)}&room={desk.room}").text
    assert page.count(f"room={desk.room}&amp;day=") == 2
    assert "Nothing fits these filters" in page


def test_courses_by_teacher_and_term(desk: OfficeDesk, sign_in: SignIn) -> None:
    sign_in(Role.TEACHER)
    teacher = account_of(desk.database, Role.TEACHER)
    both = {desk.course, desk.other_course}
    with desk.database.transaction() as db:
        db.add(CourseTeacher(course_id=uuid.UUID(desk.course), account_id=teacher))
    assert shown(desk, "/courses?teacher=&term=", both) == both
    assert shown(desk, f"/courses?teacher={teacher}", both) == {desk.course}
    assert shown(desk, f"/courses?term={uuid.uuid4()}", both) == set()


def test_kiosks_by_room_and_state(desk: OfficeDesk) -> None:
    kiosk = {desk.hang_kiosk()}
    assert shown(desk, "/kiosks?room=&state=", kiosk) == kiosk
    assert shown(desk, f"/kiosks?room={desk.room}&state=silent", kiosk) == kiosk
    assert shown(desk, "/kiosks?state=online", kiosk) == set()
    assert shown(desk, f"/kiosks?room={desk.other_room}", kiosk) == set()
    assert desk.office.get("/kiosks?state=broken").status_code == 422


def test_accounts_by_role_and_state(desk: OfficeDesk, sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    sign_in(Role.TEACHER)
    teacher = f"/users/{account_of(desk.database, Role.TEACHER)}"
    assert teacher in admin.get("/users?role=teacher&state=active").text
    assert teacher not in admin.get("/users?role=dpo").text
    assert teacher not in admin.get("/users?state=disabled").text
    assert "Nothing fits these filters" in admin.get("/users?state=disabled").text


def test_the_chosen_course_is_offered_however_many_there_are(
    desk: OfficeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_OFFERED", 1)
    for path in ("/lessons", "/people"):
        page = desk.office.get(f"{path}?course={desk.course}").text
        assert f'<option value="{desk.course}" selected' in page
        others = desk.office.get(path).text
        assert f'<option value="{desk.course}"' not in others
        assert "Only the first 1 courses are listed" in others
