"""Pages of courses with their rosters, rooms and terms."""

from datetime import timedelta

import pytest
from sqlmodel import select

from server.db.engine import Database
from server.db.types import now
from server.people.tables import Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_lesson_pages import problem
from tests.support.office_desk import OfficeDesk, day_in


def entry_path(desk: OfficeDesk, number: int = 0) -> str:
    return f"/courses/{desk.course}/roster/{desk.entries()[number]['id']}"


def test_person_is_on_the_roster_from_today_unless_said_otherwise(desk: OfficeDesk) -> None:
    path = f"/courses/{desk.course}"
    found = desk.office.post(path, data={"q": "lovelace"}).text
    assert f'value="{desk.ada}"' in found
    assert f'name="from_date" type="date" value="{day_in(0)}"' in found
    assert desk.office.post(f"{path}/roster", data={"person_id": desk.ada}).status_code == 303
    form = {"person_id": desk.ben, "from_date": day_in(3), "until_date": day_in(9)}
    assert desk.office.post(f"{path}/roster", data=form).status_code == 303
    assert [(one["from"], one["until"]) for one in desk.entries()] == [
        (day_in(0), None),
        (day_in(3), day_in(9)),
    ]


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"person_id": ""}, "incomplete"),
        ({"person_id": "0" * 32}, "no_person"),
        ({"from_date": "tomorrow"}, "date"),
        ({"from_date": day_in(3), "until_date": day_in(1)}, "order"),
    ],
)
def test_wrong_addition_is_explained_and_kept(
    desk: OfficeDesk, form: dict[str, str], key: str
) -> None:
    sent = {"person_id": desk.ada, "q": "ada", "from_date": day_in(5)} | form
    answer = desk.office.post(f"/courses/{desk.course}/roster", data=sent)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert f'value="{sent["from_date"]}"' in answer.text
    assert desk.entries() == []


def test_nobody_is_on_the_roster_twice_or_after_erasure(
    desk: OfficeDesk, database: Database
) -> None:
    path = f"/courses/{desk.course}/roster"
    desk.office.post(path, data={"person_id": desk.ada})
    twice = desk.office.post(path, data={"person_id": desk.ada, "from_date": day_in(4)})
    assert (twice.status_code, problem("overlap") in twice.text) == (400, True)
    with database.transaction() as db:
        person = db.exec(select(Person).where(Person.given_name == "Ben")).one()
        person.erased_at = now()
        db.add(person)
    erased = desk.office.post(path, data={"person_id": desk.ben})
    assert (erased.status_code, problem("erased") in erased.text) == (400, True)


def test_a_full_roster_is_said_on_every_way_to_it(
    desk: OfficeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "A roster has at most 1 people. Divide the course into two."
    monkeypatch.setattr("server.timetable.roster.MAX_ROSTER", 1)
    path = f"/courses/{desk.course}/roster"
    for person, until in ((desk.ada, day_in(9)), (desk.ben, "")):
        form = {"person_id": person, "until_date": until, "from_date": day_in(1 if until else 10)}
        assert desk.office.post(path, data=form).status_code == 303
    full = desk.office.post(path, data={"person_id": desk.ben, "until_date": day_in(5)})
    assert (full.status_code, words in full.text) == (400, True)
    body = {"person_id": desk.ben, "until_date": day_in(5)}
    assert desk.office.post(f"/api/v1/courses/{desk.course}/roster", json=body).status_code == 409
    longer = {"from_date": day_in(1), "until_date": day_in(12)}
    answer = desk.office.post(entry_path(desk), data=longer)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert desk.office.post(entry_path(desk), data=longer | {"until_date": day_in(8)}).is_redirect


def test_dates_of_an_entry_are_changed(desk: OfficeDesk) -> None:
    desk.office.post(f"/courses/{desk.course}/roster", data={"person_id": desk.ada})
    form = {"from_date": day_in(2), "until_date": day_in(20)}
    assert desk.office.post(entry_path(desk), data=form).status_code == 303
    (entry,) = desk.entries()
    assert (entry["from"], entry["until"]) == (day_in(2), day_in(20))


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({"from_date": "x"}, "date"),
        ({"from_date": day_in(3), "until_date": day_in(1)}, "order"),
        ({"from_date": day_in(30)}, "overlap"),
    ],
)
def test_wrong_dates_are_explained_beside_the_entry(
    desk: OfficeDesk, form: dict[str, str], key: str
) -> None:
    path = f"/courses/{desk.course}/roster"
    desk.office.post(path, data={"person_id": desk.ada, "until_date": day_in(9)})
    desk.office.post(path, data={"person_id": desk.ada, "from_date": day_in(20)})
    answer = desk.office.post(entry_path(desk), data=form)
    assert (answer.status_code, problem(key) in answer.text) == (400, True)
    assert answer.text.count("<details open>") == 1
    assert f'value="{form["from_date"]}"' in answer.text


def test_dates_that_touch_the_past_lead_to_the_change_of_the_past(desk: OfficeDesk) -> None:
    entry = desk.always_on_roster(desk.ada)
    desk.lesson(-timedelta(days=3))
    form = {"from_date": day_in(0), "until_date": ""}
    answer = desk.office.post(entry_path(desk), data=form)
    assert (answer.status_code, problem("past_registers") in answer.text) == (400, True)
    link = (
        f"/past-changes/roster?course_id={desk.course}&amp;person_id={desk.ada}"
        f"&amp;entry_id={entry}&amp;from_date={day_in(0)}&amp;until_date="
    )
    assert link in answer.text
    assert desk.entries()[0]["from"] is None


def test_removal_keeps_the_entry_for_the_past(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ada)
    desk.lesson(-timedelta(days=3))
    page = desk.office.get(f"/courses/{desk.course}").text
    assert "If you remove Ada Lovelace, today is the last day on the roster." in page
    assert desk.office.post(f"{entry_path(desk)}/remove").status_code == 303
    assert desk.entries()[0]["until"] == day_in(0)


def test_removal_of_an_entry_that_has_ended_is_refused(desk: OfficeDesk) -> None:
    entry = desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(days=5))
    form = {
        "kind": "roster",
        "course_id": desk.course,
        "person_id": desk.ada,
        "entry_id": entry,
        "from": day_in(-9),
        "until": day_in(-2),
    }
    preview = desk.post("/past-changes/preview", **form)
    made = {"change": form, "reason": "She left", "fingerprint": preview["fingerprint"]}
    desk.post("/past-changes", **made)
    assert desk.register(lesson)["rows"]
    answer = desk.office.post(f"{entry_path(desk)}/remove")
    assert (answer.status_code, problem("ended") in answer.text) == (400, True)
    page = desk.office.get(f"/courses/{desk.course}").text
    assert "No longer on the roster" in page
    assert "0 on the roster" in page


def test_page_says_since_when_a_person_is_listed(desk: OfficeDesk) -> None:
    desk.lesson(timedelta(days=-3))
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada, **{"from": day_in(-30)})
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben, **{"from": day_in(2)})
    page = " ".join(desk.office.get(f"/courses/{desk.course}").text.split())
    assert f'listed since <bdi><time class="said" datetime="{day_in(0)}">' in page
    assert f'from <bdi><time class="said" datetime="{day_in(2)}">' in page


def test_a_lesson_entered_later_lists_who_was_on_the_roster_by_then(desk: OfficeDesk) -> None:
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada, **{"from": day_in(-9)})
    later = desk.lesson(timedelta(days=-3))
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ben, **{"from": day_in(-9)})
    listed = [row["person_id"] for row in desk.register(later)["rows"]]
    assert listed == [desk.ada]
    (ben,) = (one for one in desk.entries() if one["person_id"] == desk.ben)
    path = f"/api/v1/courses/{desk.course}/roster/{ben['id']}"
    assert desk.office.patch(path, json={"from": day_in(-2)}).is_success
    another = desk.lesson(timedelta(days=-1))
    assert len(desk.register(another)["rows"]) == 2
    assert [row["person_id"] for row in desk.register(later)["rows"]] == [desk.ada]


def test_course_and_room_are_renamed(desk: OfficeDesk) -> None:
    form = {"code": "BIO-10", "title": "Biology, year 10"}
    assert desk.office.get(f"/courses/{desk.course}/edit").status_code == 200
    assert desk.office.post(f"/courses/{desk.course}/edit", data=form).status_code == 303
    assert desk.office.get(f"/rooms/{desk.room}/edit").status_code == 200
    assert desk.office.post(f"/rooms/{desk.room}/edit", data={"name": "R13"}).status_code == 303
    assert "BIO-10" in desk.office.get("/courses").text
    assert "R13" in desk.office.get("/rooms").text


@pytest.mark.parametrize("path", ["/courses", "/courses/{course}/edit"])
def test_course_needs_a_code_of_its_own(desk: OfficeDesk, path: str) -> None:
    address = path.format(course=desk.course)
    taken = desk.office.post(address, data={"code": "ART-1", "title": "Arts"})
    assert (taken.status_code, problem("course.name_taken") in taken.text) == (400, True)
    assert 'value="Arts"' in taken.text
    empty = desk.office.post(address, data={"code": " ", "title": "Arts"})
    assert (empty.status_code, problem("incomplete") in empty.text) == (400, True)


@pytest.mark.parametrize("path", ["/rooms", "/rooms/{room}/edit"])
def test_room_needs_a_name_of_its_own(desk: OfficeDesk, path: str) -> None:
    address = path.format(room=desk.room)
    taken = desk.office.post(address, data={"name": "R14"})
    assert (taken.status_code, problem("name_taken") in taken.text) == (400, True)
    empty = desk.office.post(address, data={"name": " "})
    assert (empty.status_code, problem("incomplete") in empty.text) == (400, True)


def test_terms_are_added_changed_and_deleted(desk: OfficeDesk) -> None:
    office = desk.office
    form = {"name": "Autumn", "first_day": day_in(-60), "last_day": day_in(60)}
    assert "/terms" in office.get("/lessons").text
    assert office.post("/terms", data=form).status_code == 303
    (term,) = office.get("/api/v1/terms").json()
    assert "Autumn" in office.get("/terms").text
    path = f"/terms/{term['id']}"
    assert f'value="{day_in(60)}"' in office.get(f"{path}/edit").text
    assert office.post(f"{path}/edit", data=form | {"name": "Winter"}).status_code == 303
    assert "Winter" in office.get(f"{path}/delete").text
    assert office.post(f"{path}/delete").status_code == 303
    assert office.get("/api/v1/terms").json() == []
    assert office.get(f"{path}/edit").status_code == 404


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"last_day": day_in(-90)}, "order"),
        ({"first_day": "x"}, "date"),
        ({"name": "Winter"}, "name_taken"),
        ({"name": ""}, "incomplete"),
    ],
)
def test_wrong_term_is_explained_and_kept(
    desk: OfficeDesk, changed: dict[str, str], key: str
) -> None:
    form = {"name": "Autumn", "first_day": day_in(-60), "last_day": day_in(60)}
    desk.office.post("/terms", data=form | {"name": "Winter"})
    added = desk.office.post("/terms", data=form | changed)
    assert (added.status_code, problem(key) in added.text) == (400, True)
    desk.office.post("/terms", data=form)
    term = next(one for one in desk.office.get("/api/v1/terms").json() if one["name"] == "Autumn")
    edited = desk.office.post(f"/terms/{term['id']}/edit", data=form | changed)
    assert (edited.status_code, problem(key) in edited.text) == (400, True)
    assert f'value="{(form | changed)["last_day"]}"' in edited.text


@pytest.mark.parametrize("role", [Role.TEACHER, Role.DPO, Role.TECHNICIAN])
def test_only_the_office_changes_rosters_rooms_and_terms(
    desk: OfficeDesk, sign_in: SignIn, role: Role
) -> None:
    desk.always_on_roster(desk.ada)
    client = sign_in(role)
    readable = ["/terms", f"/courses/{desk.course}/edit", f"/rooms/{desk.room}/edit"]
    assert {client.get(path).status_code for path in readable} == {403}
    entry = entry_path(desk)
    changing = [*readable, entry, f"{entry}/remove", f"/courses/{desk.course}/roster"]
    assert {client.post(path, data={}).status_code for path in changing} == {403}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_timetable_page_shows_in_every_language(desk: OfficeDesk, language: str) -> None:
    desk.always_on_roster(desk.ada)
    desk.post("/terms", name="Autumn", first_day=day_in(-9), last_day=day_in(9))
    desk.office.cookies.set("rollcall_language", language)
    pages = ["/terms", f"/courses/{desk.course}", f"/courses/{desk.course}/edit", "/rooms"]
    assert {desk.office.get(path).status_code for path in pages} == {200}
