"""What is done with several courses and several users who were chosen in a list."""

import uuid
from datetime import date

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts import administration_pages
from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.timetable.tables import CourseTeacher
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in

TEACHER, GROUP, DISABLE = (
    "/courses/chosen/teacher",
    "/courses/chosen/group",
    "/users/chosen/disable",
)


def _account(desk: OfficeDesk, role: Role) -> str:
    with desk.database.reading() as db:
        return str(db.exec(select(Account.id).where(Account.role == role)).one())


def _actions(desk: OfficeDesk, action: str) -> int:
    with desk.database.reading() as db:
        return len(db.exec(select(AuditEntry).where(AuditEntry.action == action)).all())


def _taught(desk: OfficeDesk) -> set[tuple[str, str, str, str]]:
    with desk.database.reading() as db:
        return {
            (str(one.course_id), str(one.account_id), str(one.from_date), str(one.until_date))
            for one in db.exec(select(CourseTeacher))
        }


def test_chosen_courses_are_named_before_anything_changes(desk: OfficeDesk) -> None:
    assert desk.office.get("/courses").text.count('name="course_id"') == 2
    both = {"course_id": [desk.course, desk.other_course]}
    page = desk.office.post("/courses/chosen", data=both).text
    assert "Chosen courses: 2" in page
    assert "Biology" in page
    assert "No course is chosen" in desk.office.post("/courses/chosen", data={}).text
    too_many = {"course_id": [str(uuid.uuid4()) for _ in range(201)]}
    assert desk.office.post("/courses/chosen", data=too_many).status_code == 422


def test_teacher_of_many_courses_follows_the_one_before(desk: OfficeDesk, sign_in: SignIn) -> None:
    sign_in(Role.TEACHER)
    mara, before = _account(desk, Role.TEACHER), _account(desk, Role.OFFICE)
    with desk.database.transaction() as db:
        db.add(CourseTeacher(course_id=uuid.UUID(desk.course), account_id=uuid.UUID(before)))
    form = {"course_id": [desk.course, desk.other_course], "account_id": mara}
    form |= {"from_date": day_in(3), "ends_others": "true"}
    assert "teaches more courses: 2" in desk.office.post(TEACHER, data=form).text
    assert _taught(desk) == {
        (desk.course, before, "None", day_in(2)),
        (desk.course, mara, day_in(3), "None"),
        (desk.other_course, mara, day_in(3), "None"),
    }
    again = desk.office.post(TEACHER, data=form).text
    assert "Skipped: 2" in again
    assert "<h1>No course was changed</h1>" in again
    assert "already has the course" in again
    assert _actions(desk, "course.add_teacher") == 2
    assert _actions(desk, "course.end_teacher") == 1


def test_course_that_is_skipped_keeps_all_its_teachers(desk: OfficeDesk, sign_in: SignIn) -> None:
    sign_in(Role.TEACHER)
    mara, later = _account(desk, Role.TEACHER), _account(desk, Role.OFFICE)
    from_date = day_in(9)
    with desk.database.transaction() as db:
        key = uuid.UUID(desk.course)
        first = date.fromisoformat(from_date)
        db.add(CourseTeacher(course_id=key, account_id=uuid.UUID(later), from_date=first))
    form = {"course_id": [desk.course], "account_id": mara, "from_date": day_in(3)}
    page = desk.office.post(TEACHER, data=form | {"ends_others": "true"}).text
    assert "begins on that day or later" in page
    assert _taught(desk) == {(desk.course, later, from_date, "None")}
    assert _actions(desk, "course.add_teacher") == 0


def test_wrong_day_shows_the_form_again(desk: OfficeDesk, sign_in: SignIn) -> None:
    sign_in(Role.TEACHER)
    form = {"course_id": [desk.course], "account_id": _account(desk, Role.TEACHER)}
    answer = desk.office.post(TEACHER, data=form | {"from_date": "soon"})
    assert answer.status_code == 400
    assert "soon" in answer.text
    group = desk.post("/groups", name="7B")["id"]
    chosen = {"course_id": [desk.course], "group_id": group, "from_date": ""}
    assert desk.office.post(GROUP, data=chosen).status_code == 400
    nobody = str(uuid.uuid4())
    assert desk.office.post(GROUP, data=chosen | {"group_id": nobody}).status_code == 404
    unknown = form | {"account_id": nobody, "from_date": day_in(0)}
    assert desk.office.post(TEACHER, data=unknown).status_code == 404


def test_class_of_many_courses_fills_their_rosters(desk: OfficeDesk) -> None:
    group = desk.post("/groups", name="7B")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada])
    form = {"course_id": [desk.course, desk.other_course, str(uuid.uuid4())]}
    page = desk.office.post(GROUP, data=form | {"group_id": group, "from_date": day_in(0)}).text
    assert "take their students from 7B now: 2" in page
    for course in (desk.course, desk.other_course):
        assert "Ada" in desk.office.get(f"/courses/{course}").text
    assert _actions(desk, "group.course_add") == 2


@pytest.mark.parametrize("role", [Role.DPO, Role.TEACHER, Role.TECHNICIAN])
def test_only_the_office_changes_many_courses(
    desk: OfficeDesk, sign_in: SignIn, role: Role
) -> None:
    other = sign_in(role)
    form = {"course_id": [desk.course], "account_id": str(uuid.uuid4()), "from_date": day_in(0)}
    assert other.post(TEACHER, data=form).status_code == 403
    assert desk.office.post(DISABLE, data={"account_id": []}).status_code == 403


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    return sign_in(Role.ADMIN)


def test_many_users_are_disabled_but_oneself(
    desk: OfficeDesk, admin: TestClient, sign_in: SignIn
) -> None:
    teacher = sign_in(Role.TEACHER)
    own = admin.get("/api/v1/sign-in").json()["account_id"]
    chosen = {"account_id": [own, _account(desk, Role.TEACHER), _account(desk, Role.OFFICE)]}
    page = admin.post("/users/chosen", data=chosen).text
    assert "Chosen users: 3" in page
    assert "Disable users: 2" in page
    done = admin.post(DISABLE, data=chosen).text
    assert "Users disabled: 2" in done
    assert "Skipped: 1" in done
    assert "This is your own account" in done
    assert teacher.get("/api/v1/sign-in").status_code == 401
    assert desk.office.get("/api/v1/sign-in").status_code == 401
    assert _actions(desk, "account.disable") == 2
    assert "Skipped: 3" in admin.post(DISABLE, data=chosen).text
    assert _actions(desk, "account.disable") == 2


def test_users_are_listed_in_pages_so_that_all_of_one_can_be_chosen(
    admin: TestClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in (Role.TEACHER, Role.OFFICE, Role.DPO):
        sign_in(role)
    monkeypatch.setattr(administration_pages, "_PAGE", 3)
    first, second = (admin.get(f"/users?page={number}").text for number in (1, 2))
    assert [one.count('class="row-link') for one in (first, second)] == [
        3,
        2,
    ]  # with the account that set the server up
    assert 'href="/users?page=2"' in first
    one_role = admin.get("/users?role=teacher&page=2").text  # that list has one page
    assert one_role.count('class="row-link') == 1


def test_first_passwords_are_offered_for_those_who_never_signed_in(admin: TestClient) -> None:
    made = [
        admin.post(
            "/api/v1/accounts", json={"username": name, "display_name": name, "role": "teacher"}
        ).json()["account"]["id"]
        for name in ("one", "two")
    ]
    own = admin.get("/api/v1/sign-in").json()["account_id"]
    page = admin.post("/users/chosen", data={"account_id": [*made, own]}).text
    assert "Print first passwords: 2" in page
    form = page.split('action="/users/passwords"')[1].split("</form>")[0]
    assert own not in form
    assert all(one in form for one in made)
    assert admin.post("/users/passwords", data={"accounts": made}).status_code == 201
