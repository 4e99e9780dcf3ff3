"""Changes of the past on pages: form, preview, confirmation, list."""

import re
import uuid
from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.messages import AttendancePolicy
from server.attendance.tables import StoredEvent
from server.audit.tables import AuditedPerson, AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import set_own, set_policy
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_lesson_pages import problem
from tests.support.office_desk import OfficeDesk, day_in
from tests.support.planning import BERLIN

YESTERDAY = -timedelta(days=1)


@pytest.fixture
def lesson(desk: OfficeDesk) -> str:
    """A lesson of yesterday that Ada was in 3 minutes late, and Ben was not."""
    desk.always_on_roster(desk.ada)
    desk.always_on_roster(desk.ben)
    made = desk.lesson(YESTERDAY)
    kiosk_id = uuid.UUID(desk.hang_kiosk(since=now() - timedelta(days=2)))
    starts_at = now() + YESTERDAY
    with desk.database.transaction() as db:
        seen_at = starts_at + timedelta(minutes=3)
        db.add(
            StoredEvent(
                kiosk_id=kiosk_id,
                id=uuid.uuid4(),
                seq=1,
                occurred_at=seen_at,
                counted_at=seen_at,
                received_at=seen_at,
                person_id=uuid.UUID(desk.ada),
                kind="seen",
                method="face",
                clock_source="ntp",
                shown_status="late",
                hash="0" * 64,
                body="{}",
            )
        )
    return made


@pytest.fixture
def strict_policy(database: Database) -> int:
    """A later version of the policy, by which 1 minute is late."""
    with database.transaction() as db:
        policy = SchoolPolicy(attendance=AttendancePolicy(late_after_min=1))
        return set_policy(db, policy, actor="system").version


def test_the_form_names_the_room_or_course_that_a_version_changed(
    desk: OfficeDesk, lesson: str, database: Database
) -> None:
    own = {"attendance": {"late_after_min": 9}}
    with database.transaction() as db:
        for scope, place in ((Scope.ROOM, desk.room), (Scope.COURSE, desk.course)):
            set_own(db, PolicyPlace(scope, uuid.UUID(place)), own, actor="system")
    page = desk.office.get(f"/past-changes/policy?lesson_id={lesson}").text
    shown = re.findall(r'<option value="(\d+)"[^>]*>Version \1, since [^<(]*(\([^<]*\))?', page)
    assert [place for _version, place in shown][:2] == ["(BIO-9 · Biology)", "(R12)"]
    assert shown[-1][1] == ""


def hidden_fields(page: str) -> dict[str, str]:
    """Return what the form that confirms sends along."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def confirm(client: TestClient, kind: str, page: str, reason: str = "It was so") -> int:
    data = hidden_fields(page) | {"reason": reason}
    return client.post(f"/past-changes/{kind}/confirm", data=data).status_code


def statuses(desk: OfficeDesk, lesson: str) -> dict[str, str]:
    rows = desk.register(lesson)["rows"]
    return {row["display_name"]: row["status"] for row in rows}


def shown_lines(page: str) -> list[tuple[str, ...]]:
    """Return the lines of a preview: name, before, after."""
    lines = re.findall(r'<li><span class="person-name">.*?</li>', page, re.DOTALL)
    words = [re.sub(r"<[^>]+>", "|", line) for line in lines]
    return [tuple(w.strip() for w in line.split("|") if w.strip()) for line in words]


def test_one_lesson_is_judged_by_another_policy(
    desk: OfficeDesk, lesson: str, strict_policy: int
) -> None:
    form_page = desk.office.get(f"/past-changes/policy?lesson_id={lesson}").text
    assert f'<input type="hidden" name="lesson_id" value="{lesson}">' in form_page
    form = {"lesson_id": lesson, "policy_version": str(strict_policy)}
    page = desk.office.post("/past-changes/policy", data=form)
    assert page.status_code == 200
    assert shown_lines(page.text) == [("AL", "Ada Lovelace", "Present", "→", "becomes", "Late")]
    assert statuses(desk, lesson)["Ada Lovelace"] == "present"
    assert confirm(desk.office, "policy", page.text) == 303
    assert statuses(desk, lesson)["Ada Lovelace"] == "late"
    listed = desk.office.get("/past-changes").text
    assert f"judged by policy version {strict_policy}" in listed
    assert "It was so" in listed
    assert "Office" in listed
    assert "1 line changed" in listed


def test_all_lessons_of_a_course_are_judged_by_another_policy(
    desk: OfficeDesk, lesson: str, strict_policy: int
) -> None:
    desk.lesson(YESTERDAY - timedelta(hours=3))
    form = {
        "course_id": desk.course,
        "first": day_in(-2),
        "last": day_in(0),
        "policy_version": str(strict_policy),
    }
    page = desk.office.post("/past-changes/policy", data=form).text
    assert "2 lessons of BIO-9" in page
    assert confirm(desk.office, "policy", page) == 303
    assert statuses(desk, lesson)["Ada Lovelace"] == "late"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"first": "x"}, "date"),
        ({"first": day_in(0), "last": day_in(-2)}, "order"),
        ({"first": day_in(-90), "last": day_in(-80)}, "no_lessons"),
        ({"policy_version": "99"}, "no_policy_version"),
        ({"policy_version": ""}, "incomplete"),
        ({"course_id": "0" * 32}, "no_course"),
    ],
)
def test_wrong_policy_change_is_explained_and_kept(
    desk: OfficeDesk, lesson: str, changed: dict[str, str], key: str
) -> None:
    form = {"course_id": desk.course, "first": day_in(-2), "last": day_in(0)}
    sent = form | {"policy_version": "0"} | changed
    answer = desk.office.post("/past-changes/policy", data=sent)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{sent["last"]}"' in answer.text


def test_lesson_that_has_not_started_has_no_past(desk: OfficeDesk) -> None:
    form = {"lesson_id": desk.lesson(timedelta(days=1)), "policy_version": "0"}
    answer = desk.office.post("/past-changes/policy", data=form)
    assert (answer.status_code, problem("not_started") in answer.text) == (400, True)


def test_too_many_lessons_are_refused(
    desk: OfficeDesk, lesson: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.attendance.past_forms.MOST_LESSONS", 0)
    form = {"course_id": desk.course, "first": day_in(-2), "last": day_in(0)}
    answer = desk.office.post("/past-changes/policy", data=form | {"policy_version": "0"})
    assert (answer.status_code, problem("too_many") in answer.text) == (400, True)


def test_person_was_on_the_roster_after_all(desk: OfficeDesk, lesson: str) -> None:
    clara = desk.post("/people", student_number="S3", given_name="Clara", family_name="Wu")["id"]
    found = desk.office.post("/past-changes/roster/people", data={"q": "wu"}).text
    assert f"person_id={clara}" in found
    path = f"/past-changes/roster?person_id={clara}&course_id={desk.course}"
    assert "Clara Wu" in desk.office.get(path).text
    form = {"course_id": desk.course, "person_id": clara, "from_date": day_in(-3)}
    page = desk.office.post("/past-changes/roster", data=form).text
    assert shown_lines(page)[0][1:3] == ("Clara Wu", "Not listed")
    assert confirm(desk.office, "roster", page) == 303
    assert "Clara Wu" in statuses(desk, lesson)
    assert "Clara Wu on the roster of BIO-9 from" in desk.office.get("/past-changes").text
    with desk.database.reading() as db:
        made = db.exec(select(AuditEntry).where(AuditEntry.action == "past.change")).one()
        about = select(AuditedPerson.seq).where(AuditedPerson.person_id == uuid.UUID(clara))
        assert made.seq in list(db.exec(about))


def test_a_link_may_carry_what_other_programs_append(desk: OfficeDesk, lesson: str) -> None:
    path = f"/past-changes/lesson?lesson_id={lesson}"
    appended = desk.office.get(f"{path}&utm_source=mail")
    assert appended.status_code == 200
    assert appended.text == desk.office.get(path).text


def test_entry_ended_earlier_after_all(desk: OfficeDesk, lesson: str) -> None:
    entry = next(one["id"] for one in desk.entries() if one["person_id"] == desk.ben)
    form = {
        "course_id": desk.course,
        "person_id": desk.ben,
        "entry_id": entry,
        "from_date": day_in(-30),
        "until_date": day_in(-2),
    }
    page = desk.office.post("/past-changes/roster", data=form).text
    assert shown_lines(page)[0][-1] == "Not listed"
    assert confirm(desk.office, "roster", page) == 303
    assert "Ben Okafor" not in statuses(desk, lesson)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"from_date": ""}, "date"),
        ({"until_date": "x"}, "date"),
        ({"until_date": day_in(-50)}, "order"),
        ({"entry_id": ""}, "overlap"),
        ({"course_id": "x"}, "incomplete"),
    ],
)
def test_wrong_roster_change_is_explained_and_kept(
    desk: OfficeDesk, lesson: str, changed: dict[str, str], key: str
) -> None:
    entry = next(one["id"] for one in desk.entries() if one["person_id"] == desk.ada)
    form = {"course_id": desk.course, "person_id": desk.ada, "entry_id": entry}
    sent = form | {"from_date": day_in(-30)} | changed
    answer = desk.office.post("/past-changes/roster", data=sent)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{sent["from_date"]}"' in answer.text


def test_entry_of_another_person_is_refused(desk: OfficeDesk, lesson: str) -> None:
    entry = next(one["id"] for one in desk.entries() if one["person_id"] == desk.ada)
    clara = desk.post("/people", student_number="S3", given_name="Clara", family_name="Wu")["id"]
    form = {"course_id": desk.course, "person_id": clara, "entry_id": entry}
    answer = desk.office.post("/past-changes/roster", data=form | {"from_date": day_in(-30)})
    assert (answer.status_code, problem("entry") in answer.text) == (400, True)


def lesson_form(desk: OfficeDesk, lesson: str, **changed: str) -> dict[str, str]:
    starts_at = (now() + YESTERDAY - timedelta(hours=5)).astimezone(BERLIN)
    ends_at = starts_at + timedelta(minutes=20)
    values = {"lesson_id": lesson, "room_id": desk.other_room, "day": day_in(-1)}
    return values | {"starts": f"{starts_at:%H:%M}", "ends": f"{ends_at:%H:%M}"} | changed


def test_lesson_took_place_elsewhere(desk: OfficeDesk, lesson: str) -> None:
    page = desk.office.get(f"/past-changes/lesson?lesson_id={lesson}").text
    assert f'value="{desk.room}" selected' in page
    form = lesson_form(desk, lesson, starts="00:05", ends="00:35")
    preview = desk.office.post("/past-changes/lesson", data=form)
    assert shown_lines(preview.text)[0][1:3] == ("Ada Lovelace", "Present")
    assert confirm(desk.office, "lesson", preview.text) == 303
    assert desk.register(lesson)["lesson"]["room_name"] == "R14"
    assert "BIO-9 in R14" in desk.office.get("/past-changes").text


@pytest.mark.parametrize("kind", ["policy", "roster", "lesson"])
def test_form_opens_whatever_its_address_says(desk: OfficeDesk, kind: str) -> None:
    query = f"lesson_id=x&course_id=x&person_id={desk.ada}&entry_id=x&from_date=x&until_date=x"
    assert desk.office.get(f"/past-changes/{kind}?{query}").status_code == 200
    assert desk.office.get("/past-changes/weather").status_code == 422


def test_form_for_a_lesson_asks_for_one_first(desk: OfficeDesk) -> None:
    page = desk.office.get("/past-changes/lesson")
    assert (page.status_code, "Open the lesson first." in page.text) == (200, True)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"starts": "10:00", "ends": "09:00"}, "ends_before_start"),
        ({"day": day_in(1), "starts": "08:00", "ends": "09:00"}, "later"),
        ({"starts": "x"}, "time"),
        ({"room_id": "0" * 32}, "no_room"),
        ({"room_id": ""}, "incomplete"),
        ({"starts": "01:00", "ends": "02:00", "room_id": "taken"}, "room_taken"),
    ],
)
def test_wrong_lesson_change_is_explained_and_kept(
    desk: OfficeDesk, lesson: str, changed: dict[str, str], key: str
) -> None:
    day = {"day": day_in(-1), "starts": "01:00", "ends": "02:00"}
    other = desk.lesson_form(**day, course_id=desk.other_course, room_id=desk.other_room)
    assert desk.office.post("/lessons/new", data=other).status_code == 303
    form = lesson_form(desk, lesson, **changed)
    form["room_id"] = form["room_id"].replace("taken", desk.other_room)
    answer = desk.office.post("/past-changes/lesson", data=form)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{form["starts"]}"' in answer.text


def test_change_without_effect_says_so(desk: OfficeDesk, lesson: str) -> None:
    form = {"lesson_id": lesson, "policy_version": "0"}
    page = desk.office.post("/past-changes/policy", data=form).text
    assert "Nothing would change" in page


def test_confirmation_needs_a_reason_and_keeps_the_preview(
    desk: OfficeDesk, lesson: str, strict_policy: int
) -> None:
    form = {"lesson_id": lesson, "policy_version": str(strict_policy)}
    page = desk.office.post("/past-changes/policy", data=form).text
    data = hidden_fields(page) | {"reason": "x"}
    answer = desk.office.post("/past-changes/policy/confirm", data=data)
    assert (answer.status_code, problem("reason") in answer.text) == (400, True)
    assert shown_lines(answer.text) == shown_lines(page)
    assert statuses(desk, lesson)["Ada Lovelace"] == "present"


def test_confirmation_of_an_old_preview_shows_the_new_one(
    desk: OfficeDesk, lesson: str, strict_policy: int
) -> None:
    form = {"lesson_id": lesson, "policy_version": str(strict_policy)}
    page = desk.office.post("/past-changes/policy", data=form).text
    correction = {"code_id": desk.codes()["excused"], "reason": "Was ill"}
    desk.office.post(f"/lessons/{lesson}/people/{desk.ada}", data=correction)
    data = hidden_fields(page) | {"reason": "It was so"}
    answer = desk.office.post("/past-changes/policy/confirm", data=data)
    assert (answer.status_code, problem("preview_old") in answer.text) == (400, True)
    assert 'value="It was so"' in answer.text
    assert confirm(desk.office, "policy", answer.text) == 303


def test_register_says_where_the_kiosk_showed_another_status(desk: OfficeDesk, lesson: str) -> None:
    assert "The kiosk showed: Late" in desk.office.get(f"/lessons/{lesson}").text
    line = desk.office.get(f"/lessons/{lesson}/people/{desk.ada}").text
    assert "<dt>The kiosk showed</dt><dd>Late</dd>" in line
    assert "The kiosk showed" not in desk.office.get(f"/lessons/{lesson}/people/{desk.ben}").text


def test_register_and_course_lead_to_the_change_of_the_past(desk: OfficeDesk, lesson: str) -> None:
    register = desk.office.get(f"/lessons/{lesson}").text
    assert f"/past-changes/lesson?lesson_id={lesson}" in register
    assert f"/past-changes/policy?lesson_id={lesson}" in register
    assert "/past-changes/" in desk.office.get(f"/courses/{desk.course}").text
    assert "/past-changes" in desk.office.get("/lessons").text


@pytest.mark.parametrize("role", [Role.TEACHER, Role.DPO, Role.TECHNICIAN])
def test_only_the_office_changes_the_past(desk: OfficeDesk, sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    for path in ("/past-changes", "/past-changes/policy", "/past-changes/roster"):
        assert client.get(path).status_code == 403
    paths = ("policy", "roster", "lesson", "roster/people", "policy/confirm", "lesson/confirm")
    codes = {client.post(f"/past-changes/{path}", data={}).status_code for path in paths}
    assert codes == {403}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_page_of_the_past_shows_in_every_language(
    desk: OfficeDesk, lesson: str, strict_policy: int, language: str
) -> None:
    desk.office.cookies.set("rollcall_language", language)
    form = {"lesson_id": lesson, "policy_version": str(strict_policy)}
    page = desk.office.post("/past-changes/policy", data=form)
    assert page.status_code == 200
    assert confirm(desk.office, "policy", page.text) == 303
    pages = ["", "/policy", "/roster", f"/lesson?lesson_id={lesson}"]
    codes = {desk.office.get(f"/past-changes{path}").status_code for path in pages}
    assert codes == {200}
