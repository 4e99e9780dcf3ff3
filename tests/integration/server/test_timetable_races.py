"""Two people plan at the same moment, on PostgreSQL: no room is given twice, nobody is stuck."""

from datetime import UTC, datetime, time
from typing import Any

import pytest

from server.timetable import lessons
from server.timetable.holidays import service as holidays
from server.timetable.patterns import service as patterns
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.integration.server.test_weekly_patterns import Planner, planner
from tests.support.planning import BERLIN

__all__ = ["planner", "race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)


def add_pattern(planner: Planner) -> Any:
    body = planner.body(course_id=planner.desk.other_course)
    return planner.desk.office.post("/api/v1/patterns", json=body)


def add_lesson(planner: Planner) -> Any:
    moments = {
        name: datetime.combine(planner.day(1), at, tzinfo=BERLIN).astimezone(UTC).isoformat()
        for name, at in (("starts_at", time(8)), ("ends_at", time(9)))
    }
    body = {"course_id": planner.desk.course, "room_id": planner.desk.room} | moments
    return planner.desk.office.post("/api/v1/lessons", json=body)


def test_a_room_is_given_once_to_two_who_ask_at_once(
    planner: Planner, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, patterns, "find_clashes")
    answers = race.run(lambda: add_pattern(planner), lambda: add_lesson(planner))
    assert answers == {"first": 201, "second": 409}
    assert len(planner.lessons()) == 9


def test_a_weekly_lesson_waits_for_a_single_one_in_its_room(
    planner: Planner, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(monkeypatch, race, lessons, "lesson_views")
    answers = race.run(lambda: add_lesson(planner), lambda: add_pattern(planner))
    assert answers == {"first": 201, "second": 409}
    assert len(planner.lessons()) == 1


def test_a_holiday_and_a_weekly_lesson_wait_for_each_other(
    planner: Planner, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = planner.day(1).isoformat()
    body = {"name": "A day", "first_day": day, "last_day": day}
    pause(monkeypatch, race, holidays, "bump_version")
    answers = race.run(
        lambda: planner.desk.office.post("/api/v1/holidays", json=body),
        lambda: add_pattern(planner),
    )
    assert answers == {"first": 201, "second": 201}
    assert len(planner.lessons()) == 8
