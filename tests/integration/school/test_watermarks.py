"""A watermark moves only where the kiosk signed it and everything it speaks of is here."""

import json
from datetime import datetime, timedelta

import pytest

from protocol.v1.messages import Status
from server.attendance.verification import Delivery
from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def told() -> datetime:
    """A moment ago, in whole milliseconds as it travels."""
    at = now() - timedelta(minutes=1)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_signed_watermark_counts_once_its_events_are_here(school: School) -> None:
    device = school.kiosk()
    first, second = device.events(2, now())
    through = told()
    school.send(device, second, synced_through=through)
    assert school.progress(device).synced_through is None
    school.send(device, first)
    assert school.progress(device).synced_through == through


def test_kiosk_without_any_event_may_say_that_there_was_none(school: School) -> None:
    device, through = school.kiosk(), told()
    school.send(device, synced_through=through)
    assert school.progress(device).synced_through == through


def test_unsigned_word_is_not_read(school: School) -> None:
    """What an older kiosk sends, and what anybody with its MQTT password can write."""
    device = school.kiosk()
    school.send(device, device.event(now()))
    unsigned = {"synced_through": told().isoformat(), "last_seq": 1}
    batch = {"kiosk_id": device.kiosk_id, "events": [], **unsigned}
    school.take(Delivery(device.kiosk_id, json.dumps(batch).encode()))
    school.status(device, Status.model_validate({"online": True, **unsigned}))
    assert school.progress(device).synced_through is None


def test_forged_watermark_moves_nothing(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(now()))
    thief = SimulatedKiosk(kiosk_id=device.kiosk_id, seq=device.seq, head=device.head)
    school.send(device, watermark=thief.watermark(told()))
    changed = device.watermark(told() - timedelta(hours=1)).model_copy(update={"through": told()})
    school.send(device, watermark=changed)
    assert school.progress(device).synced_through is None


def test_watermark_of_another_kiosk_moves_nothing(school: School) -> None:
    device, other = school.kiosk(), school.kiosk()
    school.send(device, watermark=other.watermark(told()))
    assert school.progress(device).synced_through is None


def test_replayed_watermark_moves_nothing_back(school: School) -> None:
    device = school.kiosk()
    old = device.watermark(told() - timedelta(hours=1))
    school.send(device, watermark=old)
    through = told()
    school.send(device, device.event(now()), synced_through=through)
    school.send(device, watermark=old)
    assert school.progress(device).synced_through == through


def test_watermark_of_the_claim_before_moves_nothing(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(now()))
    heirloom = device.watermark(now())
    successor = SimulatedKiosk(kiosk_id=device.kiosk_id)
    school.revoke(device)
    school.claim(successor, school.code_for(school.id_of(device)))
    school.send(successor, watermark=heirloom)
    assert school.progress(device).synced_through is None


def test_watermark_with_another_head_is_not_believed(school: School) -> None:
    device = school.kiosk()
    twin = device.twin()
    school.send(device, device.event(now()))
    twin.event(now())
    school.send(twin, synced_through=told())
    assert school.progress(device).synced_through is None


def test_head_that_comes_to_differ_later_is_not_believed_either(school: School) -> None:
    """The watermark waits for its event; then another device's event takes that number."""
    device = school.kiosk()
    twin = device.twin()
    twin.event(now())
    school.send(twin, synced_through=told())
    school.send(device, device.event(now()))
    assert school.progress(device).synced_through is None
    through = told()
    school.send(device, synced_through=through)
    assert school.progress(device).synced_through == through


def test_head_is_not_asked_for_where_the_event_is_lost(school: School) -> None:
    device = school.kiosk()
    device.event(now())
    lost = device.watermark(told())
    school.send(device, device.gap(now(), 1, 1), watermark=lost)
    assert school.progress(device).synced_through == lost.through


def test_status_moves_it_like_a_batch(school: School) -> None:
    device, through = school.kiosk(), told()
    school.send(device, device.event(now()))
    school.status(device, Status(online=True, watermark=device.watermark(through)))
    assert school.progress(device).synced_through == through
