"""Two devices with one identity are named; a device whose disk was restored heals itself."""

import logging
from datetime import datetime, timedelta

import pytest

from protocol.v1.messages import Ack, RawEvent
from server.attendance.register import AttendanceStatus
from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


class Door:
    """Sends as a kiosk does: an event whose number is taken goes again under the next one."""

    def __init__(self, school: School, device: SimulatedKiosk) -> None:
        self.school = school
        self.device = device

    def send(self, *events: RawEvent) -> Ack:
        ack = self.school.send(self.device, *events)
        taken = {one.id for one in ack.refused if one.reason == "fork"}
        while taken:
            newest = max([ack.stored_through, *(run.last for run in ack.stored_beyond)])
            again = [
                self.device.renumbered(event, max(newest, self.device.seq) + 1)
                for event in events
                if event["id"] in taken
            ]
            ack = self.school.send(self.device, *again)
            taken = {one.id for one in ack.refused if one.reason == "fork"}
        return ack

    def sees(self, *minutes: float, **fields: object) -> Ack:
        return self.send(*[self.device.event(self.at(one), **fields) for one in minutes])

    def at(self, minutes: float) -> datetime:
        return self.school.starts_at + timedelta(minutes=minutes)

    def is_named(self) -> bool:
        return self.school.progress(self.device).forked_at is not None


def doors(school: School) -> tuple[Door, Door]:
    """A kiosk with a past, and the device that its disk is copied to."""
    device = school.kiosk()
    first = Door(school, device)
    first.sees(-3, -2)
    return first, Door(school, device.twin())


def test_restored_kiosk_is_renumbered_and_not_named(school: School) -> None:
    first, restored = doors(school)
    first.sees(0.1, 0.2, 0.3)
    restored.sees(1, 1.1, 1.2, 1.3)
    for minute in range(2, 8):
        restored.sees(minute)
    told = now() - timedelta(minutes=1)
    school.send(restored.device, synced_through=told)
    assert not restored.is_named()
    assert len(school.stored(restored.device)) == 2 + 3 + 4 + 6
    synced = school.progress(restored.device).synced_through
    assert synced is not None
    assert abs(synced - told) < timedelta(milliseconds=1)


def test_kiosk_that_is_restored_twice_is_not_named(school: School) -> None:
    first, restored = doors(school)
    first.sees(0.1, 0.2)
    restored.sees(1, 1.1)
    again = Door(school, restored.device.twin())
    restored.sees(2, 2.1)
    again.sees(3, 3.1)
    again.sees(4)
    assert not again.is_named()


def test_two_devices_with_one_identity_are_named(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = doors(school)
    one.sees(0.1)
    other.sees(1)
    one.sees(2)
    assert not one.is_named()
    with caplog.at_level(logging.ERROR):
        other.sees(3)
        one.sees(4)
    assert one.is_named()
    assert len(school.stored(one.device)) == 2 + 5


def test_no_watermark_of_either_device_is_believed(school: School) -> None:
    one, other = doors(school)
    one.sees(0.1)
    school.send(one.device, synced_through=now())
    for minute in (1, 3):
        other.sees(minute)
        one.sees(minute + 1)
    synced = school.progress(one.device).synced_through
    assert synced is not None
    assert synced < one.at(2)
    for door in (one, other):
        school.send(door.device, synced_through=now())
    assert school.progress(one.device).synced_through == synced


def test_lessons_are_undecided_for_that_reason_until_a_new_claim(school: School) -> None:
    absent = school.person()
    one, other = doors(school)
    one.sees(0.1)
    for minute in (1, 3):
        other.sees(minute)
        one.sees(minute + 1)
    afterwards = school.ends_at + timedelta(hours=1)
    assert school.mark(absent, afterwards).status == AttendanceStatus.PENDING
    (waiting,) = school.register(afterwards).waiting_for
    assert waiting.is_forked
    school.revoke(one.device)
    successor = SimulatedKiosk(kiosk_id=one.device.kiosk_id)
    school.claim(successor, school.code_for(school.id_of(one.device)))
    progress = school.progress(one.device)
    assert (progress.forked_at, progress.chains) == (None, None)
    successor.seq, successor.head = progress.highest_seq, progress.highest_hash
    told = now()
    school.send(successor, synced_through=told)
    assert school.progress(one.device).synced_through is not None


def test_claim_with_the_same_key_believes_no_watermark_from_before(school: School) -> None:
    one, other = doors(school)
    for minute in (1, 3):
        one.sees(minute)
        other.sees(minute + 1)
    assert one.is_named()
    school.send(one.device, synced_through=now())
    before = school.progress(one.device).synced_through
    school.claim(one.device, school.code_for(school.id_of(one.device)))
    school.send(one.device)
    progress = school.progress(one.device)
    assert (progress.forked_at, progress.synced_through) == (None, before)


def test_repeated_refusals_are_no_second_device(school: School) -> None:
    """A kiosk that never hears an ack sends the same events again and again."""
    first, restored = doors(school)
    first.sees(0.1, 0.2)
    events = [restored.device.event(restored.at(minute)) for minute in (1, 1.1, 1.2)]
    for _ in range(4):
        school.send(restored.device, *events)
        school.send(first.device)
    assert not restored.is_named()
