"""One account of each kiosk for all that it sends, whichever way."""

import pytest

from protocol.v1.messages import MAX_RETRY_AFTER_S
from server.attendance.pace import IngestPace, events_in
from server.errors import TooManyEventsError
from server.mqtt.pacing import Pacing
from tests.unit.server.mqtt.test_pacing import Clock, arrival

_BATCH = b'"prev_hash"' * 100


@pytest.mark.parametrize(
    ("payload", "count"),
    [(b"", 1), (b"{}", 1), (b'{"prev_hash":1}' * 7, 7), (b"x" * 102_400, 100)],
)
def test_events_are_counted_before_they_are_read(payload: bytes, count: int) -> None:
    assert events_in(payload) == count


@pytest.mark.parametrize(
    ("rate", "debt", "asked_s"),
    [(50, 0, 1), (50, 10, 1), (50, 51, 2), (1, 100, 101), (1, 100_000, MAX_RETRY_AFTER_S)],
)
def test_a_kiosk_is_asked_to_wait_whole_seconds(rate: int, debt: int, asked_s: int) -> None:
    clock = Clock()
    pace = IngestPace(rate, 100, clock)
    pace.spend("k", 100 + debt)
    with pytest.raises(TooManyEventsError) as refusal:
        pace.take("k", _BATCH)
    assert refusal.value.retry_after_s == asked_s
    clock.at_s += debt / rate + 0.001
    pace.take("k", _BATCH)


def test_asking_too_soon_costs_nothing() -> None:
    clock = Clock()
    pace = IngestPace(50, 100, clock)
    pace.take("k", _BATCH)
    for _ in range(1000):
        with pytest.raises(TooManyEventsError):
            pace.take("k", _BATCH)
    clock.at_s += 0.1
    pace.take("k", _BATCH)


def test_both_ways_use_one_account_of_each_kiosk() -> None:
    clock = Clock()
    pace = IngestPace(50, 100, clock)
    pacing = Pacing(pace)
    pace.take("k", _BATCH)
    assert not pacing.admit(arrival("k", 1))
    assert pacing.admit(arrival("other", 2))
    clock.at_s += pacing.due_in_s() or 0.0
    assert [one.message_id for one in pacing.ripe()] == [1]
    pacing.spend("k", 100)
    with pytest.raises(TooManyEventsError):
        pace.take("k", b"{}")
    pace.take("other", b"{}")
