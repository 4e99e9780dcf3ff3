"""What the migration to decisions about quarantined events does with the rows that are there."""

from datetime import timedelta

from alembic import command

from server.attendance.tasks import QuarantineUpkeep
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.kiosks.tables import Kiosk
from server.migrations import runner
from tests.integration.school.conftest import School


def _there_and_back(database: Database) -> None:
    with runner._exclusive_connection(database) as connection:
        command.downgrade(runner._config(connection), "0012")
    with runner._exclusive_connection(database) as connection:
        command.upgrade(runner._config(connection), "head")
    runner.check(database)


def test_rows_from_before_are_listed_and_judged_again(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    unsynced = device.event(
        school.starts_at - timedelta(days=9000),
        person_id=ada,
        lesson_id=school.lesson_id,
        clock={"source": "unsynced"},
    )
    future = device.event(school.starts_at)
    for event, at in (
        (unsynced, school.ends_at),
        (future, school.starts_at - timedelta(hours=5)),
    ):
        school.take(Delivery(device.kiosk_id, device.batch([event])), at=at)
    _there_and_back(school.database)
    (stored,) = school.stored(device)
    assert stored.not_before is not None
    assert abs(stored.not_before - (school.ends_at - timedelta(days=1))) < timedelta(seconds=1)
    assert school.mark(ada).doubtful[0].event_id == stored.id
    assert QuarantineUpkeep(school.database).judge_again() == 1
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, stored.kiosk_id)
        assert kiosk.key_since == kiosk.created_at


def test_a_scan_that_came_days_later_counts_as_before(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    words = {"person_id": ada, "lesson_id": school.lesson_id, "clock": {"source": "unsynced"}}
    event = device.event(school.starts_at, **words)
    later = school.ends_at + timedelta(days=3)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        kiosk.created_at = school.starts_at - timedelta(days=200)
        db.add(kiosk)
    school.take(Delivery(device.kiosk_id, device.batch([event])), at=later)
    _there_and_back(school.database)
    mark = school.mark(ada, later)
    assert (mark.status, mark.is_clock_doubtful) == ("present", True)


def test_a_row_whose_event_was_recorded_since_is_closed(school: School) -> None:
    device = school.kiosk()
    event = device.event(school.starts_at)
    delivery = Delivery(device.kiosk_id, device.batch([event]))
    school.take(delivery, at=school.starts_at - timedelta(hours=5))
    school.take(delivery, at=school.ends_at)
    _there_and_back(school.database)
    assert [row.decision for row in school.quarantined()] == [None]
    QuarantineUpkeep(school.database).settle()
    assert [row.decision for row in school.quarantined()] == ["recorded"]
