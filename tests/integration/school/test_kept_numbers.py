"""What an ack says of the numbers of refused events and of those that an admin accepted."""

from datetime import timedelta

import pytest

from protocol.v1.messages import MAX_EVENTS_PER_BATCH, RawEvent
from server.attendance.ingest import Intake
from server.attendance.quarantine_decisions import Decision, accept
from server.attendance.verification import Delivery
from server.db.types import now
from server.errors import ConflictError
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration
FAR = 2**53 - 1


def accept_all(school: School) -> None:
    with school.database.transaction() as db:
        for row in school.quarantined():
            accept(db, row.id, Decision("account:1", "It is real.", now()))


def test_gap_event_that_cannot_be_true_can_only_be_discarded(school: School) -> None:
    device = school.kiosk()
    ack = school.send(device, device.event(now()), device.gap(now(), 3, FAR))
    assert [one.reason for one in ack.refused] == ["malformed"]
    with pytest.raises(ConflictError):
        accept_all(school)
    assert school.send(device).stored_through == 2


def test_accepted_gap_event_without_a_number_closes_no_numbers(school: School) -> None:
    """It was far ahead of all others: those that follow on the kiosk must stay free."""
    device = school.kiosk()
    school.send(device, device.event(now()))
    ahead = SimulatedKiosk(kiosk_id=device.kiosk_id, key=device.key, seq=FAR - 1)
    ack = school.send(device, ahead.gap(now(), 3, FAR - 1))
    assert [one.reason for one in ack.refused] == ["leap"]
    accept_all(school)
    assert school.send(device, device.event(now())).stored_through == 2
    assert school.progress(device).highest_seq == 2


@pytest.mark.parametrize("days", [-300, 1])
def test_number_far_ahead_of_an_event_refused_for_its_time_does_not_count(
    school: School, days: int
) -> None:
    device = school.kiosk()
    ahead = SimulatedKiosk(kiosk_id=device.kiosk_id, key=device.key, seq=FAR - 1)
    ack = school.send(device, device.event(now()), ahead.event(now() + timedelta(days=days)))
    assert [one.reason for one in ack.refused] == ["before_claim" if days < 0 else "future"]
    assert (ack.stored_through, ack.stored_beyond) == (1, ())
    assert school.progress(device).highest_seq == 1


def test_number_of_an_accepted_event_is_covered_when_it_comes_again(school: School) -> None:
    device = school.kiosk()
    first, second = device.events(2, now())
    school.revoke(device)
    school.send(device, first)
    accept_all(school)
    assert [row.seq for row in school.stored(device)] == [None]
    school.claim(device, school.code_for(school.id_of(device)))
    told = now() - timedelta(minutes=1)
    ack = school.send(device, first, second, synced_through=told)
    assert ack.stored_through == 2
    assert [(one.id, one.reason) for one in ack.refused] == [(first["id"], "reused_id")]
    assert school.progress(device).synced_through is not None
    assert len(school.stored(device)) == 2
    assert {row.decision for row in school.quarantined()} == {"accepted", "recorded"}
    assert not any(row.is_chain_torn for row in school.stored(device))


def test_every_refusal_of_one_commit_is_named(school: School) -> None:
    """What an ack covers and does not name counts as delivered on the kiosk."""
    device = school.kiosk()
    twin = device.twin()
    count = 3 * MAX_EVENTS_PER_BATCH
    _take_batches(school, device, device.events(count, now()))
    events = twin.events(count, now())
    intake = _take_batches(school, twin, events)
    refused = [one for ack in intake.acks for one in ack.refused]
    assert [(one.id, one.reason) for one in refused] == [(one["id"], "fork") for one in events]
    assert {ack.stored_through for ack in intake.acks} == {count}
    assert len(school.take(Delivery(device.kiosk_id, device.batch([]))).acks) == 1


def _take_batches(school: School, device: SimulatedKiosk, events: list[RawEvent]) -> Intake:
    """Take a window of batches in within one commit."""
    parts = [
        events[start : start + MAX_EVENTS_PER_BATCH]
        for start in range(0, len(events), MAX_EVENTS_PER_BATCH)
    ]
    return school.take(*(Delivery(device.kiosk_id, device.batch(part)) for part in parts))
