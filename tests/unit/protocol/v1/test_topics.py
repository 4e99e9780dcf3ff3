"""Topics: one branch per kiosk, and no id that climbs out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import topics

CHANNELS = topics.KIOSK_CHANNELS + topics.SERVER_CHANNELS


@given(st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"), st.sampled_from(CHANNELS))
def test_topic_reads_back_to_its_address(kiosk_id: str, channel: str) -> None:
    assert topics.parse(topics.topic(kiosk_id, channel)) == topics.Address(kiosk_id, channel)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_nothing(text: str) -> None:
    address = topics.parse(text)
    assert address is None or topics.topic(address.kiosk_id, address.channel) == text


@pytest.mark.parametrize("kiosk_id", ["", "a/b", "+", "#", "k\n", "x" * 65])
def test_ids_with_wildcards_or_levels_are_refused(kiosk_id: str) -> None:
    with pytest.raises(ValueError, match="kiosk id"):
        topics.events(kiosk_id)


def test_unknown_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channel"):
        topics.topic("k", "gossip")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (topics.events("k"), "rollcall/v1/k/events"),
        (topics.status("k"), "rollcall/v1/k/status"),
        (topics.result("k"), "rollcall/v1/k/result"),
        (topics.ack("k"), "rollcall/v1/k/ack"),
        (topics.hint("k"), "rollcall/v1/k/hint"),
        (topics.command("k"), "rollcall/v1/k/command"),
        (topics.from_all_kiosks("events"), "rollcall/v1/+/events"),
    ],
)
def test_topics_are_spelt_as_the_protocol_says(name: str, expected: str) -> None:
    assert name == expected


def test_server_listens_only_where_kiosks_write() -> None:
    with pytest.raises(ValueError, match="ack"):
        topics.from_all_kiosks("ack")
