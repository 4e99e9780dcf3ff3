"""The writer takes many small messages together, in bounded time, and finds a bad one by halves."""

import queue
from typing import Any

import pytest

from protocol.v1 import topics
from server.attendance.pace import IngestPace
from server.mqtt import writer
from server.mqtt.link import Arrival
from server.mqtt.pacing import Pacing
from server.mqtt.writer import IngestWriter


class Link:
    """Hands arrivals over and notes what was acknowledged."""

    def __init__(self) -> None:
        self.arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.acknowledged: list[int] = []

    def acknowledge(self, arrivals: list[Arrival]) -> None:
        self.acknowledged += [one.message_id for one in arrivals]


def event(number: int, payload: bytes = b"{}", kiosk: str = "k") -> Arrival:
    address = topics.Address(kiosk, topics.EVENTS)
    return Arrival(address, payload, number, 1, is_retained=False, connection=1)


class Bench:
    """A writer whose commits the test sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.link = Link()
        self.commits: list[list[int]] = []
        self.aside: list[int] = []
        self.poisonous: set[int] = set()
        self.pacing = Pacing(IngestPace(rate=1, burst=100_000))
        made: Any = IngestWriter(self.link, None, None, self.pacing)  # type: ignore[arg-type]
        monkeypatch.setattr(made, "_take", self._take)
        monkeypatch.setattr(made, "_set_aside", lambda one: self.aside.append(one.message_id))
        self.writer: IngestWriter = made

    def _take(self, arrivals: list[Arrival]) -> None:
        numbers = [one.message_id for one in arrivals]
        if self.poisonous & set(numbers):
            raise RuntimeError("a fault of ours")
        self.commits.append(numbers)

    def run(self, *arrivals: Arrival) -> None:
        """Let all of these be there when the writer starts; return when it has taken them."""
        for one in arrivals:
            self.link.arrivals.put(one)
        self.writer.start()
        self.writer.finish()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_small_messages_of_many_kiosks_are_one_commit(bench: Bench) -> None:
    bench.run(*(event(number, kiosk=f"k{number}") for number in range(100)))
    assert bench.commits == [list(range(100))]
    assert bench.link.acknowledged == list(range(100))


def test_a_commit_has_so_many_events_and_no_more(bench: Bench) -> None:
    full = b'"prev_hash"' * 100
    bench.run(*(event(number, full) for number in range(25)))
    assert [len(one) for one in bench.commits] == [10, 10, 5]


def test_a_commit_has_so_many_bytes_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LARGEST_COMMIT_BYTES", 1000)
    bench.run(*(event(number, b"x" * 500) for number in range(5)))
    assert [len(one) for one in bench.commits] == [2, 2, 1]


def test_a_bad_message_is_found_by_halves_and_holds_up_no_other(bench: Bench) -> None:
    bench.poisonous = {3, 77}
    bench.run(*(event(number) for number in range(100)))
    assert sorted(bench.aside) == [3, 77]
    assert [number for one in bench.commits for number in one] == [
        number for number in range(100) if number not in bench.poisonous
    ]
    assert sorted(bench.link.acknowledged) == list(range(100))
    assert len(bench.commits) < 20


def test_a_kiosk_over_its_rate_waits_while_others_go_on(bench: Bench) -> None:
    bench.pacing.spend("flood", 200_000)
    bench.run(*(event(number, kiosk="flood") for number in range(10)), event(10, kiosk="calm"))
    assert bench.commits == [[10]]
    assert bench.link.acknowledged[-1] == 10, "the broker's window was free for it"
    assert sorted(bench.link.acknowledged[:-1]) == [4, 5, 6, 7, 8, 9], "its kiosk has them"
