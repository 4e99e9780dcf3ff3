"""A kiosk that floods the server slows itself and no other, and loses nothing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import topics
from server.attendance.pace import IngestPace
from server.mqtt.link import Arrival
from server.mqtt.pacing import MOST_OF_ONE, MOST_WAITING, Pacing


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def arrival(kiosk: str, number: int = 0) -> Arrival:
    address = topics.Address(kiosk, topics.EVENTS)
    return Arrival(address, b"{}", number, 1, is_retained=False, connection=1)


def test_a_burst_is_free_and_the_rest_waits_its_turn() -> None:
    clock = Clock()
    pacing = Pacing(IngestPace(rate=50, burst=5000, clock_s=clock))
    for _ in range(50):
        assert pacing.admit(arrival("k"))
        pacing.spend("k", 100)
    waiting = arrival("k")
    assert not pacing.admit(waiting)
    assert pacing.ripe() == []
    clock.at_s += pacing.due_in_s() or 0
    assert pacing.ripe() == [waiting]
    assert pacing.due_in_s() is None


def test_others_are_not_held_up() -> None:
    pacing = Pacing(IngestPace(rate=1, burst=100, clock_s=Clock()))
    pacing.spend("k", 1000)
    assert not pacing.admit(arrival("k"))
    assert pacing.admit(arrival("other"))


def test_what_waits_is_bounded_for_one_and_for_all() -> None:
    pacing = Pacing(IngestPace(rate=1, burst=100, clock_s=Clock()))
    given_back = []
    for kiosk in map(str, range(60)):
        pacing.spend(kiosk, 1000)
        for number in range(10):
            assert not pacing.admit(arrival(kiosk, number))
            given_back += pacing.surplus()
    assert len(given_back) == 600 - MOST_WAITING
    first = [one.message_id for one in given_back if one.address.kiosk_id == "0"]
    assert set(range(MOST_OF_ONE, 10)) <= set(first), "the newest go back, the oldest wait"


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 100), st.floats(0, 3)), min_size=1, max_size=80
    )
)
def test_nothing_overtakes_is_doubled_or_forgotten_and_the_rate_is_kept(
    steps: list[tuple[int, int, float]],
) -> None:
    clock = Clock()
    pacing = Pacing(IngestPace(rate=20, burst=100, clock_s=clock))
    came: dict[str, list[int]] = {}
    taken: dict[str, list[int]] = {}
    spent: dict[str, int] = {}

    def take(one: Arrival, events: int) -> None:
        kiosk = one.address.kiosk_id
        taken.setdefault(kiosk, []).append(one.message_id)
        spent[kiosk] = spent.get(kiosk, 0) + events
        pacing.spend(kiosk, events)

    for number, (which, events, pause_s) in enumerate(steps):
        clock.at_s += pause_s
        for one in pacing.ripe():
            take(one, events)
        kiosk = f"k{which}"
        came.setdefault(kiosk, []).append(number)
        if pacing.admit(one := arrival(kiosk, number)):
            take(one, events)
        for one in pacing.surplus():
            came[one.address.kiosk_id].remove(one.message_id)
    assert all(count <= 100 + 20 * clock.at_s + 100 for count in spent.values())
    for _ in range(len(steps)):
        clock.at_s += 1000
        for one in pacing.ripe():
            take(one, 1)
    assert taken == came


def test_many_kiosks_are_known_and_no_more() -> None:
    clock = Clock()
    pacing = Pacing(IngestPace(rate=1, burst=100, clock_s=clock))
    pacing.spend("flood", 1000)
    assert not pacing.admit(arrival("flood"))
    for number in random.Random(1).sample(range(100_000), 20_001):
        pacing.spend(str(number), 1)
    clock.at_s += 1
    assert [one.address.kiosk_id for one in pacing.ripe()] == ["flood"], "forgotten, so it may come"
