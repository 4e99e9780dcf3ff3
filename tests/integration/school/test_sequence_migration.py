"""After the upgrade the received runs are those of the events that were here before it."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from server.db.types import now
from server.kiosks.tables import ReceivedRun
from server.migrations import runner
from tests.integration.school.conftest import School
from tests.support.migrating import migrate

pytestmark = pytest.mark.integration


def found(school: School) -> list[tuple[int, int]]:
    with school.database.reading() as db:
        query = select(ReceivedRun.first, ReceivedRun.last).order_by(col(ReceivedRun.first))
        return [(first, last) for first, last in db.exec(query)]


def test_runs_are_filled_from_events_and_authentic_refusals(school: School) -> None:
    device, whole = school.kiosk(), school.kiosk()
    events = device.events(6, now())
    future = device.event(now() + timedelta(days=1))
    rest = device.events(3, now())
    school.send(device, events[0], events[3], events[5], future, rest[2])
    school.send(whole, *whole.events(3, now()))
    before = found(school)
    assert before == [(4, 4), (6, 7), (10, 10)]
    migrate(school.database, "0012")
    runner.upgrade(school.database)
    runner.check(school.database)
    assert found(school) == before
    school.send(device, *events, *rest)
    assert school.progress(device).stored_through == 10
    assert found(school) == []


def test_progress_that_stood_still_goes_on(school: School) -> None:
    """The search for the end of a run gave up after 20,000 numbers and never tried again."""
    device = school.kiosk()
    events = device.events(8, now())
    school.send(device, *events[:5], *events[6:])
    migrate(school.database, "0012")
    with school.database.engine.begin() as connection:
        connection.execute(text("UPDATE kiosk_progress SET stored_through = 2"))
    runner.upgrade(school.database)
    assert school.progress(device).stored_through == 5
    assert found(school) == [(7, 8)]
