"""The history of a kiosk's claims: which key counts for which event, and which token ended."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from protocol.v1.errors import BadSignatureError
from protocol.v1.signing import make_key
from protocol.v1.statements import verify_revocation
from server.attendance.verification import Delivery
from server.db.types import now
from server.kiosks import claiming, claims
from server.kiosks.tables import KioskClaim
from tests.fakes.simulated_kiosk import SimulatedKiosk

if TYPE_CHECKING:
    from protocol.v1.messages import Ack, RawEvent
    from tests.integration.school.conftest import School

SERVER_KEY = make_key()
MINUTE = timedelta(minutes=1)
LONG_AGO = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)


def _replace(school: "School", old: SimulatedKiosk, at: datetime) -> SimulatedKiosk:
    """Another device, or the same one without its old key, claims the same kiosk."""
    new = SimulatedKiosk(kiosk_id=old.kiosk_id)
    outcome = school.claim(new, school.code_for(uuid.UUID(old.kiosk_id)), at=at)
    assert isinstance(outcome, claiming.Claimed)
    new.seq, new.head = old.seq, old.head
    return new


def _claims(school: "School") -> list[KioskClaim]:
    with school.database.reading() as db:
        return sorted(db.exec(select(KioskClaim)), key=lambda row: row.number)


def _reasons(ack: "Ack") -> list[str]:
    return [refusal.reason for refusal in ack.refused]


def _send_earlier(
    school: "School", device: SimulatedKiosk, *events: "RawEvent", at: datetime
) -> "Ack":
    """Another device delivers what this one recorded."""
    delivery = Delivery(device.kiosk_id, device.batch(list(events)), is_earlier=True)
    return school.take(delivery, at=at).acks[0]


def test_events_signed_with_a_lost_key_are_delivered_after_the_new_claim(school: "School") -> None:
    at = now()
    old = school.kiosk()
    unsent = old.events(3, at - timedelta(minutes=5))
    new = _replace(school, old, at)
    ack = school.send(new, *unsent, new.event(at))
    assert (ack.stored_through, ack.refused) == (4, ())
    assert [row.is_chain_torn for row in school.stored(new)] == [False] * 4


def test_key_counts_no_longer_for_what_happened_after_its_claim(school: "School") -> None:
    at = now()
    old = school.kiosk()
    new = _replace(school, old, at)
    late = old.event(at + timedelta(seconds=1))
    ack = school.send(new, late)
    assert _reasons(ack) == ["after_claim"]
    (kept,) = school.quarantined()
    assert (kept.reason, kept.is_authentic) == ("after_claim", True)


def test_gap_event_counts_after_its_claim_ended(school: "School") -> None:
    """Its kiosk can state what it lost only once it hears what the server holds."""
    device = school.kiosk()
    first, _lost, third = device.events(3, now() - timedelta(minutes=5))
    school.revoke(device)
    late = [device.gap(now() + timedelta(seconds=1), 2, 2), device.event(now() + MINUTE)]
    ack = _send_earlier(school, device, first, third, *late, at=now())
    assert (ack.stored_through, _reasons(ack)) == (5, ["after_claim"])
    assert [row.seq for row in school.stored(device)] == [1, 3, 4]


def test_unsent_event_of_a_lost_key_counts_though_its_number_is_taken(school: "School") -> None:
    """The device cannot give it another number: it would have to sign it again."""
    at = now()
    old, person = school.kiosk(), school.person()
    unsent = old.event(school.starts_at + MINUTE, person_id=person)
    new = _replace(school, old.twin(), at)
    new.seq = 0
    school.send(new, new.event(at))
    acks = [_send_earlier(school, old, unsent, at=at) for _ in range(2)]
    assert [(ack.stored_through, ack.refused) for ack in acks] == [(1, ())] * 2
    assert sorted((row.seq is None, row.person_id == person) for row in school.stored(new)) == [
        (False, False),
        (True, True),
    ]
    assert school.mark(person).status == "present"
    assert school.quarantined() == []


def test_uncertain_event_of_an_earlier_key_may_be_older_than_the_new_claim(
    school: "School",
) -> None:
    """The new device reported everything up to now; the old one recorded this before it."""
    at, later = school.ends_at, school.ends_at + timedelta(hours=1)
    old, person = school.kiosk(), school.person()
    clock = {"source": "unsynced", "boot_id": "boot-a", "uptime_s": 100}
    unsent = old.event(LONG_AGO, person_id=person, clock=clock)
    new = _replace(school, old, at)
    school.send(new, new.event(at), synced_through=later, at=later)
    _send_earlier(school, old, unsent, at=later)
    (row,) = [row for row in school.stored(new) if row.person_id == person]
    assert row.not_before == school.starts_at - timedelta(days=200)
    assert school.mark(person, later).status == "pending"
    synced = clock | {"source": "ntp", "uptime_s": 220}
    _send_earlier(school, old, old.event(school.starts_at + 3 * MINUTE, clock=synced), at=later)
    assert school.mark(person, later).status == "present"


def test_time_of_an_event_is_the_best_one_known(school: "School") -> None:
    at = now()
    old = school.kiosk()
    new = _replace(school, old, at)
    slow = {"source": "rtc", "offset_ms": 600_000.0}
    before, after = at - timedelta(minutes=11), at - timedelta(minutes=9)
    ack = school.send(new, old.event(before, clock=slow), old.event(after, clock=slow))
    assert _reasons(ack) == ["after_claim"]
    assert [row.seq for row in school.stored(new)] == [1]


def test_key_of_nobody_stays_a_bad_signature(school: "School") -> None:
    at = now()
    new = _replace(school, school.kiosk(), at)
    forged = SimulatedKiosk(kiosk_id=new.kiosk_id)
    assert _reasons(school.send(new, forged.event(at - timedelta(hours=1)))) == ["bad_signature"]


def test_key_of_another_kiosk_is_no_key_of_this_one(school: "School") -> None:
    at = now()
    first, second = school.kiosk(), school.kiosk()
    _replace(school, second, at)
    forged = SimulatedKiosk(kiosk_id=first.kiosk_id, key=second.key)
    assert _reasons(school.send(first, forged.event(at - timedelta(hours=1)))) == ["bad_signature"]


def test_every_key_of_a_long_history_counts_for_its_time(school: "School") -> None:
    at = now() - timedelta(minutes=30)
    devices = [school.kiosk()]
    events = []
    for number in range(1, 4):
        events.append(devices[-1].event(at + timedelta(minutes=number)))
        devices.append(_replace(school, devices[-1], at + timedelta(minutes=number, seconds=1)))
    ack = school.send(devices[-1], *events)
    assert (ack.stored_through, ack.refused) == (3, ())


def test_device_that_claims_again_with_its_key_may_send_what_it_recorded_meanwhile(
    school: "School",
) -> None:
    device = school.kiosk()
    school.revoke(device)
    meanwhile = device.event(now())
    outcome = school.claim(device, school.code_for(uuid.UUID(device.kiosk_id)))
    assert isinstance(outcome, claiming.Claimed)
    assert school.send(device, meanwhile).stored_through == 1


def test_claims_have_numbers_and_follow_each_other(school: "School") -> None:
    old = school.kiosk()
    at = now()
    _replace(school, old, at)
    first, second = _claims(school)
    assert (first.number, second.number) == (1, 2)
    assert (first.until_at, second.from_at, second.until_at) == (at, at, None)
    assert first.signing_key != second.signing_key


@pytest.mark.parametrize("end", ["revoke", "claim again", "replace"])
def test_token_whose_claim_ended_is_answered_with_a_signed_statement(
    school: "School", end: str
) -> None:
    device = SimulatedKiosk()
    kiosk_id, code = school.new_kiosk()
    outcome = school.claim(device, code)
    assert isinstance(outcome, claiming.Claimed)
    device.kiosk_id = str(kiosk_id)
    token = claiming.token_digest(outcome.device_token)
    with school.database.reading() as db:
        assert claims.ended_claim(db, token) is None
    if end == "revoke":
        school.revoke(device)
    else:
        again = device if end == "claim again" else SimulatedKiosk(kiosk_id=device.kiosk_id)
        assert isinstance(school.claim(again, school.code_for(kiosk_id)), claiming.Claimed)
    with school.database.reading() as db:
        claim = claims.ended_claim(db, token)
        assert claims.ended_claim(db, claiming.token_digest("nobody's")) is None
    assert claim is not None
    revocation = claims.revocation_of(claim, SERVER_KEY)
    verify_revocation(revocation, SERVER_KEY.public_key())
    assert (revocation.kiosk_id, revocation.claim) == (str(kiosk_id), 1)
    with pytest.raises(BadSignatureError):
        verify_revocation(revocation.model_copy(update={"claim": 2}), SERVER_KEY.public_key())


def test_token_of_the_present_claim_is_never_called_ended(school: "School") -> None:
    kiosk_id, code = school.new_kiosk()
    device = SimulatedKiosk(kiosk_id=str(kiosk_id))
    school.claim(device, code)
    school.revoke(device)
    outcome = school.claim(device, school.code_for(kiosk_id))
    assert isinstance(outcome, claiming.Claimed)
    with school.database.reading() as db:
        assert claims.ended_claim(db, claiming.token_digest(outcome.device_token)) is None
        assert claiming.kiosk_by_token(db, outcome.device_token) is not None
