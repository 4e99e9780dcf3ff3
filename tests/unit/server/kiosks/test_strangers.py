"""Requests of unknown devices: counted by address, bounded, forgotten after a while."""

from datetime import UTC, datetime, timedelta

from server.kiosks.strangers import MOST_ADDRESSES, REMEMBERED_FOR, Stranger, Strangers

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)


def test_requests_are_counted_by_address_newest_first() -> None:
    strangers = Strangers()
    later = AT + timedelta(minutes=1)
    for address, at in [("10.0.0.5", AT), ("10.0.0.6", AT), ("10.0.0.5", later)]:
        strangers.note(address, at)
    expected = [Stranger("10.0.0.5", 2, later), Stranger("10.0.0.6", 1, AT)]
    assert strangers.recent(later) == expected


def test_address_that_asks_no_more_is_forgotten() -> None:
    strangers = Strangers()
    strangers.note("10.0.0.5", AT)
    strangers.note("10.0.0.6", AT + timedelta(minutes=1))
    assert [one.address for one in strangers.recent(AT + REMEMBERED_FOR)] == ["10.0.0.6"]


def test_nobody_can_fill_the_memory_and_the_newest_stay() -> None:
    strangers = Strangers()
    for number in range(MOST_ADDRESSES * 3):
        strangers.note(f"address {number}", AT)
    recent = strangers.recent(AT)
    assert len(recent) == MOST_ADDRESSES
    assert recent[0].address == f"address {MOST_ADDRESSES * 3 - 1}"
