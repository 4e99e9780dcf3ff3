"""What the quarantine locks, in which order, and how much of it is read at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from protocol.v1.messages import RawEvent
from server.attendance import lost_decisions, quarantine
from server.attendance.quarantine_decisions import Decision, accept
from server.attendance.tables import QuarantinedEvent
from server.attendance.tasks import QuarantineUpkeep
from server.attendance.verification import Delivery
from server.db.types import new_id, now
from server.kiosks.lost_spans import Closing
from server.kiosks.runs import Run
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration
IN_ORDER = ["kiosks", "kiosk_progress"]


@contextmanager
def locked(school: School) -> Iterator[list[str]]:
    """Collect which of these tables are locked; SQLite locks none, so which are read."""
    found: list[str] = []

    def note(_db: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        is_lock = " FOR " in sql or school.database.is_sqlite
        if sql.startswith("SELECT") and is_lock:
            found.extend(table for table in IN_ORDER if f"FROM {table} " in sql.replace("\n", " "))

    engine = school.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def recorded_since(school: School) -> SimulatedKiosk:
    """A kiosk with an undecided row in quarantine whose event is in the record."""
    device = school.kiosk()
    delivery = Delivery(device.kiosk_id, device.batch([device.event(school.starts_at)]))
    school.take(delivery, at=school.starts_at - timedelta(hours=5))
    school.take(delivery, at=school.ends_at)
    with school.database.transaction() as db:
        db.execute(update(QuarantinedEvent).values(decision=None))
    return device


def test_rows_are_settled_in_steps_each_with_its_locks(school: School) -> None:
    recorded_since(school)
    recorded_since(school)
    with locked(school) as found:
        QuarantineUpkeep(school.database).settle()
    assert found == IN_ORDER * 2
    assert {row.decision for row in school.quarantined()} == {"recorded"}


def test_decisions_lock_the_kiosk_before_its_progress(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(school.starts_at - timedelta(days=300)))
    device.seq += 1
    school.send(device, device.event(now()))
    (row,) = school.quarantined()
    with locked(school) as found, school.database.transaction() as db:
        accept(db, row.id, Decision("system", "It was set wrong.", now()))
    assert found[:2] == IN_ORDER
    with locked(school) as found, school.database.transaction() as db:
        closing = Closing("the card broke", "system")
        lost_decisions.close_missing(db, school.id_of(device), Run(2, 2), closing, now())
    assert found[:2] == IN_ORDER


def test_an_id_sent_without_end_is_read_in_part(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_SETTLED", 3)
    device, same = school.kiosk(), str(new_id())
    loaded: list[object] = []

    def note(row: object, _context: object) -> None:
        loaded.append(row)

    def batch() -> list[RawEvent]:
        long_ago = school.starts_at - timedelta(days=300)
        return [device.event(long_ago, id=same) for _ in range(4)]

    school.send(device, *batch())
    event.listen(QuarantinedEvent, "load", note)
    try:
        school.send(device, *batch())
    finally:
        event.remove(QuarantinedEvent, "load", note)
    assert len(loaded) == 3
    assert len(school.quarantined()) == 8
