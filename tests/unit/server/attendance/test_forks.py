"""Two devices with one identity are named; one whose disk was restored is not."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from server.attendance.forks import Chains, Head, SeenEvent

START = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)
_hashes = (f"{number:064x}" for number in count(1))


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


@dataclass
class Device:
    """Writes a chain; `head` is what its disk says its newest event is."""

    head: str
    made: list[SeenEvent] = field(default_factory=list)

    def event(self, at: float | None, **words: bool) -> SeenEvent:
        event = SeenEvent(
            prev_hash=self.head,
            hash=next(_hashes),
            event_id=next(_hashes),
            made_at=None if at is None else minute(at),
            **words,
        )
        return self._add(event)

    def again(self, event: SeenEvent, **words: bool) -> SeenEvent:
        """The event under another number."""
        changed = {"prev_hash": self.head, "hash": next(_hashes), "is_refused": False} | words
        return self._add(event.model_copy(update=changed))

    def _add(self, event: SeenEvent) -> SeenEvent:
        self.head = event.hash
        self.made.append(event)
        return event


@pytest.fixture
def common() -> str:
    """The newest event that both disks have."""
    return next(_hashes)


@pytest.fixture
def chains(common: str) -> Chains:
    return Chains.after(common, minute(0))


def test_one_chain_is_no_sign_of_anything(chains: Chains, common: str) -> None:
    device = Device(common)
    chains.take_events([device.event(number) for number in range(5)])
    assert (chains.is_single, chains.forked_since) == (True, None)


def test_restored_device_is_no_second_device(chains: Chains, common: str) -> None:
    first, restored = Device(common), Device(common)
    chains.take_events([first.event(number) for number in (1, 2, 3)])
    refused = [restored.event(at, departs=True, is_refused=True) for at in (20, 21)]
    chains.take_events(refused)
    chains.take_events([restored.again(event) for event in refused])
    chains.take_events([restored.event(number) for number in range(22, 40)])
    assert not chains.is_single
    assert chains.forked_since is None


def test_events_from_before_a_restore_may_arrive_after_it(chains: Chains, common: str) -> None:
    first, restored = Device(common), Device(common)
    late = [first.event(number) for number in (1, 2, 3, 4)]
    chains.take_events([late[0]])
    chains.take_events([restored.event(20, departs=True)])
    chains.take_events([late[1]])
    chains.take_events([restored.event(21)])
    chains.take_events(late[2:])
    chains.take_events([restored.event(22)])
    assert chains.forked_since is None


def test_two_devices_that_both_go_on_are_named(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    chains.take_events([one.event(1)])
    chains.take_events([other.event(2, departs=True, is_refused=True)])
    chains.take_events([one.event(3)])
    assert chains.forked_since is None
    chains.take_events([other.event(4, departs=True, is_refused=True)])
    assert chains.forked_since == minute(2)


def test_two_devices_that_never_take_one_number_are_named(chains: Chains, common: str) -> None:
    """Each asks the server first which number is free, so no event is refused."""
    one, other = Device(common), Device(common)
    chains.take_events([one.event(1), other.event(2, departs=True)])
    chains.take_events([one.event(3, departs=True), other.event(4, departs=True)])
    assert chains.forked_since == minute(2)


def test_backlog_of_a_second_device_is_enough(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    chains.take_events([one.event(number) for number in (1, 3, 5)])
    chains.take_events([other.event(at, departs=True, is_refused=True) for at in (2, 4, 6)])
    chains.take_events([one.event(7), other.event(8)])
    assert chains.forked_since is not None


def test_spare_disk_that_is_put_back_is_no_second_device(chains: Chains, common: str) -> None:
    disk, spare = Device(common), Device(common)
    chains.take_events([disk.event(1), spare.event(10, departs=True), spare.event(11)])
    chains.take_events([disk.event(number) for number in (20, 21, 22)])
    assert chains.forked_since is None


def test_device_that_is_restored_at_each_start_is_no_second_device(
    chains: Chains, common: str
) -> None:
    chains.take_events([Device(common).event(1)])
    for day in range(1, 12):
        restored = Device(common)
        events = [restored.event(day * 1440 + number, departs=number == 0) for number in range(5)]
        chains.take_events(events)
    assert chains.forked_since is None
    assert len(chains.chains) <= 8


def test_copies_under_new_numbers_belong_to_their_device(chains: Chains, common: str) -> None:
    """Some originals never come, so the copies follow an event that the server does not know."""
    first, restored = Device(common), Device(common)
    chains.take_events([first.event(1)])
    refused = [restored.event(at, departs=True, is_refused=True) for at in (20, 21)]
    restored.event(22)
    chains.take_events(refused)
    copies = [restored.again(event, departs=True) for event in refused]
    chains.take_events([*copies, restored.event(23), restored.event(24)])
    assert len(chains.chains) == 2
    assert chains.forked_since is None


def test_events_in_any_order_end_in_the_same_chains(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    first = [one.event(number) for number in (1, 3, 5)]
    second = [other.event(number, departs=number == 2) for number in (2, 4, 6)]
    for event in (*reversed(first), *reversed(second)):
        chains.take_events([event])
    assert {chain.tip for chain in chains.chains} == {one.head, other.head}
    assert chains.forked_since == minute(2)


def test_event_of_an_unknown_time_proves_nothing(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    for _ in range(3):
        chains.take_events([one.event(None), other.event(None, departs=True)])
    assert chains.forked_since is None


def test_watermarks_show_that_both_devices_are_alive(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    chains.take_events([one.event(1), other.event(2, departs=True)])
    for at, device in ((3, one), (4, other), (5, one), (6, other)):
        chains.take_head(Head(device.head, minute(at), differs=False))
    assert chains.forked_since is not None


def test_watermark_of_another_head_is_a_first_sign(chains: Chains, common: str) -> None:
    one, other = Device(common), Device(common)
    chains.take_events([one.event(1)])
    other.event(2)
    chains.take_head(Head(other.head, minute(2.5), differs=True))
    chains.take_events([one.event(3)])
    other.event(4)
    chains.take_events(other.made[1:])
    assert chains.forked_since == minute(2.5)


def test_watermark_before_its_events_makes_no_third_chain(chains: Chains, common: str) -> None:
    first, restored = Device(common), Device(common)
    chains.take_events([first.event(1)])
    events = [restored.event(at, departs=True, is_refused=True) for at in (20, 21)]
    chains.take_head(Head(restored.head, minute(22), differs=True))
    chains.take_events(events)
    assert len(chains.chains) == 2
    chains.take_events([restored.event(number) for number in (23, 24)])
    assert chains.forked_since is None


def test_chains_survive_a_restart_of_the_server(chains: Chains, common: str) -> None:
    other = Device(common)
    chains.take_events([other.event(2, departs=True), Device("f" * 64).event(3)])
    assert Chains.model_validate(chains.model_dump(mode="json")) == chains


def test_hostile_kiosk_fills_no_row(chains: Chains) -> None:
    for number in range(600):
        stranger = Device(next(_hashes))
        chains.take_events([stranger.event(number, departs=bool(number % 2), is_refused=True)])
    assert len(chains.model_dump_json()) < 200_000
