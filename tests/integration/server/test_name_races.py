"""Files add classes, courses and rooms while the office names others, on PostgreSQL.

Names are unique and rows refer to what has one, so both sides wait for each other's rows.
"""

from collections.abc import Callable
from http import HTTPStatus
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.imports.samples import bundle_files
from server.timetable import service, teachers
from server.timetable.groups import service as groups
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.importing import ImportDesk
from tests.support.office_desk import OfficeDesk, day_in
from tests.support.zips import zip_of

__all__ = ["race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)


def bundle() -> bytes:
    """Return the sample bundle with a class before the one that the school has as a course."""
    files = bundle_files()
    head, old = files["classes.csv"].decode().strip().splitlines()
    new = old.replace("class-1", "class-0").replace("BIO-9", "NEW-1")
    return zip_of({**files, "classes.csv": "\r\n".join([head, new, old]).encode()})


class Names:
    """A class with one student, two courses, two rooms; what both sides of a race do."""

    def __init__(self, app: FastAPI, desk: OfficeDesk, teacher: TestClient) -> None:
        self.desk = desk
        self.group = desk.post("/groups", name="7A")["id"]
        first = {"person_ids": [desk.ada], "from": day_in(0)}
        desk.post(f"/groups/{self.group}/members", **first)
        self.teacher = teacher.get("/api/v1/sign-in").json()["account_id"]
        self.imports = ImportDesk(app, desk.office)
        self._import = ""

    def prepare(self, kind: str, data: bytes | str) -> None:
        """Upload and check a file."""
        self._import = self.imports.upload(kind, data)
        self.imports.check(self._import)

    def bring_in(self) -> Any:
        """Import the file; the answer is 200 where it came to its end at the first attempt."""
        is_done = self.imports.start(self._import)["state"] == "done"
        return SimpleNamespace(status_code=HTTPStatus.OK if is_done else HTTPStatus.CONFLICT)

    def name_class(self, name: str) -> Any:
        return self.desk.office.patch(f"/api/v1/groups/{self.group}", json={"name": name})

    def add_class(self, name: str) -> Any:
        return self.desk.office.post("/api/v1/groups", json={"name": name})

    def name_course(self, code: str) -> Any:
        body = {"code": code, "title": "Biology"}
        return self.desk.office.patch(f"/api/v1/courses/{self.desk.course}", json=body)

    def add_course(self, code: str) -> Any:
        return self.desk.office.post("/api/v1/courses", json={"code": code, "title": "Added"})

    def teach(self, _name: str) -> Any:
        body = {"account_id": self.teacher, "from": day_in(0)}
        return self.desk.office.post(f"/api/v1/courses/{self.desk.course}/teachers", json=body)

    def name_room(self, name: str) -> Any:
        return self.desk.office.patch(f"/api/v1/rooms/{self.desk.room}", json={"name": name})


class Steps(NamedTuple):
    """After which calls each side waits when it is first.

    A file waits after its first entry of the audit trail, the office with the lock of its row and
    before any further one.
    """

    file: tuple[ModuleType, str]
    office: tuple[ModuleType, str]


class Case(NamedTuple):
    """A file with its rows, and what the office does meanwhile."""

    kind: str
    data: bytes | str
    way: Callable[[Names, str], Any]
    name: str
    steps: Steps


GROUPS = Steps((groups, "record"), (groups, "_save"))
COURSES = Steps((service, "record"), (service, "note"))
TEACHERS = Steps((service, "record"), (teachers, "lock_courses"))
OLD_CLASS = "group;number\n6B;S1\n7A;S2\n"
NEW_CLASSES = "group;number\n6B;S1\n6C;S2\n"
OLD_COURSE = "code;title\nNEW-1;New\nBIO-9;Life\n"
NEW_COURSES = "code;title\nNEW-1;New\nNEW-2;Newer\n"
CASES = {
    "a class gets a student": Case("groups", OLD_CLASS, Names.name_class, "7C", GROUPS),
    "a class gets a new name": Case("groups", NEW_CLASSES, Names.name_class, "6C", GROUPS),
    "a class gets the first name": Case("groups", OLD_CLASS, Names.name_class, "6B", GROUPS),
    "both add a class": Case("groups", NEW_CLASSES, Names.add_class, "6C", GROUPS),
    "a course gets a title": Case("courses", OLD_COURSE, Names.name_course, "BIO-10", COURSES),
    "a course gets a new code": Case("courses", NEW_COURSES, Names.name_course, "NEW-2", COURSES),
    "both add a course": Case("courses", NEW_COURSES, Names.add_course, "NEW-2", COURSES),
    "a course gets a teacher": Case("courses", OLD_COURSE, Names.teach, "", TEACHERS),
    "a bundle gives a title": Case("oneroster", bundle(), Names.name_course, "BIO-10", COURSES),
    "a bundle meets a teacher": Case("oneroster", bundle(), Names.teach, "", TEACHERS),
    "a room gets a new name": Case("rooms", "name\nR20\nR21\n", Names.name_room, "R21", COURSES),
}


@pytest.fixture
def names(app: FastAPI, desk: OfficeDesk, sign_in: SignIn) -> Names:
    return Names(app, desk, sign_in(Role.TEACHER))


@pytest.mark.parametrize("case", CASES)
def test_the_office_waits_for_a_file_that_came_first(
    names: Names, race: Race, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    kind, data, way, name, steps = CASES[case]
    names.prepare(kind, data)
    pause(monkeypatch, race, *steps.file)
    answers = race.run(names.bring_in, lambda: way(names, name))
    assert answers["first"] == HTTPStatus.OK
    # Where the file took the name, the office is told so.
    assert answers["second"] < HTTPStatus.BAD_REQUEST or answers["second"] == HTTPStatus.CONFLICT


@pytest.mark.parametrize("case", CASES)
def test_a_file_waits_for_the_office_that_came_first(
    names: Names, race: Race, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    kind, data, way, name, steps = CASES[case]
    names.prepare(kind, data)
    pause(monkeypatch, race, *steps.office)
    answers = race.run(lambda: way(names, name), names.bring_in)
    assert answers["first"] < HTTPStatus.BAD_REQUEST
    assert answers["second"] == HTTPStatus.OK
