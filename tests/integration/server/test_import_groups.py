"""Classes and groups from a file: who is in them from when until when; courses follow."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in

HEAD = "Klasse;Nummer;Von;Bis\n"


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def reasons(imports: ImportDesk, import_id: str) -> dict[int, str]:
    return {one["row"]: one["reason"] for one in imports.report(import_id, "wrong")}


def groups(office: TestClient) -> dict[str, Any]:
    return {one["name"]: one for one in office.get("/api/v1/groups").json()}


def members(office: TestClient, name: str) -> set[tuple[str, str, str | None]]:
    """Return number, first and last day of each member."""
    found = office.get(f"/api/v1/groups/{groups(office)[name]['id']}/members").json()
    people = office.get("/api/v1/people").json()["people"]
    numbers = {one["id"]: one["student_number"] for one in people}
    return {(numbers[one["person_id"]], one["from"], one["until"]) for one in found}


def test_classes_are_added_with_their_students_and_a_second_time_nothing_changes(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    rows = HEAD + f"7B;S1;;\n7B;S2;{day_in(1)};{day_in(9)}\nFrench B;S1;;\n"
    import_id = imports.upload("groups", rows)
    assert counts(imports.check(import_id)) == {"new": 3}
    assert groups(imports.office) == {}
    assert counts(imports.start(import_id)) == {"new": 3}
    assert members(imports.office, "7B") == {
        ("S1", day_in(0), None),
        ("S2", day_in(1), day_in(9)),
    }
    assert members(imports.office, "French B") == {("S1", day_in(0), None)}
    assert counts(imports.bring_in("groups", rows)) == {"unchanged": 3}
    fewer = imports.bring_in("groups", HEAD + "French B;S1;;\n7B;S2;" + day_in(1) + ";\n")
    assert counts(fewer) == {"unchanged": 2, "missing": 1}


def test_a_student_moves_to_another_class_and_the_courses_follow(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    imports.bring_in("groups", HEAD + "7A;S1;;\n7B;S2;;\n")
    for name, course in (("7A", desk.course), ("7B", desk.other_course)):
        path = f"/groups/{groups(imports.office)[name]['id']}/courses"
        desk.post(path, course_id=course, **{"from": day_in(0)})
    moved = HEAD + f"7A;S1;;{day_in(4)}\n7B;S1;{day_in(5)};\n"
    done = imports.bring_in("groups", moved)
    assert counts(done) == {"changed": 1, "new": 1, "missing": 1}
    assert members(imports.office, "7A") == {("S1", day_in(0), day_in(4))}
    entries = imports.office.get(f"/api/v1/courses/{desk.other_course}/roster").json()
    starts = {one["person_id"]: one["from"] for one in entries}
    assert starts[desk.ada] == day_in(5)


def test_rows_that_cannot_be_used_are_named(desk: OfficeDesk, imports: ImportDesk) -> None:
    imports.bring_in("groups", HEAD + f"7B;S1;{day_in(2)};\n")
    wrong = {
        ";S1;;": "empty",
        "7B;;;": "empty",
        "7B;S9;;": "no_student_number",
        f"7B;S2;{day_in(5)};{day_in(2)}": "order",
        f"7B;S1;{day_in(3)};": "in_group",
        f"7C;S2;{day_in(-9)};{day_in(-1)}": "group_past",
        "x" * 81 + ";S2;;": "too_long",
    }
    import_id = imports.upload("groups", HEAD + "\n".join(wrong) + "\n")
    assert counts(imports.check(import_id))["wrong"] == len(wrong)
    assert list(reasons(imports, import_id).values()) == list(wrong.values())
    imports.start(import_id)
    assert set(groups(imports.office)) == {"7B"}
