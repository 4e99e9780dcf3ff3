"""Moved lessons of a calendar: the dry run sees what the import will see."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.db.types import now
from server.imports import tasks
from server.timetable.service import lesson_views
from tests.integration.server.test_import_calendar import calendar, first_monday, lesson
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=6"


@pytest.fixture
def imports(app: FastAPI, desk: OfficeDesk, office: TestClient) -> ImportDesk:
    """The office's imports, with a term that has begun."""
    monday = first_monday()
    dates = {"first_day": monday - timedelta(weeks=6), "last_day": monday + timedelta(weeks=20)}
    desk.post("/terms", name="Autumn", **{name: str(day) for name, day in dates.items()})
    return ImportDesk(app, office)


def moved(uid: str, was: date, to: str) -> str:
    """Return an event of a series that takes place elsewhere."""
    return f"{to}\nUID:{uid}\nRECURRENCE-ID:{was:%Y%m%d}T080000"


def judged(imports: ImportDesk, file: bytes) -> list[dict[str, Any]]:
    """Check and import a file; both say the same."""
    import_id = imports.upload("calendar", file)
    found = []
    for step in (imports.check, imports.start):
        step(import_id)
        found.append([imports.report(import_id, one) for one in ("wrong", "changed", "new")])
    assert found[0] == found[1]
    return found[0][0]


@pytest.mark.parametrize("at_once", [250, 1])
def test_a_lesson_that_moves_onto_another_of_the_file_is_wrong_in_the_dry_run(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", at_once)
    monday = first_monday()
    biology, art = (
        lesson(monday, "UID:a", WEEKLY),
        lesson(monday + timedelta(days=1), "UID:b", WEEKLY, course="ART-1"),
    )
    onto = moved("a", monday, lesson(monday + timedelta(days=1)))
    wrong = judged(imports, calendar(biology, art, onto))
    assert [(one["row"], one["reason"]) for one in wrong] == [(3, "clash_room")]


def test_lessons_that_move_to_one_place_are_both_wrong(imports: ImportDesk) -> None:
    monday = first_monday()
    thursday = monday + timedelta(days=3)
    file = calendar(
        lesson(monday, "UID:a", WEEKLY),
        lesson(monday + timedelta(days=1), "UID:b", WEEKLY, course="ART-1"),
        moved("a", monday, lesson(thursday, room="R14")),
        moved("b", monday + timedelta(days=1), lesson(thursday, course="ART-1", room="R14")),
    )
    wrong = judged(imports, file)
    assert [(one["row"], one["reason"]) for one in wrong] == [
        (3, "clash_room"),
        (4, "clash_room"),
    ]


@pytest.mark.parametrize("at_once", [250, 1])
def test_a_lesson_that_is_left_out_makes_room(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", at_once)
    monday = first_monday()
    tuesday = monday + timedelta(days=1)
    biology = lesson(monday, "UID:a", WEEKLY, f"EXDATE:{monday:%Y%m%d}T080000")
    art = lesson(tuesday, "UID:b", WEEKLY, course="ART-1")
    file = calendar(biology, art, moved("b", tuesday, lesson(monday, course="ART-1")))
    assert judged(imports, file) == []
    with imports.database.reading() as db:
        views = lesson_views(db, after=now(), before=now() + timedelta(days=8))
    assert [(one.lesson.day, one.course.code) for one in views if not one.is_cancelled] == [
        (monday, "ART-1")
    ]
    assert counts(imports.bring_in("calendar", file)).keys() == {"unchanged"}


def test_a_lesson_may_move_over_its_own_time(imports: ImportDesk) -> None:
    monday = first_monday()
    later = lesson(monday, room="R12").replace("T080000", "T082000").replace("T084500", "T090500")
    assert (
        judged(imports, calendar(lesson(monday, "UID:a", WEEKLY), moved("a", monday, later))) == []
    )
