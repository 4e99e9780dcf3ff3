"""One search over what an account may see."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from server.db.types import now
from server.web.principal import Role
from tests.support.office_desk import OfficeDesk
from tests.support.planning import BERLIN

SignIn = Callable[[Role], TestClient]


def found(client: TestClient, words: str) -> dict[str, list[str]]:
    """Return the names that were found, by kind."""
    page = client.post("/search", data={"q": words})
    assert page.status_code == 200
    sections = re.findall(r'id="found-(\w+)">(.*?)</section>', page.text, re.DOTALL)
    return {kind: re.findall(r"<bdi>([^<]+)</bdi></a>", part) for kind, part in sections}


@pytest.fixture
def lesson(desk: OfficeDesk) -> str:
    """A lesson of today, whatever the hour is."""
    midday = now().astimezone(BERLIN).replace(hour=12, minute=0)
    return desk.lesson(midday - now())


NAMED = [
    ("lovelace", "people", "Ada Lovelace"),
    ("ADA love", "people", "Ada Lovelace"),
    ("S2", "people", "Ben Okafor"),
    ("biology", "courses", "BIO-9"),
    ("bio 9", "courses", "BIO-9"),
    ("r14", "rooms", "R14"),
    ("door", "kiosks", "R12 door"),
    ("policy", "pages", "Policy"),
]


def test_everything_is_found_by_a_part_of_its_name(desk: OfficeDesk, sign_in: SignIn) -> None:
    desk.hang_kiosk()
    admin = sign_in(Role.ADMIN)
    for words, kind, name in NAMED:
        assert name in found(admin, words)[kind], words


def test_each_role_finds_what_it_may_see(desk: OfficeDesk, sign_in: SignIn, lesson: str) -> None:
    desk.hang_kiosk()
    desk.post("/rooms", name="Ada room")
    assert set(found(desk.office, "a")) == {"people", "courses", "rooms", "pages"}
    assert set(found(sign_in(Role.DPO), "ada")) == {"people"}
    technician = sign_in(Role.TECHNICIAN)
    assert set(found(technician, "r12")) == {"kiosks", "lessons"}
    assert found(technician, "ada") == {}


def test_teacher_finds_own_lessons_alone(desk: OfficeDesk, sign_in: SignIn, lesson: str) -> None:
    teacher = sign_in(Role.TEACHER)
    assert found(teacher, "bio") == {}
    account = teacher.get("/api/v1/sign-in").json()["account_id"]
    desk.post(f"/courses/{desk.course}/teachers", account_id=account)
    assert found(teacher, "bio") == {"lessons": ["BIO-9 Biology"]}
    assert f'href="/lessons/{lesson}"' in teacher.post("/search", data={"q": "bio"}).text
    assert found(teacher, "lovelace") == {}


def test_many_hits_are_counted_and_few_shown(desk: OfficeDesk, sign_in: SignIn) -> None:
    for number in range(12):
        desk.post("/rooms", name=f"Lab {number}")
    admin = sign_in(Role.ADMIN)
    assert len(found(admin, "lab")["rooms"]) == 8
    assert "8 of 12" in admin.post("/search", data={"q": "lab"}).text


ODD = ["", " ", "%", "_", "'", "\x00", "<zq>", "x" * 4000, "\u202e", "🦊"]


def test_odd_words_find_nothing_and_break_nothing(desk: OfficeDesk, sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    for words in ODD:
        assert found(admin, words) == {}, words
        assert "<zq>" not in admin.post("/search", data={"q": words}).text


def test_lesson_of_tomorrow_is_none_of_today(desk: OfficeDesk, sign_in: SignIn) -> None:
    desk.lesson(timedelta(days=2))
    assert "lessons" not in found(sign_in(Role.ADMIN), "bio")
