"""People by name: found as typed, sorted by the school's language, alike on both databases."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session, col, select, update
from starlette.testclient import TestClient

from server.app import create_app, open_storage
from server.config import Settings
from server.db.engine import Database
from server.db.listing import PartWanted
from server.migrations import runner
from server.people.keys import ensure_keys
from server.people.schemas import PersonCreate
from server.people.search import find_people, people_part
from server.people.service import create_person
from server.people.tables import NameKeys, Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.migrating import migrate
from tests.support.names import TypedName, typed_names
from tests.support.office_desk import OfficeDesk

NAMES = typed_names()
#: What a start of the server in each language does to a list of these.
BY_LANGUAGE = {
    "en": ["Åberg", "Adams", "Öberg", "Zebra"],
    "sv": ["Adams", "Zebra", "Åberg", "Öberg"],
}

LOOK_LIKE_S1 = ["\uff33\uff11", "S\u200b1", " S1\u00a0", "\u2060S1\ufeff"]


def _add(db: Session, number: str, given_name: str, family_name: str) -> uuid.UUID:
    new = PersonCreate(student_number=number, given_name=given_name, family_name=family_name)
    return create_person(db, new, actor="system").id


def _numbers(db: Session, words: str) -> list[str]:
    return [person.student_number for person in find_people(db, words=words, limit=500)[0]]


def _unfound(db: Session, number: int, name: TypedName) -> list[str]:
    return [search for search in name.searches if f"N{number}" not in _numbers(db, search)]


def _family_names(db: Session) -> list[str]:
    return [person.family_name for person in find_people(db, limit=500)[0]]


def test_two_hundred_names_are_found_and_sorted(database: Database) -> None:
    with database.transaction() as db:
        for number, name in enumerate(NAMES):
            _add(db, f"N{number}", name.given_name, name.family_name)
    with database.reading() as db:
        assert [_unfound(db, *one) for one in enumerate(NAMES)] == [[]] * len(NAMES)
        found, total = find_people(db, limit=500)
        assert total == len(NAMES)
        assert [one.id for one in found] == [
            one.id for one in sorted(found, key=lambda one: (one.sort_key, one.id))
        ]
        assert len(_numbers(db, "isik")) == 1
        assert _numbers(db, "N10%") == _numbers(db, "n10")
        assert _numbers(db, "%") == _numbers(db, "_") == _numbers(db, "'") == []


@pytest.mark.parametrize("locale", BY_LANGUAGE)
def test_a_start_sorts_everybody_by_the_language_of_the_school(
    database: Database, locale: str
) -> None:
    other = "sv" if locale == "en" else "en"
    with database.transaction() as db:
        ensure_keys(db, other)
        for number, name in enumerate(BY_LANGUAGE[locale]):
            _add(db, f"N{number}", "A", name)
        assert _family_names(db) == BY_LANGUAGE[other]
    with database.transaction() as db:
        assert ensure_keys(db, locale) == 4
        assert ensure_keys(db, locale) == 0, "nothing changed since"
    with database.reading() as db:
        assert _family_names(db) == BY_LANGUAGE[locale]


def test_a_start_with_other_rules_makes_every_key_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.people.keys._AT_A_TIME", 2)
    with database.transaction() as db:
        for number in range(5):
            _add(db, f"N{number}", "Zoë", f"Öz{number}")
        expected = db.exec(select(Person.search_text, Person.sort_key)).all()
        db.exec(update(Person).values(search_text="old", sort_key=b"old"))
        db.exec(update(NameKeys).values(version="rules of an older release"))
    with database.transaction() as db:
        assert ensure_keys(db, "en") == 5
    with database.reading() as db:
        assert set(db.exec(select(Person.search_text, Person.sort_key))) == set(expected)


def test_a_start_of_the_server_uses_its_setting(settings: Settings, database: Database) -> None:
    swedish = settings.model_copy(update={"locale": "sv"})
    with TestClient(create_app(swedish)):
        pass
    with database.reading() as db:
        kept = db.exec(select(NameKeys)).one()
    assert kept.locale == "sv"
    open_storage(settings.model_copy(update={"locale": "tr"}))[0].close()
    with database.reading() as db:
        kept = db.exec(select(NameKeys)).one()
    assert kept.locale == "sv", "a command leaves the order as it is"


def test_a_search_has_a_word_in_any_of_its_spellings(database: Database) -> None:
    with database.transaction() as db:
        _add(db, "1", "Jörg", "Moeller")
        _add(db, "2", "민수", "김")
        _add(db, "3", "Aynur", "Əliyeva")
    with database.reading() as db:
        searches = ["Möller joerg", "moeller", "김민수", "aliyeva", "Jørg mollar"]
        assert [_numbers(db, one) for one in searches] == [["1"], ["1"], ["2"], ["3"], []]
        parts = [people_part(db, one, PartWanted(9)) for one in searches]
        assert [one.total for one in parts] == [1, 1, 1, 1, 0]


def test_one_name_is_enough(desk: OfficeDesk) -> None:
    made = desk.post("/people", student_number="S9", given_name="Suharto")
    assert (made["family_name"], made["display_name"]) == ("", "Suharto")
    page = desk.office.get("/people").text
    assert "<strong>Suharto</strong></bdi>" in page
    form = {"student_number": "S9", "given_name": "", "family_name": "Sukarno"}
    assert desk.office.post(f"/people/{made['id']}/edit", data=form).status_code == 303
    assert "Sukarno" in desk.office.get(f"/people/{made['id']}").text
    answer = desk.office.post("/people/new", data=form | {"family_name": " \u200b"})
    assert (answer.status_code, "Please fill this in." in answer.text) == (400, True)
    answer = desk.office.post("/people/new", data=form | {"family_name": ""})
    assert "Please enter a given name or a family name." in answer.text


def test_a_change_that_names_one_name_keeps_the_other(desk: OfficeDesk) -> None:
    path = f"/api/v1/people/{desk.ada}"
    changed = desk.office.patch(path, json={"student_number": "S1", "given_name": "Augusta"})
    assert changed.json()["display_name"] == "Augusta Lovelace"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "turns other text around"), ("ar", "يقلب اتجاه الكتابة")]
)
def test_what_turns_text_around_is_refused_in_words(
    desk: OfficeDesk, language: str, words: str
) -> None:
    body = {"student_number": "S9", "given_name": "Ada\u202e", "family_name": "Byron"}
    answer = desk.office.post("/api/v1/people", json=body)
    assert answer.status_code == 422
    assert "changes the direction of text" in answer.text
    desk.office.cookies.set("rollcall_language", language)
    page = desk.office.post("/people/new", data=body)
    assert (page.status_code, words in page.text) == (400, True)


def test_a_name_with_a_joiner_is_kept_and_found(desk: OfficeDesk) -> None:
    made = desk.post("/people", student_number="S9", given_name="علی\u200cرضا")
    assert made["given_name"] == "علی\u200cرضا"
    assert _found(desk.office, "علیرضا") == ["S9"]


def _found(office: TestClient, words: str) -> list[str]:
    people: list[dict[str, Any]] = office.get("/api/v1/people", params={"q": words}).json()[
        "people"
    ]
    return [one["student_number"] for one in people]


def test_a_number_that_only_looks_different_is_taken(desk: OfficeDesk, sign_in: SignIn) -> None:
    bodies = [{"student_number": number, "given_name": "Eve"} for number in LOOK_LIKE_S1]
    answers = [desk.office.post("/api/v1/people", json=body) for body in bodies]
    assert [one.status_code for one in answers] == [409] * len(bodies)
    form = {"student_number": LOOK_LIKE_S1[0], "reason": "They left the school."}
    erased = sign_in(Role.ADMIN).post(f"/people/{desk.ada}/erase", data=form)
    assert erased.status_code == 303


def test_a_number_kept_as_typed_does_not_block_other_changes(
    desk: OfficeDesk, database: Database
) -> None:
    with database.transaction() as db:
        db.exec(
            update(Person)
            .where(col(Person.id) == uuid.UUID(desk.ben))
            .values(student_number=LOOK_LIKE_S1[0])
        )
    path = f"/api/v1/people/{desk.ben}"
    body = {"student_number": LOOK_LIKE_S1[0], "given_name": "Benny", "family_name": "Okafor"}
    changed = desk.office.patch(path, json=body)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["given_name"], changed.json()["student_number"]) == (
        "Benny",
        LOOK_LIKE_S1[0],
    )
    page = desk.office.post(f"/people/{desk.ben}/edit", data=body | {"given_name": "Ben"})
    assert page.status_code == 303
    assert desk.office.patch(path, json=body | {"student_number": "S3"}).status_code == 200
    assert desk.office.patch(path, json=body).status_code == 409, "taken, once it is given up"


def _old_person(connection: Connection, place: int, number: str) -> None:
    person = uuid.UUID(int=place + 1)
    values = {"id": person.hex, "number": number, "at": "2026-11-01 08:00:00+00:00"}
    connection.execute(
        text(
            "INSERT INTO people (id, student_number, given_name, family_name, display_name,"
            " search_text, created_at) VALUES (:id, :number, 'Zoë', 'Öz', 'Zoë Öz', 'x', :at)"
        ),
        values,
    )


def test_an_upgrade_compares_the_numbers_and_a_start_makes_the_keys(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(database, "0015")
    typed = ["7", "\uff17", "8\u200b", "\uff18", "\u200b", "9", "a\u200b\u0301"]
    with database.engine.begin() as connection:
        for place, number in enumerate(typed):
            _old_person(connection, place, number)
    migrate(database, "head")
    runner.check(database)
    kept = [one for one in caplog.messages if "student number kept as typed" in one]
    assert len(kept) == 3
    with database.transaction() as db:
        numbers = db.exec(select(Person.student_number).order_by(col(Person.id))).all()
        assert numbers == ["7", "\uff17", "8", "\uff18", "\u200b", "9", "\u00e1"]
        assert ensure_keys(db, "en") == len(typed)
    with database.reading() as db:
        assert len(find_people(db, words="oez zoe")[0]) == len(typed)
        assert db.exec(select(Person).where(col(Person.sort_key) == b"")).all() == []
    migrate(database, "0015")
    migrate(database, "head")
