"""Many people are put on a roster or taken off while others change the same, on PostgreSQL.

Whoever is first: nobody gets an error page, nobody is listed twice, and an erased person is on no
roster.
"""

from collections.abc import Callable
from http import HTTPStatus
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.attendance import erasure
from server.timetable import roster
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.importing import ImportDesk
from tests.support.office_desk import OfficeDesk, day_in

__all__ = ["race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
#: Where the first request waits: it holds people, or all up to the audit trail.
STEPS = pytest.mark.parametrize(
    ("module", "step"),
    [(roster, "course_of"), (roster, "record")],
    ids=["people", "trail"],
)
LAST_STEPS = pytest.mark.parametrize(
    ("module", "step"),
    [(roster, "entry_of"), (roster, "record")],
    ids=["people", "trail"],
)
FILE = "course;number;from;until\nART-1;S2;;\nBIO-9;S1;;\nBIO-9;S2;;\n"


class Rosters:
    """What both sides of a race do to the rosters of two courses."""

    def __init__(self, app: FastAPI, desk: OfficeDesk, admin: TestClient) -> None:
        self.desk = desk
        self.admin = admin
        self.imports = ImportDesk(app, desk.office)
        self._import = ""

    def add_many(self, course: str = "") -> Any:
        body = {"person_ids": [self.desk.ada, self.desk.ben], "from": day_in(0)}
        return self.desk.office.post(f"{self._path(course)}/bulk", json=body)

    def end_many(self, course: str = "") -> Any:
        body = {"person_ids": [self.desk.ben, self.desk.ada]}
        return self.desk.office.post(f"{self._path(course)}/bulk/end", json=body)

    def add(self) -> Any:
        body = {"person_id": self.desk.ben, "from": day_in(0)}
        return self.desk.office.post(self._path(), json=body)

    def remove(self) -> Any:
        entry = next(one for one in self.desk.entries() if one["person_id"] == self.desk.ben)
        return self.desk.office.delete(f"{self._path()}/{entry['id']}")

    def change(self) -> Any:
        entry = next(one for one in self.desk.entries() if one["person_id"] == self.desk.ben)
        body = {"from": entry["from"], "until": day_in(20)}
        return self.desk.office.patch(f"{self._path()}/{entry['id']}", json=body)

    def erase(self) -> Any:
        page = f"/api/v1/people/{self.desk.ben}/erase"
        return self.admin.post(page, json={"reason": "asked for by letter"})

    def prepare_file(self) -> None:
        """Upload and check a file of rosters."""
        self._import = self.imports.upload("rosters", FILE)
        self.imports.check(self._import)

    def bring_in(self) -> Any:
        """Import the file; the answer is 200 where it came to its end at the first attempt."""
        is_done = self.imports.start(self._import)["state"] == "done"
        return SimpleNamespace(status_code=HTTPStatus.OK if is_done else HTTPStatus.CONFLICT)

    def listed(self, course: str = "") -> list[str]:
        """Return who is on a roster from today on, a person for each entry."""
        entries = self.desk.office.get(self._path(course)).json()
        coming = [one for one in entries if (one["until"] or day_in(0)) >= day_in(0)]
        return sorted(one["person_id"] for one in coming)

    @property
    def everybody(self) -> list[str]:
        """The two people."""
        return sorted((self.desk.ada, self.desk.ben))

    def _path(self, course: str = "") -> str:
        return f"/api/v1/courses/{course or self.desk.course}/roster"


@pytest.fixture
def rosters(app: FastAPI, desk: OfficeDesk, sign_in: SignIn) -> Rosters:
    return Rosters(app, desk, sign_in(Role.ADMIN))


@STEPS
def test_a_person_who_is_added_with_others_and_alone_is_listed_once(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.add_many, rosters.add) == {"first": 200, "second": 409}
    assert rosters.listed() == rosters.everybody


def test_a_person_who_is_added_alone_is_skipped_among_others(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, roster, "bump_version")
    assert race.run(rosters.add, rosters.add_many) == {"first": 201, "second": 200}
    assert rosters.listed() == rosters.everybody


@LAST_STEPS
@pytest.mark.parametrize("way", [Rosters.remove, Rosters.change], ids=["removed", "changed"])
def test_a_person_who_is_taken_off_with_others_is_off_whatever_becomes_of_the_entry(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    way: Callable[[Rosters], Any],
) -> None:
    assert rosters.add_many().is_success
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.end_many, lambda: way(rosters)) == {"first": 200, "second": 404}
    assert rosters.listed() == []


@pytest.mark.parametrize("way", [Rosters.remove, Rosters.change], ids=["removed", "changed"])
def test_who_is_taken_off_or_changed_alone_is_taken_off_with_others(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Rosters], Any],
) -> None:
    assert rosters.add_many().is_success
    pause(monkeypatch, race, roster, "bump_version")
    answers = race.run(lambda: way(rosters), rosters.end_many)
    assert max(answers.values()) < HTTPStatus.BAD_REQUEST
    assert rosters.listed() == []


@STEPS
def test_who_is_erased_while_many_are_added_is_on_no_roster(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.add_many, rosters.erase) == {"first": 200, "second": 200}
    assert rosters.listed() == [rosters.desk.ada]


@pytest.mark.parametrize(
    ("module", "step"),
    [(erasure, "forget_member"), (erasure, "record")],
    ids=["version", "trail"],
)
@pytest.mark.parametrize("way", [Rosters.add_many, Rosters.end_many], ids=["added", "taken off"])
def test_who_is_just_erased_is_skipped_among_many(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    way: Callable[[Rosters], Any],
) -> None:
    assert rosters.add_many(rosters.desk.other_course).is_success
    pause(monkeypatch, race, module, step)
    answers = race.run(rosters.erase, lambda: way(rosters))
    assert answers == {"first": 200, "second": 200}
    assert rosters.desk.ben not in rosters.listed()
    assert rosters.listed(rosters.desk.other_course) == [rosters.desk.ada]


@LAST_STEPS
def test_who_is_erased_while_many_are_taken_off_is_on_no_roster(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    assert rosters.add_many().is_success
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.end_many, rosters.erase) == {"first": 200, "second": 200}
    assert rosters.listed() == []


@STEPS
def test_a_file_that_lists_the_same_people_waits_for_those_who_are_added(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    rosters.prepare_file()
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.add_many, rosters.bring_in) == {"first": 200, "second": 200}
    assert rosters.listed() == rosters.everybody
    assert rosters.listed(rosters.desk.other_course) == [rosters.desk.ben]


@STEPS
@pytest.mark.parametrize("is_other", [True, False], ids=["other course", "same course"])
def test_many_who_are_added_wait_for_a_file_that_lists_them(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    is_other: bool,
) -> None:
    rosters.prepare_file()
    course = rosters.desk.other_course if is_other else rosters.desk.course
    pause(monkeypatch, race, module, step)
    answers = race.run(rosters.bring_in, lambda: rosters.add_many(course))
    assert answers == {"first": 200, "second": 200}
    assert rosters.listed(course) == rosters.everybody


@STEPS
@pytest.mark.parametrize("is_other", [True, False], ids=["other course", "same course"])
def test_the_same_people_are_added_twice_at_once(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    is_other: bool,
) -> None:
    course = rosters.desk.other_course if is_other else rosters.desk.course
    pause(monkeypatch, race, module, step)
    answers = race.run(rosters.add_many, lambda: rosters.add_many(course))
    assert answers == {"first": 200, "second": 200}
    assert rosters.listed() == rosters.everybody
    assert rosters.listed(course) == rosters.everybody


@STEPS
def test_the_same_people_are_added_and_taken_off_at_once(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.add_many, rosters.end_many) == {"first": 200, "second": 200}
    assert rosters.listed() == []


@LAST_STEPS
def test_the_same_people_are_taken_off_twice_at_once(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    assert rosters.add_many().is_success
    pause(monkeypatch, race, module, step)
    assert race.run(rosters.end_many, rosters.end_many) == {"first": 200, "second": 200}
    assert rosters.listed() == []


@STEPS
@pytest.mark.parametrize("is_other", [True, False], ids=["other course", "same course"])
def test_a_course_gets_another_code_while_people_come_back_to_it_and_join_it(
    rosters: Rosters,
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    step: str,
    is_other: bool,
) -> None:
    """Who comes back on the day they left goes on with their entry; the next one gets a new one."""
    first, desk = rosters.everybody[0], rosters.desk
    path = f"/api/v1/courses/{desk.course}/roster"
    body = {"person_id": first, "from": day_in(-2), "until": day_in(0)}
    assert desk.office.post(path, json=body).is_success
    course = desk.other_course if is_other else desk.course
    pause(monkeypatch, race, module, step)
    answers = race.run(
        rosters.add_many,
        lambda: desk.office.patch(f"/api/v1/courses/{course}", json={"code": "NEW", "title": "N"}),
    )
    assert answers == {"first": 200, "second": 200}
    assert rosters.listed() == rosters.everybody


def test_two_who_add_at_once_do_not_fill_a_roster_beyond_its_size(
    rosters: Rosters, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "MAX_ROSTER", 1)
    pause(monkeypatch, race, roster, "refuse_full")
    path = f"/api/v1/courses/{rosters.desk.course}/roster"

    def add(person: str) -> Any:
        return rosters.desk.office.post(f"{path}/bulk", json={"person_ids": [person]})

    answers = race.run(lambda: add(rosters.desk.ada), lambda: add(rosters.desk.ben))
    assert answers == {"first": 200, "second": 200}
    assert rosters.listed() == [rosters.desk.ada]
