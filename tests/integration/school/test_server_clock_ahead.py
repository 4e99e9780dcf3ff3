"""What a server noted while its clock was ahead is not believed once the clock is right again."""

import logging
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlmodel import select

from server.attendance.register import AttendanceStatus
from server.attendance.tasks import QuarantineUpkeep
from server.attendance.turned_back import kiosks_ahead, take_back_future
from server.db.types import now
from server.kiosks.placements import close_placement
from server.kiosks.tables import Kiosk, KioskPlacement
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School
from tests.support.waiting import wait_until

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

    assert school.mark(ada, at=after).status == AttendanceStatus.NOT_SEEN


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

    assert f"taken back kiosk={device.kiosk_id}" in caplog.text


def test_server_that_starts_takes_it_back(school: School) -> None:
    device, _ada = reported_ahead(school)
    upkeep = QuarantineUpkeep(school.database)
    is_taken_back = partial(_is_certain, school, device)
    assert not is_taken_back()

    upkeep.start()
    try:
        # This is what is tested: it fails when the time is over.
        wait_until(is_taken_back, what="the report to be taken back", timeout_s=20)
    finally:
        upkeep.stop()


def _is_certain(school: School, device: SimulatedKiosk) -> bool:
    return school.progress(device).synced_through == school.stored(device)[0].counted_at


def ahead_clock(uptime_s: float, source: str = "server") -> dict[str, object]:
    return {"source": source, "boot_id": "boot-a", "uptime_s": uptime_s, "offset_ms": 0}


@pytest.mark.parametrize("source", ["ntp", "server"])
def test_scan_that_followed_the_wrong_clock_waits_for_a_person(school: School, source: str) -> None:
    """No lesson is on five hours later. With NTP a kiosk states how far the server's clock was."""
    device, ada = school.kiosk(), school.person()
    seen = school.starts_at + timedelta(minutes=3)
    wrong = seen + _AHEAD
    offset_ms = _AHEAD / timedelta(milliseconds=1) if source == "ntp" else 0.0
    clock = ahead_clock(240, source) | {"offset_ms": offset_ms}
    event = device.event(seen if source == "ntp" else wrong, person_id=ada, clock=clock)
    school.send(device, event, synced_through=wrong, at=wrong)

    take_back(school, now())

    assert school.mark(ada, at=school.ends_at + timedelta(hours=1)).needs_decision


@pytest.mark.parametrize("source", ["ntp", "server"])
def test_clock_that_is_behind_changes_no_mark(school: School, source: str) -> None:
    """Half an hour behind: what was recorded before lies in its future, and is right."""
    device, ada = school.kiosk(), school.person()
    seen = school.starts_at + timedelta(minutes=3)
    event = device.event(seen, person_id=ada, clock=ahead_clock(120, source))
    school.send(device, event, synced_through=seen, at=seen)
    before = school.stored(device)[0]

    with school.database.transaction() as db:
        take_back_future(db, school.id_of(device), now() - timedelta(minutes=30))

    assert school.mark(ada).status == AttendanceStatus.PRESENT
    assert school.stored(device)[0].counted_at == before.counted_at


def test_event_of_a_time_yet_to_come_bounds_no_later_scan(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    ahead = now() + _AHEAD
    school.send(device, device.event(ahead), synced_through=ahead, at=ahead)
    scan = device.event(
        datetime(1970, 1, 1, 0, 3, tzinfo=UTC), person_id=ada, clock=ahead_clock(60, "unsynced")
    )
    after = school.ends_at + timedelta(hours=1)
    school.send(device, scan, at=after)

    assert school.mark(ada, at=after).needs_decision


def test_event_of_a_time_yet_to_come_bounds_no_lost_span(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    ahead = now() + _AHEAD
    school.send(device, device.event(ahead), synced_through=ahead, at=ahead)
    device.event(school.starts_at, person_id=ada)
    take_back(school, now())
    after = school.ends_at + timedelta(hours=1)

    gap = device.gap(after, 2, 2)
    school.send(device, gap, synced_through=after, at=after)

    assert school.mark(ada, at=after).status == AttendanceStatus.PENDING


def test_clock_that_starts_in_1970_takes_nothing_back(school: School) -> None:
    device, _ada = reported_ahead(school)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        close_placement(db, kiosk, actor="system", at=now(), device_left=True)

    take_back(school, datetime(1970, 1, 1, tzinfo=UTC))

    with school.database.reading() as db:
        (placement,) = db.exec(select(KioskPlacement)).all()
    assert placement.reported_through == school.progress(device).synced_through


def test_register_does_not_believe_a_device_that_left_in_the_future(school: School) -> None:
    device, ada = reported_ahead(school)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, school.id_of(device))
        close_placement(db, kiosk, actor="system", at=now(), device_left=True)

    after = school.ends_at + timedelta(hours=1)
    assert school.mark(ada, at=after).status == AttendanceStatus.PENDING
