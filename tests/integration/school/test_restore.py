"""An older database is copied back: the events that kiosks send again are stored once."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from server.attendance.register import AttendanceStatus
from server.db.engine import Database
from tests.integration.school.conftest import School

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture
def backup(school: School, tmp_path: Path) -> Callable[[], School]:
    """Copy the database now; the result opens the copy in its place."""

    def copied() -> School:
        copy = tmp_path / "backup.sqlite3"
        live = str(school.database.engine.url.database)
        with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return replace(school, database=Database(f"sqlite:///{copy}"))

    return copied


def test_register_is_whole_again_after_a_restore(
    school: School, backup: Callable[[], School]
) -> None:
    people = [school.person() for _ in range(4)]
    device = school.kiosk()
    at = school.starts_at
    events = [device.event(at, person_id=person) for person in people[:3]]
    school.send(device, events[0])
    restored = backup()
    afterwards = school.ends_at + timedelta(hours=1)
    school.send(device, *events[1:], synced_through=afterwards, at=afterwards)

    ack = restored.send(device, synced_through=afterwards, at=afterwards)
    assert (ack.stored_through, ack.stored_beyond) == (1, ())
    assert restored.mark(people[2], afterwards).status == AttendanceStatus.PENDING
    for _ in range(2):
        ack = restored.send(device, *events, synced_through=afterwards, at=afterwards)
    assert (ack.stored_through, ack.refused) == (3, ())
    assert len(restored.stored(device)) == 3
    statuses = [restored.mark(person, afterwards).status for person in people]
    assert statuses == [AttendanceStatus.PRESENT] * 3 + [AttendanceStatus.NOT_SEEN]
    restored.database.close()


def test_what_the_kiosk_no_longer_has_is_stated_and_later_lessons_settle(
    school: School, backup: Callable[[], School]
) -> None:
    person, device = school.person(), school.kiosk()
    early = school.starts_at - timedelta(minutes=40)
    events = device.events(5, early)
    school.send(device, events[0])
    restored = backup()
    school.send(device, *events[1:])

    afterwards = school.ends_at + timedelta(hours=1)
    ack = restored.send(device, *events[3:], device.gap(early, 2, 3), at=afterwards)
    assert (ack.stored_through, ack.stored_beyond) == (6, ())
    restored.send(device, synced_through=afterwards, at=afterwards)
    assert restored.mark(person, afterwards).status == AttendanceStatus.NOT_SEEN
    restored.database.close()
