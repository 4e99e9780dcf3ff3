"""Rows that one statement stores are those that the objects of their table say."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from server.attendance.tables import BootClock
from server.db.bulk import BulkInsert
from server.db.types import now
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def test_rows_are_what_the_objects_say(school: School) -> None:
    kiosk_id, at = school.id_of(school.kiosk()), now()
    rows = [
        {
            "kiosk_id": kiosk_id,
            "boot_id": f"boot-{number:04}",
            "uptime_s": number / 4,
            "true_at": at + timedelta(seconds=number // 2),
            "basis": "event:%s 'é'",
            "learned_at": at,
        }
        for number in range(1201)
    ]
    with school.database.transaction() as db:
        BulkInsert(BootClock).add(db, rows)
        found = db.exec(select(BootClock).order_by(col(BootClock.boot_id))).all()
        assert [one.model_dump() for one in found] == rows


def test_no_rows_are_no_statement(school: School) -> None:
    with school.database.transaction() as db:
        BulkInsert(BootClock).add(db, [])
        assert db.exec(select(BootClock)).all() == []


def test_a_row_without_a_value_is_refused(school: School) -> None:
    with school.database.transaction() as db, pytest.raises(KeyError):
        BulkInsert(BootClock).add(db, [{"boot_id": "boot"}])
