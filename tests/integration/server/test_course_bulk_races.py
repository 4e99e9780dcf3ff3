"""Many courses change while others change the same, on PostgreSQL: nobody gets an error page."""

from collections.abc import Callable
from http import HTTPStatus
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.attendance import erasure
from server.timetable import course_end, roster, service, teachers
from server.timetable.groups import service as groups
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.importing import ImportDesk
from tests.support.office_desk import OfficeDesk, day_in

__all__ = ["race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
BULK = "/api/v1/courses/bulk"


class Courses:
    """Two courses, a class with both people, a teacher; what both sides of a race do."""

    def __init__(self, app: FastAPI, desk: OfficeDesk, sign_in: SignIn) -> None:
        self.desk = desk
        self.admin = sign_in(Role.ADMIN)
        self.teacher = self._id_of(sign_in(Role.TEACHER))
        self.ids = sorted((desk.course, desk.other_course))
        self.group = desk.post("/groups", name="7A")["id"]
        both = [desk.ada, desk.ben]
        desk.post(f"/groups/{self.group}/members", person_ids=both, **{"from": day_in(0)})
        self.imports = ImportDesk(app, desk.office)
        self._import = ""

    def teach(self) -> Any:
        body = {"course_ids": self.ids, "account_id": self.teacher, "from": day_in(0)}
        return self.desk.office.post(f"{BULK}/teacher", json=body)

    def follow(self) -> Any:
        body = {"course_ids": self.ids, "group_id": self.group, "from": day_in(0)}
        return self.desk.office.post(f"{BULK}/group", json=body)

    def end(self) -> Any:
        body = {"course_ids": self.ids, "until": day_in(9)}
        return self.desk.office.post(f"{BULK}/end", json=body)

    def rename(self) -> Any:
        """Give the course that comes last another code."""
        body = {"code": "NEW-1", "title": "New"}
        return self.desk.office.patch(f"/api/v1/courses/{self.ids[1]}", json=body)

    def teach_one(self) -> Any:
        body = {"account_id": self.teacher, "from": day_in(0)}
        return self.desk.office.post(f"/api/v1/courses/{self.ids[1]}/teachers", json=body)

    def add_one(self) -> Any:
        body = {"person_id": self.desk.ben, "from": day_in(0)}
        return self.desk.office.post(f"/api/v1/courses/{self.ids[1]}/roster", json=body)

    def leave(self) -> Any:
        """Let Ben leave the class today."""
        page = f"/api/v1/groups/{self.group}/members"
        rows = self.desk.office.get(page).json()
        row = next(one for one in rows if one["person_id"] == self.desk.ben)
        return self.desk.office.patch(f"{page}/{row['id']}", json={"until": day_in(0)})

    def add_many(self) -> Any:
        body = {"person_ids": [self.desk.ben, self.desk.ada], "from": day_in(0)}
        return self.desk.office.post(f"/api/v1/courses/{self.ids[1]}/roster/bulk", json=body)

    def erase(self) -> Any:
        page = f"/api/v1/people/{self.desk.ben}/erase"
        return self.admin.post(page, json={"reason": "asked for by letter"})

    def prepare_file(self, kind: str, text: str) -> None:
        """Upload and check a file."""
        self._import = self.imports.upload(kind, text)
        self.imports.check(self._import)

    def bring_in(self) -> Any:
        """Import the file; the answer is 200 where it came to its end at the first attempt."""
        is_done = self.imports.start(self._import)["state"] == "done"
        return SimpleNamespace(status_code=HTTPStatus.OK if is_done else HTTPStatus.CONFLICT)

    def code(self, course: str) -> str:
        """Return the code of a course."""
        found = self.desk.office.get("/api/v1/courses").json()
        return next(str(one["code"]) for one in found if one["id"] == course)

    def listed(self, course: str) -> list[str]:
        """Return who is on a roster today, a person for each entry."""
        entries = self.desk.office.get(f"/api/v1/courses/{course}/roster").json()
        coming = [one for one in entries if (one["until"] or day_in(0)) >= day_in(0)]
        return sorted(one["person_id"] for one in coming)

    def taught(self, course: str) -> list[str]:
        """Return who teaches a course, a teacher for each row."""
        rows = self.desk.office.get(f"/api/v1/courses/{course}/teachers").json()
        return [one["account_id"] for one in rows]

    @staticmethod
    def _id_of(client: TestClient) -> str:
        found: str = client.get("/api/v1/sign-in").json()["account_id"]
        return found


Way = Callable[[Courses], Any]
Step = tuple[ModuleType, str]
#: What many courses get, and where it waits: after its first entry of the audit trail.
MANY: dict[str, tuple[Way, Step]] = {
    "teacher": (Courses.teach, (teachers, "record")),
    "class": (Courses.follow, (groups, "record")),
    "end": (Courses.end, (groups, "record")),
}
#: What happens meanwhile, and where it waits if it is first.
OTHERS: dict[str, tuple[Way, Step]] = {
    "rename": (Courses.rename, (service, "bump_version")),
    "teach": (Courses.teach_one, (teachers, "teachers_of")),
    "add": (Courses.add_one, (roster, "bump_version")),
    "leave": (Courses.leave, (groups, "follow_groups")),
    "add many": (Courses.add_many, (roster, "record")),
    "erase": (Courses.erase, (erasure, "forget_member")),
}
#: A kind of import, its rows, and where it waits, for each change of many courses.
FILES: dict[str, tuple[str, str, Step]] = {
    "teacher": (
        "teachers",
        "course;user name;from;until\n{0};teacher-account;;\n{1};teacher-account;;\n",
        (teachers, "record"),
    ),
    "class": ("groups", "group;number;from;until\n6B;S1;;\n7A;S1;;{day}\n", (groups, "record")),
    "end": (
        "rosters",
        "course;number;from;until\n{0};S2;;{day}\n{1};S1;;\n",
        (roster, "record"),
    ),
}
PAIRS = [
    *(("teacher", other) for other in ("rename", "teach")),
    *(("class", other) for other in OTHERS if other != "teach"),
    *(("end", other) for other in OTHERS),
]


@pytest.fixture
def courses(app: FastAPI, desk: OfficeDesk, sign_in: SignIn) -> Courses:
    return Courses(app, desk, sign_in)


def prepare(courses: Courses, kind: str) -> None:
    """Let something go on in the first course, where courses shall end."""
    if kind == "end":
        first, body = courses.ids[0], {"from": day_in(0)}
        courses.desk.post(f"/groups/{courses.group}/courses", course_id=first, **body)
        courses.desk.post(f"/courses/{first}/teachers", account_id=courses.teacher, **body)


def check(courses: Courses, answers: dict[str, int]) -> None:
    """Nobody got an error page, and nobody is listed or teaches twice."""
    assert set(answers) == {"first", "second"}
    assert max(answers.values()) < HTTPStatus.BAD_REQUEST, answers
    for course in courses.ids:
        listed, taught = courses.listed(course), courses.taught(course)
        assert len(listed) == len(set(listed))
        assert len(taught) == len(set(taught))


@pytest.mark.parametrize(("kind", "other"), PAIRS)
def test_what_comes_after_a_change_of_many_courses_waits_for_it(
    courses: Courses, race: Race, monkeypatch: pytest.MonkeyPatch, kind: str, other: str
) -> None:
    prepare(courses, kind)
    (many, step), (alone, _) = MANY[kind], OTHERS[other]
    pause(monkeypatch, race, *step)
    answers = race.run(lambda: many(courses), lambda: alone(courses))
    assert answers.pop("first") == HTTPStatus.OK
    assert answers["second"] < HTTPStatus.INTERNAL_SERVER_ERROR
    check(courses, answers | {"first": HTTPStatus.OK, "second": HTTPStatus.OK})
    assert other != "erase" or courses.desk.ben not in courses.listed(courses.ids[0])


@pytest.mark.parametrize(("kind", "other"), PAIRS)
def test_a_change_of_many_courses_waits_for_what_came_before(
    courses: Courses, race: Race, monkeypatch: pytest.MonkeyPatch, kind: str, other: str
) -> None:
    prepare(courses, kind)
    (many, _), (alone, step) = MANY[kind], OTHERS[other]
    pause(monkeypatch, race, *step)
    check(courses, race.run(lambda: alone(courses), lambda: many(courses)))
    assert other != "erase" or courses.desk.ben not in courses.listed(courses.ids[0])


@pytest.mark.parametrize("kind", MANY)
def test_many_courses_are_changed_twice_at_once(
    courses: Courses, race: Race, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    prepare(courses, kind)
    many, step = MANY[kind]
    pause(monkeypatch, race, *step)
    check(courses, race.run(lambda: many(courses), lambda: many(courses)))


def test_a_student_who_joins_while_courses_end_leaves_with_the_others(
    courses: Courses, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one is added between two locks; their entry changes when all locks are taken."""
    prepare(courses, "end")
    name = {"given_name": "Cleo", "family_name": "Nasser"}
    cleo = courses.desk.post("/people", student_number="S3", **name)["id"]
    roster_page = f"/courses/{courses.ids[1]}/roster"
    added: list[str] = []

    def lock_courses(*args: Any, **options: Any) -> None:
        if not added:
            body = {"person_id": cleo, "from": day_in(0)}
            added.append(courses.desk.post(roster_page, **body)["id"])
        service.lock_courses(*args, **options)

    def change() -> Any:
        dates = {"from": day_in(0), "until": day_in(3)}
        return courses.desk.office.patch(f"/api/v1{roster_page}/{added[0]}", json=dates)

    monkeypatch.setattr(course_end, "lock_courses", lock_courses)
    pause(monkeypatch, race, course_end, "lock_version")
    check(courses, race.run(courses.end, change))
    entries = courses.desk.office.get(f"/api/v1{roster_page}").json()
    assert [one["until"] for one in entries] == [day_in(3)]


@pytest.mark.parametrize("is_file_first", [True, False], ids=["file", "office"])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_and_a_change_of_many_courses_wait_for_each_other(
    courses: Courses, race: Race, monkeypatch: pytest.MonkeyPatch, kind: str, is_file_first: bool
) -> None:
    prepare(courses, kind)
    (many, step), (name, rows, file_step) = MANY[kind], FILES[kind]
    codes = [courses.code(one) for one in courses.ids]
    courses.prepare_file(name, rows.format(*codes, day=day_in(20)))
    pause(monkeypatch, race, *(file_step if is_file_first else step))
    both = [courses.bring_in, lambda: many(courses)]
    first, second = both if is_file_first else reversed(both)
    check(courses, race.run(first, second))
