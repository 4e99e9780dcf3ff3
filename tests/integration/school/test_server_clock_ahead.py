"""What a server noted while its clock was ahead is not believed once the clock is right again."""

import logging
import uuid
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from server.attendance.register import AttendanceStatus
from server.attendance.tasks import QuarantineUpkeep
from server.attendance.watermarks import kiosks_ahead, take_back_future
from server.db.types import now
from server.kiosks.placements import close_placement
from server.kiosks.tables import Kiosk, KioskPlacement
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration

_AHEAD = timedelta(hours=5)


def moment(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def reported_ahead(school: School) -> tuple[SimulatedKiosk, uuid.UUID]:
    """A kiosk that followed the server's clock, and a student whom it has not seen yet."""
    device, ada = school.kiosk(), school.person()
    school.send(device, device.event(school.starts_at))
    ahead = now() + _AHEAD
    school.send(device, synced_through=ahead, at=ahead)
    return device, ada


def take_back(school: School, at: datetime) -> None:
    with school.database.reading() as db:
        found = kiosks_ahead(db, at)
    for kiosk_id in found:
        with school.database.transaction() as db:
            take_back_future(db, kiosk_id, at)


def test_nobody_is_absent_by_a_report_for_a_time_yet_to_come(school: School) -> None:
    device, ada = reported_ahead(school)
    after = school.ends_at + timedelta(hours=1)
    assert school.mark(ada, at=after).status == AttendanceStatus.PENDING

    take_back(school, now())

    assert school.progress(device).synced_through == school.stored(device)[0].counted_at
    assert school.mark(ada, at=after + _AHEAD).status == AttendanceStatus.PENDING


def test_next_watermark_counts_again(school: School) -> None:
    device, ada = reported_ahead(school)
    take_back(school, now())
    after = school.ends_at + timedelta(hours=1)

    school.send(device, synced_through=after, at=after)

    assert school.mark(ada, at=after).status == AttendanceStatus.ABSENT


def test_claim_that_waits_for_events_is_taken_back_too(school: School) -> None:
    device = school.kiosk()
    first, second = device.events(2, school.starts_at)
    ahead = now() + _AHEAD
    school.send(device, second, synced_through=ahead, at=ahead)

    take_back(school, now())
    school.send(device, first)

    assert school.progress(device).synced_through is None


def test_device_that_is_gone_reported_no_further_than_its_last_event(school: School) -> None:
    device, _ada = reported_ahead(school)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        close_placement(db, kiosk, actor="system", at=now(), device_left=True)

    take_back(school, now())

    with school.database.reading() as db:
        (placement,) = db.exec(select(KioskPlacement)).all()
    assert placement.reported_through == school.stored(device)[0].counted_at


def test_clocks_that_differ_a_little_change_nothing(school: School) -> None:
    """Two servers are never exactly together."""
    device = school.kiosk()
    a_little_later = moment(now() + timedelta(minutes=5))
    school.send(device, synced_through=a_little_later, at=a_little_later)

    with school.database.reading() as db:
        assert kiosks_ahead(db, now()) == []
    assert school.progress(device).synced_through == a_little_later


def test_server_takes_it_back_by_itself_and_once(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    device, _ada = reported_ahead(school)
    upkeep = QuarantineUpkeep(school.database)

    with caplog.at_level(logging.WARNING):
        assert (upkeep.take_back_future(), upkeep.take_back_future()) == (1, 0)

    assert f"watermark taken back id={device.kiosk_id}" in caplog.text
