"""Taking events in: once each, whatever a network, a thief or a broken disk makes of them."""

import itertools
import json
import random
from datetime import timedelta

import pytest

from protocol.v1 import signing
from protocol.v1.messages import MAX_EVENTS_PER_BATCH
from server.attendance.verification import Delivery
from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def test_events_are_stored_and_acknowledged(school: School) -> None:
    device, person = school.kiosk(), school.person()
    ack = school.send(device, *device.events(3, now(), person_id=person))
    assert (ack.stored_through, ack.stored_beyond, ack.refused) == (3, (), ())
    assert [row.seq for row in school.stored(device)] == [1, 2, 3]
    assert not any(row.is_chain_torn for row in school.stored(device))


def test_stored_body_can_be_verified_again(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(now(), invented_later="kept and covered"))
    body = json.loads(school.stored(device)[0].body)
    assert signing.verify_event(body, device.key.public_key()).seq == 1


def test_replay_changes_nothing(school: School) -> None:
    device = school.kiosk()
    events = device.events(5, now())
    first = school.send(device, *events)
    again = school.send(device, *events)
    assert again.stored_through == first.stored_through == 5
    assert again.refused == ()
    assert len(school.stored(device)) == 5


def test_duplicates_within_a_batch_are_stored_once(school: School) -> None:
    device = school.kiosk()
    event = device.event(now())
    ack = school.send(device, event, event, event)
    assert (ack.stored_through, ack.refused) == (1, ())


def test_reordered_batches_end_in_the_same_record(school: School) -> None:
    device = school.kiosk()
    batches = [device.events(4, now()) for _ in range(6)]
    random.Random(7).shuffle(batches)
    acks = [school.send(device, *batch) for batch in batches]
    assert acks[-1].stored_through == 24
    assert acks[-1].stored_beyond == ()
    assert not any(row.is_chain_torn for row in school.stored(device))


def test_gap_is_named_and_what_lies_past_it_is_covered(school: School) -> None:
    device = school.kiosk()
    events = device.events(9, now())
    ack = school.send(device, *events[:2], *events[3:5], *events[7:])
    assert ack.stored_through == 2
    assert [(run.first, run.last) for run in ack.stored_beyond] == [(4, 5), (8, 9)]
    assert [seq for seq in range(1, 10) if ack.covers(seq)] == [1, 2, 4, 5, 8, 9]
    closed = school.send(device, events[2], *events[5:7])
    assert (closed.stored_through, closed.stored_beyond) == (9, ())


def test_forked_chain_is_kept_apart_and_shown(school: School) -> None:
    device = school.kiosk()
    restored = SimulatedKiosk(kiosk_id=device.kiosk_id, key=device.key)
    events = device.events(3, now())
    school.send(device, *events)
    twin = restored.events(3, now())
    ack = school.send(restored, *twin)
    assert [refusal.reason for refusal in ack.refused] == ["fork"] * 3
    assert [refusal.id for refusal in ack.refused] == [event["id"] for event in twin]
    assert ack.stored_through == 3
    assert [str(row.id) for row in school.stored(device)] == [event["id"] for event in events]
    assert len(school.quarantined()) == 3


def test_event_after_another_history_is_marked_as_torn(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(now()))
    device.head = "f" * 64
    school.send(device, device.event(now()))
    assert [row.is_chain_torn for row in school.stored(device)] == [False, True]
    assert school.progress(device).torn == 1


def test_refused_event_does_not_tear_the_chain_behind_it(school: School) -> None:
    device = school.kiosk()
    future = now() + timedelta(days=1)
    events = [device.event(now()), device.event(future), device.event(now())]
    ack = school.send(device, *events)
    assert [refusal.reason for refusal in ack.refused] == ["future"]
    assert ack.stored_through == 3
    assert [row.is_chain_torn for row in school.stored(device)] == [False, False]


def test_authentic_refusals_close_gaps_in_any_order(school: School) -> None:
    device = school.kiosk()
    future = now() + timedelta(days=1)
    events = [device.event(now()), device.event(now()), device.event(future), device.event(now())]
    orders = list(itertools.permutations(events))[::5]
    for order in orders:
        for event in order:
            ack = school.send(device, event)
    assert (ack.stored_through, ack.stored_beyond) == (4, ())


def test_bad_signature_cannot_use_up_a_number(school: School) -> None:
    device = school.kiosk()
    forger = SimulatedKiosk(kiosk_id=device.kiosk_id)
    ack = school.send(forger, forger.event(now()))
    assert (ack.stored_through, ack.refused[0].reason) == (0, "bad_signature")
    assert school.send(device, device.event(now())).stored_through == 1


def test_one_bad_event_does_not_hide_the_others(school: School) -> None:
    device = school.kiosk()
    events = device.events(3, now())
    events[1] = events[1] | {"distance": 0.99}
    ack = school.send(device, *events)
    assert [(refusal.seq, refusal.reason) for refusal in ack.refused] == [(2, "bad_hash")]
    assert [row.seq for row in school.stored(device)] == [1, 3]
    assert ack.covers(3)


def test_repeated_refusals_fill_no_quarantine(school: School) -> None:
    device = school.kiosk()
    tampered = device.event(now()) | {"distance": 0.99}
    for _ in range(5):
        school.send(device, tampered)
    school.take(*[Delivery(device.kiosk_id, b"garbage")] * 5)
    assert len(school.quarantined()) == 2


def test_events_of_another_kiosk_are_refused(school: School) -> None:
    device, other = school.kiosk(), school.kiosk()
    payload = other.batch([other.event(now())])
    ack = school.take(Delivery(device.kiosk_id, payload)).acks[0]
    assert [refusal.reason for refusal in ack.refused] == ["wrong_kiosk"]
    smuggled = device.batch([other.event(now())])
    ack = school.take(Delivery(device.kiosk_id, smuggled)).acks[0]
    assert [refusal.reason for refusal in ack.refused] == ["wrong_kiosk"]
    assert school.stored(device) == school.stored(other) == []


def test_an_id_used_by_two_kiosks_belongs_to_each(school: School) -> None:
    one, other = school.kiosk(), school.kiosk()
    event = one.event(now())
    assert school.send(one, event).stored_through == 1
    assert school.send(other, other.event(now(), id=event["id"])).stored_through == 1


def test_an_id_used_twice_by_one_kiosk_is_refused(school: School) -> None:
    device = school.kiosk()
    event = device.event(now())
    ack = school.send(device, event, device.event(now(), id=event["id"]))
    assert [refusal.reason for refusal in ack.refused] == ["reused_id"]


def test_events_of_a_revoked_kiosk_are_kept_in_quarantine(school: School) -> None:
    device = school.kiosk()
    school.send(device, device.event(now()))
    school.revoke(device)
    ack = school.send(device, device.event(now()))
    assert [refusal.reason for refusal in ack.refused] == ["revoked_kiosk"]
    assert len(school.stored(device)) == 1
    assert "signature" in school.quarantined()[0].body


@pytest.mark.parametrize("kiosk_id", ["5f0c3c1e-6d4b-4c3e-9a57-1b6f3f6d2a10", "no-uuid"])
def test_events_of_an_unknown_kiosk_are_kept_in_quarantine(school: School, kiosk_id: str) -> None:
    stranger = SimulatedKiosk(kiosk_id=kiosk_id)
    ack = school.send(stranger, stranger.event(now()))
    assert (ack.stored_through, ack.refused[0].reason) == (0, "unknown_kiosk")


def test_number_far_beyond_any_backlog_is_refused(school: School) -> None:
    device = school.kiosk()
    device.seq = 2**52
    ack = school.send(device, device.event(now()))
    assert (ack.refused[0].reason, ack.stored_beyond) == ("leap", ())
    assert school.progress(device).highest_seq == 0


def test_backlog_of_ten_thousand_events_arrives_whole(school: School) -> None:
    device = school.kiosk()
    at = now() - timedelta(days=3)
    events = device.events(10_000, at)
    batches = [
        events[start : start + MAX_EVENTS_PER_BATCH]
        for start in range(0, len(events), MAX_EVENTS_PER_BATCH)
    ]
    deliveries = [Delivery(device.kiosk_id, device.batch(batch)) for batch in batches]
    random.Random(3).shuffle(deliveries)
    intakes = [school.take(*deliveries[start : start + 20]) for start in range(0, 100, 20)]
    assert intakes[-1].acks[0].stored_through == 10_000
    assert sum(intake.stored for intake in intakes) == 10_000


def test_batches_of_several_kiosks_are_taken_in_together(school: School) -> None:
    devices = [school.kiosk() for _ in range(3)]
    deliveries = [
        Delivery(device.kiosk_id, device.batch(device.events(2, now()))) for device in devices * 2
    ]
    intake = school.take(*deliveries)
    assert {ack.kiosk_id: ack.stored_through for ack in intake.acks} == {
        device.kiosk_id: 4 for device in devices
    }


def test_watermark_of_the_future_counts_until_now_only(school: School) -> None:
    device = school.kiosk()
    school.send(device, synced_through=now() + timedelta(days=1))
    synced = school.progress(device).synced_through
    assert synced is not None
    assert synced <= now()


def test_watermark_never_goes_back(school: School) -> None:
    device = school.kiosk()
    late = now() - timedelta(minutes=1)
    school.send(device, synced_through=late)
    before = school.progress(device).synced_through
    school.send(device, synced_through=late - timedelta(hours=1))
    assert school.progress(device).synced_through == before


@pytest.mark.parametrize(
    ("kind", "told", "stored"),
    [
        ("seen", "out", "out"),
        ("seen", "in", "in"),
        ("seen", "invented_later", "invented_later"),
        ("seen", None, None),
        ("roll_call", "out", "out"),
        ("not_me", "out", None),
    ],
)
def test_a_direction_is_kept_of_sightings_alone(
    school: School, kind: str, told: str | None, stored: str | None
) -> None:
    device, person = school.kiosk(), school.person()
    named = {} if told is None else {"direction": told}
    ack = school.send(device, device.event(now(), person_id=person, kind=kind, **named))
    assert (ack.refused, [row.direction for row in school.stored(device)]) == ((), [stored])
