"""How many statements a page costs, which must not depend on how much it shows."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from server.db.engine import Database
from server.db.types import now
from server.kiosks.tables import KioskProgress
from tests.support.office_desk import OfficeDesk
from tests.support.report_school import ReportSchool

#: Path and the most statements of its page, BEGIN of SQLite included.
PAGES = {
    "/": 15,
    "/lessons": 6,
    "/lessons/{lesson}": 21,
    "/lessons/{lesson}/live": 18,
    "/people": 10,
    "/people/coverage": 9,
}


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements of requests; threads of the server's workers have other names."""
    found: list[str] = []

    def note(_a: object, _b: object, statement: str, _c: object, _d: object, _e: object) -> None:
        if threading.current_thread().name.startswith("AnyIO"):
            found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_a_fixed_number_of_statements(
    desk: OfficeDesk, database: Database, path: str
) -> None:
    desk.hang_kiosk()
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(minutes=5))
    desk.lesson(timedelta(hours=1))
    few = _statements(desk, database, path.format(lesson=lesson))
    for number in range(8):
        person = desk.post(
            "/people", student_number=f"M{number}", given_name="Mo", family_name="Re"
        )
        desk.always_on_roster(person["id"])
    desk.hang_kiosk("Second door")
    desk.lesson(timedelta(hours=2))
    many = _statements(desk, database, path.format(lesson=lesson))
    assert few == many
    assert few <= PAGES[path]


def test_pending_registers_are_read_only_where_a_kiosk_is_behind(
    desk: OfficeDesk, database: Database
) -> None:
    kiosk, school = desk.hang_kiosk(since=now() - timedelta(days=30)), ReportSchool(desk)
    lesson, path = school.days_ago(2), f"/lessons?day={school.day(2)}&register=pending"
    for synced_through, is_pending in ((now(), False), (None, True)):
        _report(database, kiosk, synced_through)
        with counted(database) as found:
            page = desk.office.get(path).text
        assert (lesson in page) is is_pending
        assert any("roster_entries" in one for one in found) is is_pending


def test_registers_not_taken_are_found_without_asking_kiosks(
    desk: OfficeDesk, database: Database
) -> None:
    desk.hang_kiosk(since=now() - timedelta(days=30))
    school = ReportSchool(desk)
    lesson = school.days_ago(2)
    with counted(database) as found:
        page = desk.office.get(f"/lessons?day={school.day(2)}&register=not_taken").text
    assert lesson in page
    assert not any("watermark_closures" in one for one in found)


def _report(database: Database, kiosk: str, synced_through: datetime | None) -> None:
    with database.transaction() as db:
        db.get_one(KioskProgress, uuid.UUID(kiosk)).synced_through = synced_through


def _statements(desk: OfficeDesk, database: Database, path: str) -> int:
    assert desk.office.get(path).status_code == 200  # the sign-in is remembered from here on
    with counted(database) as found:
        assert desk.office.get(path).status_code == 200
    return len(found)
