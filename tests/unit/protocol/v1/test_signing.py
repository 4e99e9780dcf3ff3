"""Signing: what one kiosk signed cannot be changed, moved or forged unnoticed."""

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import signing
from protocol.v1.errors import (
    BadHashError,
    BadSignatureError,
    MalformedMessageError,
    ProtocolError,
)
from protocol.v1.events import AttendanceEvent, ClockStamp, EventBatch, RawEvent, UnsignedEvent
from protocol.v1.fields import parse_message
from protocol.v1.identifiers import uuid7

KEY = signing.make_key()

_scores = st.none() | st.floats(-1e6, 1e6, allow_nan=False)
_words = st.from_regex(r"\A[a-z][a-z0-9_]{0,15}\Z")
_instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
drafts = st.builds(
    UnsignedEvent,
    id=st.builds(lambda ms: str(uuid7(unix_ms=ms)), st.integers(0, 2**40)),
    kiosk_id=st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"),
    seq=st.integers(1, 2**53 - 1),
    occurred_at=_instants,
    clock=st.builds(ClockStamp, source=_words, offset_ms=st.none() | st.floats(-1e14, 1e14)),
    lesson_id=st.none() | st.from_regex(r"\A[A-Za-z0-9_.:-]{1,64}\Z"),
    person_id=st.none() | st.from_regex(r"\A[A-Za-z0-9_.:-]{1,64}\Z"),
    kind=_words,
    method=_words,
    distance=_scores,
    margin=_scores,
    threshold=_scores,
    quality=_scores,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


def _chain(length: int) -> list[AttendanceEvent]:
    events: list[AttendanceEvent] = []
    for seq in range(1, length + 1):
        draft = UnsignedEvent(
            id=str(uuid7()),
            kiosk_id="k",
            seq=seq,
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            clock=ClockStamp(source="ntp"),
            kind="seen",
            method="face",
        )
        prev = events[-1].hash if events else signing.GENESIS_HASH
        events.append(signing.sign_event(draft, prev_hash=prev, key=KEY))
    return events


def _links(events: list[AttendanceEvent]) -> list[signing.ChainLink]:
    return [signing.ChainLink(event.seq, event.hash, event.prev_hash) for event in events]


@given(drafts)
def test_signed_event_survives_the_wire_exactly(draft: UnsignedEvent) -> None:
    event = signing.sign_event(draft, prev_hash=signing.GENESIS_HASH, key=KEY)
    batch = EventBatch(kiosk_id=draft.kiosk_id, events=(signing.to_raw(event),))
    received = parse_message(EventBatch, batch.to_json()).events[0]
    assert signing.verify_event(received, KEY.public_key()) == event


@given(drafts, st.data())
def test_any_changed_field_is_noticed(draft: UnsignedEvent, data: st.DataObject) -> None:
    raw = signing.to_raw(signing.sign_event(draft, prev_hash=signing.GENESIS_HASH, key=KEY))
    name = data.draw(st.sampled_from(sorted(raw)))
    value = data.draw(json_values.filter(lambda drawn: drawn != raw[name]))
    with pytest.raises(ProtocolError):
        signing.verify_event(raw | {name: value}, KEY.public_key())


@given(drafts, st.text(max_size=20), json_values)
def test_fields_of_a_newer_kiosk_are_covered_by_its_signature(
    draft: UnsignedEvent, name: str, value: RawEvent
) -> None:
    event = signing.to_raw(signing.sign_event(draft, prev_hash=signing.GENESIS_HASH, key=KEY))
    tampered = event | {"x_" + name: value}
    with pytest.raises(BadHashError):
        signing.verify_event(tampered, KEY.public_key())


def test_event_signed_by_another_key_is_refused() -> None:
    raw = signing.to_raw(_chain(1)[0])
    with pytest.raises(BadSignatureError):
        signing.verify_event(raw, signing.make_key().public_key())


def test_event_with_a_recomputed_hash_is_refused() -> None:
    raw = signing.to_raw(_chain(1)[0]) | {"person_id": "someone-else"}
    raw["hash"] = signing.event_hash(raw)
    with pytest.raises(BadSignatureError):
        signing.verify_event(raw, KEY.public_key())


@given(st.dictionaries(st.text(max_size=12), json_values, max_size=12))
def test_reading_any_object_ends_in_a_protocol_error(raw: RawEvent) -> None:
    with pytest.raises(ProtocolError):
        signing.verify_event(raw, KEY.public_key())


@pytest.mark.parametrize("value", [2**60, float("inf"), float("nan"), "\ud800"])
def test_values_without_canonical_form_are_malformed(value: object) -> None:
    with pytest.raises(MalformedMessageError):
        signing.canonical({"value": value})


@given(st.floats(-1e15, 1e15))
def test_floats_survive_canonicalisation_exactly(value: float) -> None:
    text = signing.canonical({"value": value})
    assert json.loads(text)["value"] == value
    assert signing.canonical(json.loads(text)) == text


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_whole_chain_is_whole_in_any_order_and_with_repeats(
    length: int, order: random.Random
) -> None:
    links = _links(_chain(length)) * 2
    order.shuffle(links)
    report = signing.inspect_chain(links)
    assert report.is_whole
    assert report.contiguous_seq == length


@given(st.integers(3, 12), st.data())
def test_missing_events_are_found(length: int, data: st.DataObject) -> None:
    missing = data.draw(st.integers(1, length - 1))
    links = [link for link in _links(_chain(length)) if link.seq != missing]
    report = signing.inspect_chain(links)
    assert report.gaps == ((missing, missing),)
    assert report.contiguous_seq == missing - 1


def test_fork_and_break_are_found() -> None:
    events = _chain(4)
    draft = UnsignedEvent.model_validate(signing.to_raw(events[1]) | {"person_id": "other"})
    other = signing.sign_event(draft, prev_hash=events[0].hash, key=KEY)
    report = signing.inspect_chain(_links([*events, other]))
    assert report.forks == (2,)
    torn = signing.inspect_chain(_links([events[0], other, *events[2:]]))
    assert torn.breaks == (3,)


def test_chain_continues_from_where_the_server_says() -> None:
    events = _chain(5)
    report = signing.inspect_chain(_links(events[2:]), base_seq=2, base_hash=events[1].hash)
    assert report.is_whole
    assert report.contiguous_seq == 5


def test_document_signature_counts_only_in_its_context() -> None:
    body = {"claim_code": "7ZK4M2QX"}
    signature = signing.sign_document(body, KEY, context="claim")
    signing.verify_document(body, signature, KEY.public_key(), context="claim")
    with pytest.raises(BadSignatureError):
        signing.verify_document(body, signature, KEY.public_key(), context="command")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "A" * 44])
def test_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        signing.public_key(text)


def test_keys_survive_their_stored_forms() -> None:
    restored = signing.private_key(signing.private_bytes(KEY))
    assert signing.public_text(restored) == signing.public_text(KEY)
    assert signing.public_text(signing.public_key(signing.public_text(KEY))) == (
        signing.public_text(KEY)
    )
