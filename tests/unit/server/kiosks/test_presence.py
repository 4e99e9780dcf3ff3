"""The one rule of who is online."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kiosks.presence import (
    SILENT_AFTER,
    TOUCH_INTERVAL,
    is_online,
    needs_touch,
    note_heartbeat,
)
from server.kiosks.tables import Kiosk, KioskState

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _kiosk(state: str = KioskState.CLAIMED, **fields: object) -> Kiosk:
    return Kiosk(name="K", room_id=uuid.uuid4(), state=state, **fields)  # type: ignore[arg-type]


@given(ago_s=st.integers(min_value=0, max_value=86_400), said=st.booleans())
def test_online_means_a_heartbeat_within_the_limit_and_no_last_will(ago_s: int, said: bool) -> None:
    ago = timedelta(seconds=ago_s)
    kiosk = _kiosk(last_seen_at=AT - ago, is_online=said)
    assert is_online(kiosk, AT) == (said and ago < SILENT_AFTER)


@pytest.mark.parametrize("state", [KioskState.NEW, KioskState.REVOKED])
def test_only_a_claimed_kiosk_is_online(state: KioskState) -> None:
    assert not is_online(_kiosk(state, last_seen_at=AT, is_online=True), AT)


def test_kiosk_never_heard_of_is_not_online() -> None:
    assert not is_online(_kiosk(is_online=True), AT)


def test_last_will_makes_it_offline_at_once_and_the_next_heartbeat_online() -> None:
    kiosk = _kiosk(last_seen_at=AT, is_online=True)
    note_heartbeat(kiosk, AT + MINUTE, is_online=False)
    assert not is_online(kiosk, AT + MINUTE)
    assert kiosk.last_seen_at == AT
    assert needs_touch(kiosk, AT + MINUTE)
    note_heartbeat(kiosk, AT + 2 * MINUTE, is_online=True)
    assert is_online(kiosk, AT + 2 * MINUTE)


def test_two_lost_requests_in_a_row_do_not_fit_in_the_limit_but_one_does() -> None:
    between_requests = timedelta(seconds=60)
    assert between_requests * 2 + TOUCH_INTERVAL <= SILENT_AFTER < between_requests * 3
