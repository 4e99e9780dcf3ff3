"""Pages of lessons: add, edit, cancel, restore, delete, and what the register then shows."""

from datetime import timedelta

import pytest

from server.db.engine import Database
from server.timetable.tables import Term
from server.web.principal import Role
from server.web.translations import translator
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in, today

SOON = timedelta(days=1, hours=2)
RUNNING = -timedelta(minutes=5)
words = translator("en")


def problem(key: str, **values: str) -> str:
    """Return the sentence of a problem as the page shows it."""
    return words(f"problems.{key}", **values).replace("'", "&#39;")


def test_form_adds_a_lesson_and_leads_to_its_register(desk: OfficeDesk) -> None:
    answer = desk.office.post("/lessons/new", data=desk.lesson_form())
    assert answer.status_code == 303
    assert desk.office.get(answer.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"starts": "09:00", "ends": "08:00"}, "ends_before_start"),
        ({"starts": "06:00", "ends": "19:00"}, "too_long"),
        ({"day": day_in(500)}, "far_away"),
        ({"day": "soon"}, "date"),
        ({"day": "0001-01-01", "starts": "00:00"}, "date"),
        ({"starts": "8"}, "time"),
        ({"day": "2027-03-28", "starts": "02:30"}, "gap"),
        ({"day": "2027-10-31", "starts": "02:30", "ends": "04:00"}, "twice"),
        ({"course_id": ""}, "incomplete"),
        ({"room_id": "0" * 32}, "no_room"),
    ],
)
def test_form_says_what_is_wrong_and_keeps_what_was_typed(
    desk: OfficeDesk, changed: dict[str, str], key: str
) -> None:
    form = desk.lesson_form(**changed)
    answer = desk.office.post("/lessons/new", data=form)
    assert answer.status_code == 400
    assert problem(key) in answer.text
    assert f'value="{form["starts"]}"' in answer.text
    lesson = desk.lesson(SOON)
    edited = desk.office.post(f"/lessons/{lesson}/edit", data=form)
    assert (edited.status_code, problem(key) in edited.text) == (400, True)


def test_day_outside_the_terms_is_refused(desk: OfficeDesk, database: Database) -> None:
    with database.transaction() as db:
        first = today() + timedelta(days=30)
        db.add(Term(name="Spring", first_day=first, last_day=first + timedelta(days=30)))
    answer = desk.office.post("/lessons/new", data=desk.lesson_form())
    assert (answer.status_code, problem("outside_terms") in answer.text) == (400, True)


def test_room_that_is_taken_is_refused_without_a_way_around(desk: OfficeDesk) -> None:
    desk.office.post("/lessons/new", data=desk.lesson_form())
    form = desk.lesson_form(course_id=desk.other_course, allow_double="1")
    answer = desk.office.post("/lessons/new", data=form)
    assert (answer.status_code, problem("room_taken") in answer.text) == (400, True)
    assert "allow_double" not in answer.text


def test_course_in_two_rooms_is_asked_about_and_may_be_meant(desk: OfficeDesk) -> None:
    desk.office.post("/lessons/new", data=desk.lesson_form())
    form = desk.lesson_form(room_id=desk.other_room)
    asked = desk.office.post("/lessons/new", data=form)
    assert asked.status_code == 400
    assert problem("course_elsewhere", room="R12") in asked.text
    assert 'name="allow_double" value="1">Add anyway' in asked.text
    assert desk.office.post("/lessons/new", data=form | {"allow_double": "1"}).status_code == 303


def test_teacher_in_two_rooms_is_asked_about(desk: OfficeDesk, sign_in: SignIn) -> None:
    account = sign_in(Role.TEACHER).get("/api/v1/sign-in").json()["account_id"]
    for course in (desk.course, desk.other_course):
        desk.post(f"/courses/{course}/teachers", account_id=account)
    desk.office.post("/lessons/new", data=desk.lesson_form())
    lesson = desk.lesson(timedelta(days=3), course_id=desk.other_course, room_id=desk.other_room)
    form = desk.lesson_form(course_id=desk.other_course, room_id=desk.other_room)
    asked = desk.office.post(f"/lessons/{lesson}/edit", data=form)
    assert asked.status_code == 400
    assert problem("teacher_elsewhere", course="BIO-9", room="R12") in asked.text
    assert "Save anyway" in asked.text
    path = f"/lessons/{lesson}/edit"
    assert desk.office.post(path, data=form | {"allow_double": "1"}).status_code == 303


def test_lesson_that_has_not_started_is_edited(desk: OfficeDesk) -> None:
    lesson = desk.lesson(SOON)
    page = desk.office.get(f"/lessons/{lesson}/edit")
    assert f'value="{desk.room}" selected' in page.text
    form = desk.lesson_form(room_id=desk.other_room, starts="10:00", ends="10:45")
    assert desk.office.post(f"/lessons/{lesson}/edit", data=form).status_code == 303
    shown = desk.office.get(f"/lessons/{lesson}").text
    assert "R14" in shown
    assert "10:45" in shown


def test_lesson_that_has_started_leads_to_the_change_of_the_past(desk: OfficeDesk) -> None:
    lesson = desk.lesson(RUNNING)
    page = desk.office.get(f"/lessons/{lesson}/edit")
    assert page.headers["location"] == f"/past-changes/lesson?lesson_id={lesson}"
    answer = desk.office.post(f"/lessons/{lesson}/edit", data=desk.lesson_form())
    assert (answer.status_code, problem("started") in answer.text) == (400, True)
    assert f"/lessons/{lesson}/edit" not in desk.office.get(f"/lessons/{lesson}").text


def test_cancelled_lesson_is_shown_as_such_everywhere_and_counts_for_nothing(
    desk: OfficeDesk,
) -> None:
    lesson = desk.lesson(RUNNING)
    desk.always_on_roster(desk.ada)
    assert desk.office.get(f"/lessons/{lesson}/cancel").status_code == 200
    answer = desk.office.post(f"/lessons/{lesson}/cancel", data={"reason": "Heating failed"})
    assert answer.headers["location"] == f"/lessons/{lesson}"
    shown = desk.office.get(f"/lessons/{lesson}").text
    assert "Heating failed" in shown
    assert "Office" in shown
    assert "tally" not in shown
    line = desk.office.get(f"/lessons/{lesson}/people/{desk.ada}").text
    assert 'name="status"' not in line
    assert "is-cancelled" in desk.office.get("/").text
    week = desk.office.get(f"/lessons?day={today().isoformat()}").text
    assert "is-cancelled" in week


def test_nothing_is_corrected_in_a_cancelled_lesson(desk: OfficeDesk) -> None:
    lesson = desk.lesson(RUNNING)
    desk.always_on_roster(desk.ada)
    desk.office.post(f"/lessons/{lesson}/cancel", data={"reason": "Heating failed"})
    form = {"code_id": desk.codes()["present"], "reason": "Was there"}
    answer = desk.office.post(f"/lessons/{lesson}/people/{desk.ada}", data=form)
    assert (answer.status_code, problem("correction.cancelled") in answer.text) == (400, True)


def test_cancelled_lesson_counts_again(desk: OfficeDesk) -> None:
    lesson = desk.lesson(RUNNING)
    desk.office.post(f"/lessons/{lesson}/cancel", data={"reason": "Heating failed"})
    assert f"/lessons/{lesson}/restore" in desk.office.get(f"/lessons/{lesson}").text
    assert desk.office.get(f"/lessons/{lesson}/restore").status_code == 200
    answer = desk.office.post(f"/lessons/{lesson}/restore", data={"reason": "It took place"})
    assert answer.status_code == 303
    assert desk.register(lesson)["lesson"]["cancelled"] is None


def test_lesson_counts_again_only_where_its_room_is_free(desk: OfficeDesk) -> None:
    lesson = desk.lesson(SOON)
    desk.office.post(f"/lessons/{lesson}/cancel", data={"reason": "Heating failed"})
    desk.lesson(SOON, course_id=desk.other_course)
    answer = desk.office.post(f"/lessons/{lesson}/restore", data={"reason": "It takes place"})
    assert (answer.status_code, problem("room_taken") in answer.text) == (400, True)
    assert "It takes place" in answer.text


@pytest.mark.parametrize(
    ("action", "first", "key"),
    [("cancel", "cancel", "cancelled"), ("restore", None, "not_cancelled")],
)
def test_what_is_so_already_is_refused(
    desk: OfficeDesk, action: str, first: str | None, key: str
) -> None:
    lesson = desk.lesson(SOON)
    desk.office.post(f"/lessons/{lesson}/{first}", data={"reason": "For a reason"})
    answer = desk.office.post(f"/lessons/{lesson}/{action}", data={"reason": "For a reason"})
    assert (answer.status_code, problem(key) in answer.text) == (400, True)


@pytest.mark.parametrize("action", ["cancel", "restore"])
def test_reason_is_needed(desk: OfficeDesk, action: str) -> None:
    lesson = desk.lesson(SOON)
    answer = desk.office.post(f"/lessons/{lesson}/{action}", data={"reason": " x "})
    assert (answer.status_code, problem("reason") in answer.text) == (400, True)


def test_lesson_without_records_is_deleted_after_a_question(desk: OfficeDesk) -> None:
    lesson = desk.lesson(SOON)
    assert f"/lessons/{lesson}/delete" in desk.office.get(f"/lessons/{lesson}").text
    assert desk.office.get(f"/lessons/{lesson}/delete").status_code == 200
    answer = desk.office.post(f"/lessons/{lesson}/delete")
    assert answer.headers["location"].startswith("/lessons?day=")
    assert desk.office.get(f"/lessons/{lesson}").status_code == 404


def test_lesson_with_records_is_not_deleted(desk: OfficeDesk) -> None:
    lesson = desk.lesson(RUNNING)
    desk.always_on_roster(desk.ada)
    form = {"code_id": desk.codes()["present"], "reason": "Was there"}
    desk.office.post(f"/lessons/{lesson}/people/{desk.ada}", data=form)
    assert f"/lessons/{lesson}/delete" not in desk.office.get(f"/lessons/{lesson}").text
    asked = desk.office.get(f"/lessons/{lesson}/delete").text
    assert problem("has_events") in asked
    assert f"/lessons/{lesson}/cancel" in asked
    answer = desk.office.post(f"/lessons/{lesson}/delete")
    assert (answer.status_code, problem("has_events") in answer.text) == (400, True)


@pytest.mark.parametrize("role", [Role.TEACHER, Role.DPO, Role.TECHNICIAN])
@pytest.mark.parametrize("action", ["edit", "cancel", "restore", "delete"])
def test_only_the_office_changes_lessons(
    desk: OfficeDesk, sign_in: SignIn, role: Role, action: str
) -> None:
    lesson = desk.lesson(SOON)
    client = sign_in(role)
    path = f"/lessons/{lesson}/{action}"
    assert client.get(path).status_code == 403
    assert client.post(path, data={"reason": "For a reason"}).status_code == 403
    assert client.post("/lessons/new", data=desk.lesson_form()).status_code == 403


def test_teacher_sees_registers_of_own_courses_without_the_office_actions(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    lesson = desk.lesson(RUNNING)
    teacher = sign_in(Role.TEACHER)
    assert teacher.get(f"/lessons/{lesson}").status_code == 403
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    desk.post(f"/courses/{desk.course}/teachers", account_id=account)
    shown = teacher.get(f"/lessons/{lesson}")
    assert shown.status_code == 200
    assert f"/lessons/{lesson}/cancel" not in shown.text
    assert "/past-changes" not in shown.text


def test_register_names_the_silent_kiosk_and_its_last_report(
    desk: OfficeDesk, sign_in: SignIn
) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(hours=2))
    kiosk = desk.hang_kiosk()
    shown = desk.office.get(f"/lessons/{lesson}").text
    assert "1 student stays pending until R12 door reports." in shown
    assert "It has never reported." in shown
    assert f"/kiosks/{kiosk}" not in shown
    assert f"/kiosks/{kiosk}" in sign_in(Role.ADMIN).get(f"/lessons/{lesson}").text
    desk.hang_kiosk("R12 back")
    several = desk.office.get(f"/lessons/{lesson}").text
    assert "1 student stays pending until these kiosks report." in several
    assert "R12 back" in several


def test_register_says_which_policy_judges_it(desk: OfficeDesk, sign_in: SignIn) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(RUNNING)
    shown = desk.office.get(f"/lessons/{lesson}").text
    assert "Judged by policy version 0" in shown
    assert "/policy#history" not in shown
    assert "/policy#history" in sign_in(Role.ADMIN).get(f"/lessons/{lesson}").text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_lesson_page_shows_in_every_language(desk: OfficeDesk, language: str) -> None:
    lesson = desk.lesson(SOON)
    desk.office.cookies.set("rollcall_language", language)
    pages = ["edit", "cancel", "restore", "delete"]
    statuses = [desk.office.get(f"/lessons/{lesson}/{page}").status_code for page in pages]
    assert statuses == [200] * 4
    desk.post(f"/lessons/{lesson}/cancel", reason="Heating failed")
    assert desk.office.get(f"/lessons/{lesson}").status_code == 200
