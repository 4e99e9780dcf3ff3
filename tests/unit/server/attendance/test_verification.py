"""Every way in which an event can be refused before the database is asked."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import signing
from protocol.v1.messages import MAX_MESSAGE_BYTES, EventBatch, RawEvent
from server.attendance.verification import (
    CLAIM_TOLERANCE,
    FUTURE_TOLERANCE,
    Accepted,
    Delivery,
    Rejected,
    judge,
    open_batch,
    read_kept,
)
from tests.fakes.simulated_kiosk import SimulatedKiosk

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KIOSK = SimulatedKiosk()


def _judge(raw: RawEvent, kiosk: SimulatedKiosk = KIOSK) -> Accepted | Rejected:
    return judge(raw, kiosk.kiosk_id, KIOSK.key.public_key(), NOW)


def _reason(raw: RawEvent) -> tuple[str, bool]:
    verdict = _judge(raw)
    assert isinstance(verdict, Rejected)
    return verdict.reason, verdict.is_authentic


def test_sound_event_is_accepted_with_a_body_that_verifies_again() -> None:
    person = uuid.uuid4()
    raw = KIOSK.event(NOW, person_id=person)
    verdict = _judge(raw)
    assert isinstance(verdict, Accepted)
    assert verdict.person_id == person
    signing.verify_event(json.loads(verdict.body), KIOSK.key.public_key())


def test_event_of_another_kiosk_is_refused_by_its_own_word() -> None:
    foreign = SimulatedKiosk(kiosk_id="other", key=KIOSK.key)
    assert _reason(foreign.event(NOW)) == ("wrong_kiosk", False)


def test_event_signed_by_another_key_is_refused() -> None:
    assert _reason(SimulatedKiosk().event(NOW)) == ("bad_signature", False)


def test_event_changed_on_its_way_is_refused() -> None:
    assert _reason(KIOSK.event(NOW) | {"distance": 0.1}) == ("bad_hash", False)


@pytest.mark.parametrize("change", [{"seq": 0}, {"id": "x"}, {"occurred_at": "noon"}, {"clock": 1}])
def test_event_that_is_none_is_refused(change: RawEvent) -> None:
    assert _reason(KIOSK.event(NOW) | change) == ("malformed", False)


def test_event_of_an_unknown_version_is_refused_but_is_the_kiosks_own() -> None:
    assert _reason(KIOSK.event(NOW, v=2)) == ("unknown_version", True)


def test_event_from_the_future_is_refused_beyond_the_tolerance() -> None:
    exact = {"source": "ntp"}
    assert isinstance(_judge(KIOSK.event(NOW + FUTURE_TOLERANCE, clock=exact)), Accepted)
    beyond = NOW + FUTURE_TOLERANCE + timedelta(seconds=1)
    assert _reason(KIOSK.event(beyond)) == ("future", True)


@pytest.mark.parametrize("years", [-56, 10])
def test_event_of_a_clock_that_knows_nothing_is_kept(years: int) -> None:
    moment = NOW.replace(year=NOW.year + years)
    assert isinstance(_judge(KIOSK.event(moment, clock={"source": "unsynced"})), Accepted)


def test_event_about_no_id_of_ours_is_refused() -> None:
    assert _reason(KIOSK.event(NOW, person_id="person-1")) == ("malformed", True)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"\xff\x00", "malformed"),
        (b"[]", "malformed"),
        (b"[" * 50_000, "malformed"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
        (b'{"kiosk_id": "k", "events": {}}', "malformed"),
    ],
)
def test_batch_that_is_none_goes_to_quarantine_whole(payload: bytes, reason: str) -> None:
    outcome = open_batch(Delivery(KIOSK.kiosk_id, payload))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == reason
    assert "\0" not in outcome.body
    assert len(outcome.body) <= 4096


def test_batch_in_the_name_of_another_kiosk_is_refused() -> None:
    payload = EventBatch(kiosk_id="other", events=()).to_json()
    outcome = open_batch(Delivery(KIOSK.kiosk_id, payload))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "wrong_kiosk"


def test_hostile_values_in_a_refused_event_are_kept_harmlessly() -> None:
    verdict = _judge({"kiosk_id": "x", "id": "a\0b" * 99, "seq": 2**70, "note": "\0'; --"})
    assert isinstance(verdict, Rejected)
    assert verdict.seq is None
    assert verdict.event_id is not None
    assert "\0" not in verdict.event_id + verdict.body
    assert len(verdict.event_id) <= 64


CLAIMED = NOW - timedelta(hours=1)


def _judged(raw: RawEvent, claimed_at: datetime | None = CLAIMED) -> str:
    key = KIOSK.key.public_key()
    verdict = judge(raw, KIOSK.kiosk_id, key, NOW, claimed_at=claimed_at)
    return verdict.reason if isinstance(verdict, Rejected) else ""


def test_event_before_the_claim_is_refused_beyond_the_tolerance() -> None:
    exact = {"source": "ntp"}
    just_before = CLAIMED - CLAIM_TOLERANCE
    assert _judged(KIOSK.event(just_before, clock=exact)) == ""
    beyond = KIOSK.event(just_before - timedelta(milliseconds=1), clock=exact)
    assert _judged(beyond) == "before_claim"
    assert _judged(beyond, None) == ""
    assert _judged(beyond, NOW + timedelta(days=1)) == ""


def test_offset_decides_whether_an_event_is_before_the_claim() -> None:
    clock = {"source": "rtc", "offset_ms": 3 * 3_600_000}
    assert _judged(KIOSK.event(NOW - timedelta(hours=3), clock=clock)) == ""
    assert _judged(KIOSK.event(NOW - timedelta(hours=5), clock=clock)) == "before_claim"


def test_refused_future_event_says_when_it_is_due() -> None:
    moment = NOW + timedelta(hours=3)
    verdict = _judge(KIOSK.event(moment, clock={"source": "ntp"}))
    assert isinstance(verdict, Rejected)
    assert verdict.due_at == moment - FUTURE_TOLERANCE


moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2099, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)
clocks = st.fixed_dictionaries(
    {"source": st.sampled_from(["ntp", "rtc", "server", "unsynced", "gps"])},
    optional={"offset_ms": st.floats(-1e14, 1e14), "boot_id": st.just("b"), "uptime_s": st.just(1)},
)


@given(at=moments, occurred_at=moments, claimed_at=st.none() | moments, clock=clocks)
def test_a_signed_event_is_accepted_or_kept_with_its_place(
    at: datetime, occurred_at: datetime, claimed_at: datetime | None, clock: dict[str, object]
) -> None:
    """No time and no clock ends an event for good, and no unsynced one is refused for its time."""
    raw = KIOSK.event(occurred_at, clock=clock)
    verdict = judge(raw, KIOSK.kiosk_id, KIOSK.key.public_key(), at, claimed_at=claimed_at)
    if isinstance(verdict, Accepted):
        return
    assert verdict.is_authentic
    assert clock["source"] != "unsynced"
    kept = read_kept(verdict.body)
    assert kept is not None
    if verdict.reason == "future":
        assert verdict.due_at is not None
        assert at < verdict.due_at == kept.stated_at - FUTURE_TOLERANCE
    else:
        assert (verdict.reason, verdict.due_at) == ("before_claim", None)
        assert claimed_at is not None
        assert kept.stated_at < claimed_at <= at
