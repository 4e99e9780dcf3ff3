"""Parsing: hostile bytes end in a protocol error, never in anything else."""

import json
import traceback
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import messages
from protocol.v1.errors import MalformedMessageError, OversizedMessageError, ProtocolError
from protocol.v1.fields import Message, parse_message
from tests.contract.protocol import samples

SAMPLES = samples.all_samples()
KINDS = sorted({type(sample) for sample in SAMPLES.values()}, key=lambda kind: kind.__name__)


@given(st.sampled_from(KINDS), st.binary(max_size=300))
def test_random_bytes_are_malformed(kind: type[Message], payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_message(kind, payload)


_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "x" * 10_000]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=3),
)


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_mutated_messages_parse_or_are_malformed(name: str, data: st.DataObject) -> None:
    body = json.loads(SAMPLES[name].to_json())
    field = data.draw(st.sampled_from(sorted(body)))
    body[field] = data.draw(_leaves)
    payload = json.dumps(body).encode()
    outcome = _parse(type(SAMPLES[name]), payload)
    assert outcome is None or parse_message(type(outcome), outcome.to_json()) == outcome


def test_no_value_stands_in_the_traceback_of_a_refused_message() -> None:
    body = {**json.loads(SAMPLES["claim-request"].to_json()), "claim_code": {"Ada": "Berg"}}

    with pytest.raises(MalformedMessageError) as refused:
        parse_message(messages.ClaimRequest, json.dumps(body).encode())

    shown = "".join(traceback.format_exception(refused.value))
    assert "ValidationError" in shown
    assert "Berg" not in shown


def _parse(kind: type[Message], payload: bytes) -> Message | None:
    try:
        return parse_message(kind, payload)
    except ProtocolError:
        return None


def test_payload_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(OversizedMessageError):
        parse_message(messages.Status, b"[" * (messages.MAX_MESSAGE_BYTES + 1))


def test_deep_nesting_is_malformed() -> None:
    with pytest.raises(MalformedMessageError):
        parse_message(messages.EventBatch, b'{"kiosk_id":"k","events":' + b"[" * 100_000)


def test_batch_of_too_many_events_is_malformed() -> None:
    body = {"kiosk_id": "k", "events": [{}] * (messages.MAX_EVENTS_PER_BATCH + 1)}
    with pytest.raises(MalformedMessageError):
        parse_message(messages.EventBatch, json.dumps(body).encode())


def test_full_batch_of_the_largest_honest_events_fits_the_limit() -> None:
    raw = json.loads(SAMPLES["event"].to_json())
    batch = messages.EventBatch(
        kiosk_id="k", events=(raw,) * messages.MAX_EVENTS_PER_BATCH, last_seq=100
    )
    assert len(batch.to_json()) < messages.MAX_MESSAGE_BYTES


def test_error_says_where_and_never_what() -> None:
    body = json.loads(SAMPLES["config"].to_json())
    body["people"][0]["id"] = "Ada Lovelace!"
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(messages.ConfigDocument, json.dumps(body).encode())
    assert "people" in str(caught.value)
    assert "Ada" not in str(caught.value)


def test_unknown_words_are_kept_as_text() -> None:
    body = json.loads(SAMPLES["event"].to_json()) | {"kind": "badge_tap", "method": "iris-v9"}
    event = parse_message(messages.AttendanceEvent, json.dumps(body).encode())
    assert (event.kind, event.method) == ("badge_tap", "iris-v9")


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_times_travel_as_utc_with_milliseconds(moment: datetime) -> None:
    try:
        hint = messages.VersionHint(gallery=0, config="c", issued_at=moment)
    except ValueError:
        assert moment.year in {1, 9999}
        return
    body = json.loads(hint.to_json())
    assert body["issued_at"].endswith("Z")
    assert moment - hint.issued_at < timedelta(milliseconds=1)
    assert parse_message(messages.VersionHint, hint.to_json()) == hint


@pytest.mark.parametrize("kiosk_id", ["", "a/b", "a+", "#", "a b", "x" * 65, "k\n", "../k", "ключ"])
def test_kiosk_ids_that_could_leave_their_topic_are_refused(kiosk_id: str) -> None:
    with pytest.raises(MalformedMessageError):
        parse_message(
            messages.EventBatch, json.dumps({"kiosk_id": kiosk_id, "events": []}).encode()
        )


@pytest.mark.parametrize(
    ("seq", "covered"), [(1, True), (2, True), (3, False), (4, True), (9, True), (10, False)]
)
def test_ack_covers_what_is_stored_and_nothing_else(seq: int, covered: bool) -> None:
    ack = parse_message(messages.Ack, SAMPLES["ack"].to_json())
    assert ack.covers(seq) is covered
