"""A roster is edited while a class changes that its course follows, on PostgreSQL.

Nobody is listed twice or not at all, and nobody is stuck, whoever is first.
"""

from http import HTTPStatus
from typing import Any
from unittest.mock import Mock

import pytest
from fastapi import FastAPI

from server.timetable import roster
from server.timetable.groups import service as groups
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.importing import ImportDesk
from tests.support.office_desk import OfficeDesk, day_in

__all__ = ["race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
FIRST = pytest.mark.parametrize("is_class_first", [True, False], ids=["class", "roster"])


class Class:
    """A class that the first course follows; what both sides of a race do."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk = desk
        self.id = desk.post("/groups", name="7A")["id"]
        self.path = f"/api/v1/groups/{self.id}"
        self.roster = f"/api/v1/courses/{desk.course}/roster"

    def follow(self) -> Any:
        body = {"course_id": self.desk.course, "from": day_in(0)}
        return self.desk.office.post(f"{self.path}/courses", json=body)

    def join(self) -> Any:
        body = {"person_ids": [self.desk.ada], "from": day_in(0)}
        return self.desk.office.post(f"{self.path}/members", json=body)

    def leave(self) -> Any:
        (row,) = self.desk.office.get(f"{self.path}/members").json()
        body = {"until": day_in(0)}
        return self.desk.office.patch(f"{self.path}/members/{row['id']}", json=body)

    def add(self) -> Any:
        body = {"person_id": self.desk.ada, "from": day_in(0)}
        return self.desk.office.post(self.roster, json=body)

    def remove(self) -> Any:
        (entry,) = self.desk.entries()
        return self.desk.office.delete(f"{self.roster}/{entry['id']}")

    def change(self) -> Any:
        (entry,) = self.desk.entries()
        body = {"from": entry["from"], "until": day_in(20)}
        return self.desk.office.patch(f"{self.roster}/{entry['id']}", json=body)

    def spans(self) -> list[tuple[str | None, str | None]]:
        """Return the days on which Ada is listed."""
        return sorted((one["from"], one["until"]) for one in self.desk.entries())


@pytest.fixture
def seven(desk: OfficeDesk) -> Class:
    return Class(desk)


def run(
    race: Race,
    monkeypatch: pytest.MonkeyPatch,
    by_class: Any,
    by_roster: Any,
    *,
    is_class_first: bool,
) -> list[int]:
    """Let one of them begin while the other has changed the roster; return both statuses."""
    if is_class_first:
        pause(monkeypatch, race, groups, "follow_groups")
        answers = race.run(by_class, by_roster)
        return [answers["first"], answers["second"]]
    pause(monkeypatch, race, roster, "bump_version")
    answers = race.run(by_roster, by_class)
    return [answers["second"], answers["first"]]


@FIRST
def test_a_student_who_joins_the_class_and_is_added_is_listed_once(
    seven: Class, race: Race, monkeypatch: pytest.MonkeyPatch, is_class_first: bool
) -> None:
    assert seven.follow().is_success
    statuses = run(race, monkeypatch, seven.join, seven.add, is_class_first=is_class_first)
    # Who is on the roster by the class is not added again.
    added = HTTPStatus.CONFLICT if is_class_first else HTTPStatus.CREATED
    assert statuses == [HTTPStatus.CREATED, added]
    assert seven.spans() == [(day_in(0), None)]


@FIRST
def test_a_course_that_takes_the_class_lists_who_is_added_once(
    seven: Class, race: Race, monkeypatch: pytest.MonkeyPatch, is_class_first: bool
) -> None:
    assert seven.join().is_success
    statuses = run(race, monkeypatch, seven.follow, seven.add, is_class_first=is_class_first)
    added = HTTPStatus.CONFLICT if is_class_first else HTTPStatus.CREATED
    assert statuses == [HTTPStatus.CREATED, added]
    assert seven.spans() == [(day_in(0), None)]


@FIRST
def test_a_student_who_is_taken_off_does_not_come_back_with_the_class(
    seven: Class, race: Race, monkeypatch: pytest.MonkeyPatch, is_class_first: bool
) -> None:
    assert seven.join().is_success
    assert seven.follow().is_success
    statuses = run(race, monkeypatch, seven.leave, seven.remove, is_class_first=is_class_first)
    assert statuses[0] < HTTPStatus.BAD_REQUEST
    assert statuses[1] in {HTTPStatus.NO_CONTENT, HTTPStatus.OK, HTTPStatus.NOT_FOUND}
    assert all(until is not None and until <= day_in(0) for _, until in seven.spans())


@FIRST
def test_dates_that_a_person_set_stay_when_the_student_leaves_the_class(
    seven: Class, race: Race, monkeypatch: pytest.MonkeyPatch, is_class_first: bool
) -> None:
    assert seven.join().is_success
    assert seven.follow().is_success
    statuses = run(race, monkeypatch, seven.leave, seven.change, is_class_first=is_class_first)
    assert max(statuses) < HTTPStatus.INTERNAL_SERVER_ERROR
    assert seven.spans() == [(day_in(0), day_in(20))]


def test_an_import_of_classes_and_an_edit_of_a_roster_wait_for_each_other(
    app: FastAPI, seven: Class, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file adds a class, which is recorded, and then changes the roster of a course."""
    desk, imports = seven.desk, ImportDesk(app, seven.desk.office)
    assert seven.follow().is_success
    import_id = imports.upload("groups", "group;number;from;until\n6B;S1;;\n7A;S1;;\n")
    imports.check(import_id)
    pause(monkeypatch, race, groups, "create_group")
    body = {"person_id": desk.ben, "from": day_in(0)}
    path = f"/api/v1/courses/{desk.other_course}/roster"
    answers = race.run(
        lambda: Mock(status_code=imports.start(import_id)["counts"].get("new")),
        lambda: desk.office.post(path, json=body),
    )
    assert answers == {"first": 2, "second": HTTPStatus.CREATED}
    assert seven.spans() == [(day_in(0), None)]
