"""Claim codes and credentials: single use, expiring, throttled, and taken back whole."""

import uuid
from datetime import timedelta

import pytest
from sqlmodel import select

from protocol.v1 import sealing
from protocol.v1.messages import ClaimRequest
from server.db.types import now
from server.errors import ConflictError, ForbiddenError
from server.kiosks import claiming
from server.kiosks.guesses import CODE_LIFETIME, ClaimGuesses
from server.kiosks.service import take_erasure
from server.kiosks.tables import ClaimCode, ErasureReceipt, Kiosk
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def _kiosk(school: School, kiosk_id: str | uuid.UUID) -> Kiosk:
    with school.database.reading() as db:
        return db.get_one(Kiosk, uuid.UUID(str(kiosk_id)))


def test_claim_gives_a_kiosk_all_it_needs(school: School) -> None:
    kiosk_id, code = school.new_kiosk()
    device = SimulatedKiosk()
    outcome = school.claim(device, code)
    assert isinstance(outcome, claiming.Claimed)
    key = sealing.unwrap_key(
        outcome.gallery_key.wrapped,
        device.sealing_key,
        kiosk_id=str(kiosk_id),
        key_id=outcome.gallery_key.key_id,
    )
    stored = _kiosk(school, kiosk_id)
    assert key == claiming.data_key(school.vault, stored)
    assert outcome.broker_password == claiming.broker_password(school.vault, stored)
    with school.database.reading() as db:
        found = claiming.kiosk_by_token(db, outcome.device_token)
    assert found is not None
    assert found.id == kiosk_id


def test_secrets_are_not_in_the_database(school: School) -> None:
    kiosk_id, code = school.new_kiosk()
    outcome = school.claim(SimulatedKiosk(), code)
    assert isinstance(outcome, claiming.Claimed)
    with school.database.reading() as db:
        codes = db.exec(select(ClaimCode)).all()
        row = db.get_one(Kiosk, kiosk_id)
    dumped = repr([one.model_dump() for one in codes]) + repr(row.model_dump())
    for secret in (code, outcome.device_token, outcome.broker_password):
        assert secret not in dumped


@pytest.mark.parametrize("prepare", ["used", "expired", "replaced", "wrong"])
def test_code_that_no_longer_works_is_refused(school: School, prepare: str) -> None:
    kiosk_id, code = school.new_kiosk()
    at = now()
    steps = {
        "used": lambda: school.claim(SimulatedKiosk(), code),
        "replaced": lambda: school.code_for(kiosk_id),
    }
    steps.get(prepare, lambda: None)()
    late = at + CODE_LIFETIME + timedelta(seconds=1)
    outcome = school.claim(
        SimulatedKiosk(),
        "00000000" if prepare == "wrong" else code,
        at=late if prepare == "expired" else at,
    )
    assert isinstance(outcome, claiming.ClaimRefused)


def test_claim_whose_answer_was_lost_is_made_again_with_the_same_code(school: School) -> None:
    kiosk_id, code = school.new_kiosk()
    device = SimulatedKiosk()
    lost = school.claim(device, code)
    again = school.claim(device, code)
    assert isinstance(lost, claiming.Claimed)
    assert isinstance(again, claiming.Claimed)
    with school.database.reading() as db:
        assert claiming.kiosk_by_token(db, lost.device_token) is None
        found = claiming.kiosk_by_token(db, again.device_token)
    assert found is not None
    assert found.id == kiosk_id


def test_used_code_is_dead_for_another_key_and_once_the_kiosk_was_heard_of(
    school: School,
) -> None:
    kiosk_id, code = school.new_kiosk()
    device = SimulatedKiosk()
    school.claim(device, code)
    assert isinstance(school.claim(SimulatedKiosk(), code), claiming.ClaimRefused)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, kiosk_id)
        kiosk.last_seen_at = now() + timedelta(seconds=1)
    assert isinstance(school.claim(device, code), claiming.ClaimRefused)


def test_keys_that_the_caller_does_not_hold_are_not_bound(school: School) -> None:
    _kiosk_id, code = school.new_kiosk()
    honest, thief = SimulatedKiosk(), SimulatedKiosk()
    request = honest.claim_request(code).model_copy(
        update={"proof": thief.claim_request(code).proof}
    )
    with school.database.transaction() as db:
        outcome = claiming.claim(db, school.vault, request, at=now())
    assert isinstance(outcome, claiming.ClaimRefused)
    assert isinstance(school.claim(honest, code), claiming.Claimed)


def test_code_that_stood_by_while_too_many_were_guessed_ends_and_a_new_one_works(
    school: School,
) -> None:
    kiosk_id, code = school.new_kiosk()
    guesses = ClaimGuesses(survives=3)
    device = SimulatedKiosk()
    for number in range(3):
        assert _is_promising(school, guesses, device.claim_request(code)), number
        guesses.note("thief", now())
    assert not _is_promising(school, guesses, device.claim_request(code))
    later = now() + timedelta(minutes=1)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, kiosk_id)
        fresh, _until = claiming.issue_code(db, kiosk, actor="system", at=later)
    assert _is_promising(school, guesses, device.claim_request(fresh))


def _is_promising(school: School, guesses: ClaimGuesses, request: ClaimRequest) -> bool:
    with school.database.reading() as db:
        return claiming.is_promising(db, request, guesses, now())


def test_revoking_takes_everything_back(school: School) -> None:
    kiosk_id, code = school.new_kiosk()
    device = SimulatedKiosk()
    outcome = school.claim(device, code)
    assert isinstance(outcome, claiming.Claimed)
    device.kiosk_id = str(kiosk_id)
    school.revoke(device)
    stored = _kiosk(school, kiosk_id)
    with school.database.reading() as db:
        assert claiming.kiosk_by_token(db, outcome.device_token) is None
    with pytest.raises(ForbiddenError):
        claiming.data_key(school.vault, stored)
    with pytest.raises(ForbiddenError):
        claiming.broker_password(school.vault, stored)
    with pytest.raises(ConflictError):
        school.revoke(device)


def test_same_device_claims_again_and_goes_on_with_its_chain(school: School) -> None:
    device = school.kiosk()
    first, second, third = device.events(3, now())
    school.send(device, first, third)
    outcome = school.claim(device, school.code_for(uuid.UUID(device.kiosk_id)))
    assert isinstance(outcome, claiming.Claimed)
    assert school.send(device, second).stored_through == 3


def test_new_device_in_an_old_place_starts_after_what_was_received(school: School) -> None:
    old = school.kiosk()
    first, _lost, third = old.events(3, now())
    school.send(old, first, third)
    new = SimulatedKiosk(kiosk_id=old.kiosk_id)
    outcome = school.claim(new, school.code_for(uuid.UUID(old.kiosk_id)))
    assert isinstance(outcome, claiming.Claimed)
    assert outcome.progress.highest_seq == 3
    new.seq, new.head = outcome.progress.highest_seq, outcome.progress.highest_hash
    ack = school.send(new, new.event(now()))
    assert (ack.stored_through, ack.refused) == (4, ())
    assert not school.stored(new)[-1].is_chain_torn
    late = school.send(old, old.event(now()))
    assert late.refused[0].reason == "after_claim"


def test_erasure_counts_once_and_only_with_the_kiosks_signature(school: School) -> None:
    device, person = school.kiosk(), school.person()
    erasure = device.erasure(person, now())
    forged = SimulatedKiosk(kiosk_id=device.kiosk_id).erasure(person, now())
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        for _ in range(2):
            take_erasure(db, kiosk, erasure, now())
        with pytest.raises(ForbiddenError):
            take_erasure(db, kiosk, forged, now())
    with school.database.reading() as db:
        assert len(db.exec(select(ErasureReceipt)).all()) == 1


def test_server_key_is_made_once(school: School) -> None:
    with school.database.transaction() as db:
        first = claiming.server_signing_key(db, school.vault)
    with school.database.transaction() as db:
        second = claiming.server_signing_key(db, school.vault)
    assert first.private_bytes_raw() == second.private_bytes_raw()
