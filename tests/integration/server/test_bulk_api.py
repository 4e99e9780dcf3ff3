"""Many courses, students and accounts are changed at once over the API; exceptions end there."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.types import now
from server.timetable.tables import CourseTeacher, Lesson, LessonPattern
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in, today

BULK = "/api/v1/courses/bulk"
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def _ask(desk: OfficeDesk, path: str, **body: Any) -> dict[str, Any]:
    answer = desk.office.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _why(answer: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["problem"] for one in answer["skipped"]}


def _teacher(desk: OfficeDesk, sign_in: SignIn) -> str:
    sign_in(Role.TEACHER)
    with desk.database.reading() as db:
        return str(db.exec(select(Account.id).where(Account.role == Role.TEACHER)).one())


def _actions(desk: OfficeDesk, action: str) -> int:
    with desk.database.reading() as db:
        return len(db.exec(select(AuditEntry).where(AuditEntry.action == action)).all())


def _weekly(desk: OfficeDesk, course: str) -> None:
    """Give a course a lesson on each Wednesday for a hundred days."""
    term = desk.post("/terms", name="Autumn", first_day=day_in(-7), last_day=day_in(100))["id"]
    body = {"term_id": term, "course_id": course, "room_id": desk.room, "weekday": 3}
    desk.post("/patterns", **body, starts="08:00", ends="08:45")


def test_a_teacher_and_a_class_of_several_courses(desk: OfficeDesk, sign_in: SignIn) -> None:
    teacher, nobody = _teacher(desk, sign_in), str(uuid.uuid4())
    courses = [desk.course, desk.other_course]
    wanted = {"course_ids": [*courses, nobody], "account_id": teacher, "from": day_in(2)}
    done = _ask(desk, "/courses/bulk/teacher", **wanted)
    assert (sorted(done["done"]), _why(done)) == (sorted(courses), {nobody: "no_course"})
    again = desk.office.post(
        f"{BULK}/teacher", json=wanted, headers={"Idempotency-Key": "once-and-for-all"}
    )
    assert _why(again.json()) == dict.fromkeys(courses, "teaches_already") | {nobody: "no_course"}
    replayed = desk.office.post(
        f"{BULK}/teacher", json=wanted, headers={"Idempotency-Key": "once-and-for-all"}
    )
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert _actions(desk, "course.add_teacher") == 2
    office = wanted | {"account_id": nobody}
    assert desk.office.post(f"{BULK}/teacher", json=office).status_code == 404

    group = desk.post("/groups", name="7B")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada])
    done = _ask(desk, "/courses/bulk/group", course_ids=courses, group_id=group)
    assert sorted(done["done"]) == sorted(courses)
    assert [one["person_id"] for one in desk.entries()] == [desk.ada]
    gone = {"course_ids": courses, "group_id": nobody}
    assert desk.office.post(f"{BULK}/group", json=gone).status_code == 404


@on_sqlite
def test_people_join_and_leave_a_course_and_each_skipped_one_has_a_reason(
    desk: OfficeDesk,
) -> None:
    route, nobody = f"/courses/{desk.course}/roster/bulk", str(uuid.uuid4())
    done = _ask(desk, route, person_ids=[desk.ada, nobody], until=day_in(9))
    assert (done["done"], list(_why(done))) == ([desk.ada], [nobody])
    (entry,) = desk.entries()
    assert (entry["from"], entry["until"]) == (day_in(0), day_in(9))
    left = _ask(desk, f"{route}/end", person_ids=[desk.ada, desk.ben])
    assert (left["done"], _why(left)) == ([desk.ada], {desk.ben: "not_on_roster"})
    assert desk.entries() == []
    backwards = {"person_ids": [desk.ada], "from": day_in(2), "until": day_in(1)}
    assert desk.office.post(f"/api/v1{route}", json=backwards).status_code == 400
    for many in ([], [str(uuid.uuid4())] * 201):
        assert desk.office.post(f"/api/v1{route}", json={"person_ids": many}).status_code == 422


def test_a_course_ends_with_all_that_goes_on_in_it(desk: OfficeDesk, sign_in: SignIn) -> None:
    teacher, last = _teacher(desk, sign_in), day_in(10)
    _weekly(desk, desk.course)
    begun = desk.lesson(-timedelta(minutes=10), room_id=desk.other_room)
    group = desk.post("/groups", name="7B")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada])
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben)
    desk.post(f"/courses/{desk.course}/teachers", account_id=teacher)
    done = _ask(desk, "/courses/bulk/end", course_ids=[desk.course, desk.other_course], until=last)
    assert (done["done"], _why(done)) == ([desk.course], {desk.other_course: "course_ended"})
    assert {one["until"] for one in desk.entries()} == {last}
    assert {one["person_id"] for one in desk.entries()} == {desk.ada, desk.ben}
    (link,) = desk.office.get(f"/api/v1/groups/{group}/courses").json()
    assert link["until"] == last
    with desk.database.reading() as db:
        assert str(db.exec(select(CourseTeacher)).one().until_date) == last
        assert str(db.exec(select(LessonPattern)).one().last_day) == last
        days = [one.day for one in db.exec(select(Lesson)) if one.starts_at > now()]
        assert days
        assert max(days) <= today() + timedelta(days=10)
        assert db.get(Lesson, uuid.UUID(begun)) is not None
    exceptions = desk.office.get(f"/api/v1/courses/{desk.course}/class-exceptions").json()
    assert exceptions == []


@on_sqlite
def test_weekly_lessons_without_one_until_the_last_day_are_deleted(desk: OfficeDesk) -> None:
    _weekly(desk, desk.course)
    with desk.database.transaction() as db:
        (pattern,) = db.exec(select(LessonPattern))
        pattern.first_day = today() + timedelta(days=20)
    assert _ask(desk, "/courses/bulk/end", course_ids=[desk.course], until=day_in(1))["done"]
    with desk.database.reading() as db:
        assert db.exec(select(LessonPattern)).all() == []
        assert all(one.day <= today() + timedelta(days=1) for one in db.exec(select(Lesson)))


def _lesson_later(desk: OfficeDesk, _: SignIn) -> None:
    desk.lesson(timedelta(days=40), room_id=desk.other_room)


def _student_later(desk: OfficeDesk, _: SignIn) -> None:
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben, **{"from": day_in(30)})


def _teacher_later(desk: OfficeDesk, sign_in: SignIn) -> None:
    row = {"account_id": _teacher(desk, sign_in), "from": day_in(30)}
    desk.post(f"/courses/{desk.course}/teachers", **row)


LATER = {
    "lessons_later": _lesson_later,
    "student_later": _student_later,
    "teacher_after": _teacher_later,
}


@on_sqlite
@pytest.mark.parametrize("what", LATER)
def test_a_course_in_which_something_begins_later_is_left_as_it_is(
    desk: OfficeDesk, sign_in: SignIn, what: str
) -> None:
    _weekly(desk, desk.course)
    LATER[what](desk, sign_in)
    wanted = {"course_ids": [desk.course], "until": day_in(9)}
    answer = _ask(desk, "/courses/bulk/end", **wanted)
    assert _why(answer) == {desk.course: what}
    with desk.database.reading() as db:
        assert db.exec(select(LessonPattern)).one().last_day is None
        assert max(one.day for one in db.exec(select(Lesson))) > today() + timedelta(days=80)
    assert _actions(desk, "pattern.change") == 0
    past = wanted | {"until": day_in(-1)}
    assert desk.office.post(f"{BULK}/end", json=past).json()["error"]["code"] == "invalid"


@on_sqlite
def test_a_cancelled_lesson_does_not_keep_a_course_from_ending(desk: OfficeDesk) -> None:
    single = desk.lesson(timedelta(days=40))
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben)
    desk.post(f"/lessons/{single}/cancel", reason="The course ends before")
    assert _ask(desk, "/courses/bulk/end", course_ids=[desk.course], until=day_in(9))["done"]


@on_sqlite
def test_the_page_ends_courses_too(desk: OfficeDesk) -> None:
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada)
    form = {"course_id": [desk.course, desk.other_course], "last_day": day_in(4)}
    chosen = {"course_id": form["course_id"]}
    assert "End courses: 2" in desk.office.post("/courses/chosen", data=chosen).text
    done = desk.office.post("/courses/chosen/end", data=form).text
    assert "Courses ended: 1" in done
    assert "Nothing of this course goes on after that day" in done
    assert [one["until"] for one in desk.entries()] == [day_in(4)]
    for wrong, words in (("soon", "soon"), (day_in(-2), day_in(-2))):
        page = desk.office.post("/courses/chosen/end", data=form | {"last_day": wrong})
        assert page.status_code == 400
        assert words in page.text


@on_sqlite
def test_a_class_decides_again_about_a_student_who_was_taken_out(desk: OfficeDesk) -> None:
    route = f"/api/v1/courses/{desk.course}/class-exceptions"
    group = desk.post("/groups", name="7B")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada, desk.ben])
    desk.post(f"/groups/{group}/courses", course_id=desk.course)
    _ask(desk, f"/courses/{desk.course}/roster/bulk/end", person_ids=[desk.ada, desk.ben])
    both = desk.office.get(route).json()
    assert both == [{"person_id": one, "group": "7B"} for one in (desk.ada, desk.ben)]
    first = desk.office.get(route, params={"limit": 1})
    assert first.json() == both[:1]
    following = first.links["next"]["url"]
    assert desk.office.get(following).json() == both[1:]
    tag = {"If-None-Match": desk.office.get(route).headers["ETag"]}
    assert desk.office.get(route, headers=tag).status_code == 304
    assert desk.office.delete(f"{route}/{desk.ada}").status_code == 204
    assert desk.office.delete(f"{route}/{desk.ada}").status_code == 404
    assert [one["person_id"] for one in desk.entries()] == [desk.ada]
    assert [one["person_id"] for one in desk.office.get(route).json()] == [desk.ben]
    assert desk.office.get(f"/api/v1/courses/{uuid.uuid4()}/class-exceptions").status_code == 404


@on_sqlite
def test_several_accounts_are_disabled_but_never_ones_own(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    teacher, admin = _teacher(desk, sign_in), sign_in(Role.ADMIN)
    own = admin.get("/api/v1/sign-in").json()["account_id"]
    body = {"account_ids": [teacher, own]}
    assert desk.office.post("/api/v1/accounts/bulk/disable", json=body).status_code == 403
    answer = admin.post("/api/v1/accounts/bulk/disable", json=body).json()
    assert (answer["done"], [one["id"] for one in answer["skipped"]]) == ([teacher], [own])
    again = admin.post("/api/v1/accounts/bulk/disable", json=body).json()
    assert _why(again)[teacher] == "disabled_already"
    assert _actions(desk, "account.disable") == 1
