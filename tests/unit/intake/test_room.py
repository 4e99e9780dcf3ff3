"""Bodies that arrive get room; bodies that stall give way. In virtual time."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.asgi import Message
from intake.errors import BodiesFullError, BodyError, BodyTooLargeError, BodyTooSlowError
from intake.limits import SMALL_BYTES, BodyLimits
from intake.reading import BodyIntake
from tests.support.senders import Parts, at_once, sender, steady, take
from tests.support.virtual_time import run_virtual

LIMITS = BodyLimits(
    body_bytes=20_000,
    total_bytes=48_000,
    reserved_bytes=8_000,
    typical_bytes=10_000,
    grace_s=60.0,
    bytes_per_s=1_000.0,
)
REMOVABLE_S = LIMITS.window_s * 1.1
"""A body that stalls gives way after the window and one of its ten parts."""


class Crowd:
    """Clients that run beside a test."""

    def __init__(self, intake: BodyIntake) -> None:
        self.intake = intake
        self.tasks: list[asyncio.Task[bytes]] = []

    async def join(self, parts: Parts, *, then: str = "stall") -> None:
        """Start a client, and let it send what it sends at once."""
        self.tasks.append(asyncio.create_task(take(self.intake, sender(parts, then=then))))
        await asyncio.sleep(0.001)

    async def leave(self) -> list[object]:
        """End all; what became of each."""
        for task in self.tasks:
            task.cancel()
        return list(await asyncio.gather(*self.tasks, return_exceptions=True))


def test_bodies_that_burst_and_stall_hold_the_room_for_the_window_only() -> None:
    async def scenario() -> list[bool]:
        crowd = Crowd(BodyIntake(LIMITS))
        full = []
        await crowd.join(at_once(20_000))
        await crowd.join(at_once(19_999))
        full.append(crowd.intake.is_full)
        with pytest.raises(BodiesFullError):
            await take(crowd.intake, sender(at_once(5_000)))
        await asyncio.sleep(REMOVABLE_S)
        full.append(crowd.intake.is_full)
        assert len(await take(crowd.intake, sender(at_once(10_000)))) == 10_000
        await crowd.leave()
        return full

    assert run_virtual(scenario()) == [True, False]


@pytest.mark.parametrize(
    "drip", [[], [(1.0, b"x")] * 900, [(0.1, b"x" * 50)] * 300], ids=["none", "byte", "half"]
)
@pytest.mark.parametrize("burst_bytes", [0, 100, 19_000])
def test_a_body_that_falls_behind_fails_whatever_it_sent_before(
    burst_bytes: int, drip: Parts
) -> None:
    limits = replace(LIMITS, grace_s=10.0, body_bytes=100_000, total_bytes=200_000)

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        parts = [*at_once(burst_bytes), *drip]
        with pytest.raises(BodyTooSlowError):
            await take(BodyIntake(limits), sender(parts, then="stall"))
        return loop.time() - started

    assert 9.9 < run_virtual(scenario()) < 20.5


@pytest.mark.parametrize("every_s", [0.01, 0.5, 0.9])
def test_a_slow_but_steady_body_is_read_to_its_end_while_others_need_its_place(
    every_s: float,
) -> None:
    async def scenario() -> list[object]:
        crowd = Crowd(BodyIntake(replace(LIMITS, most_reading=4)))
        await crowd.join(steady(19_000, bytes_per_s=1_000, every_s=every_s), then="end")
        for _ in range(300):
            await crowd.join(at_once(5_000))
            await asyncio.sleep(0.1)
        return await crowd.leave()

    first, *others = run_virtual(scenario())

    assert isinstance(first, bytes)
    assert {BodiesFullError, BodyTooSlowError} <= {type(one) for one in others}


def test_large_bodies_leave_room_for_small_ones() -> None:
    async def scenario() -> int:
        crowd = Crowd(BodyIntake(LIMITS))
        for _ in range(9):
            await crowd.join(at_once(5_000))
        with pytest.raises(BodiesFullError):
            await take(crowd.intake, sender(at_once(SMALL_BYTES + 1)))
        assert len(await take(crowd.intake, sender(at_once(SMALL_BYTES)))) == SMALL_BYTES
        await crowd.leave()
        return crowd.intake.held_bytes

    assert run_virtual(scenario()) == 0


def test_where_the_oldest_gives_way_nothing_that_is_unfinished_keeps_a_whole_body_out() -> None:
    limits = replace(
        LIMITS, body_bytes=8_192, total_bytes=100_000, most_reading=9, oldest_gives_way=True
    )

    async def scenario() -> tuple[bool, list[object]]:
        crowd = Crowd(BodyIntake(limits))
        for _ in range(30):
            await crowd.join(at_once(8_191))
            await take(crowd.intake, sender(at_once(200)))
            await asyncio.sleep(0.001)
        is_full = crowd.intake.is_full
        return is_full, await crowd.leave()

    is_full, outcomes = run_virtual(scenario())

    assert not is_full
    # A place is needed for each new one and for each of the 30 small ones: the oldest made way.
    assert [type(one) for one in outcomes] == [BodyTooSlowError] * 22 + [asyncio.CancelledError] * 8


def test_one_caller_may_have_a_smaller_limit_than_the_others() -> None:
    async def scenario() -> None:
        intake = BodyIntake(LIMITS)
        async with intake.hold(sender(at_once(500)), 500, most_bytes=500):
            pass
        with pytest.raises(BodyTooLargeError):
            async with intake.hold(sender(at_once(501)), None, most_bytes=500):
                pass
        with pytest.raises(BodyTooLargeError):
            async with intake.hold(sender([]), 501, most_bytes=500):
                pass

    run_virtual(scenario())


PAUSES = st.sampled_from([0.0, 0.0, 0.3, 1.5, 7.0])
ERRATIC = st.lists(st.tuples(PAUSES, st.integers(0, 9_000).map(bytes)), max_size=6)
STEADY = st.builds(
    lambda size, rate, every_s: steady(size, bytes_per_s=rate, every_s=every_s),
    st.integers(1, 19_000),
    st.sampled_from([1_000, 4_000]),
    st.sampled_from([0.1, 0.5, 0.9]),
)
ENDS = st.sampled_from(["end", "stall", "stall", "leave"])
CLIENTS = st.lists(
    st.tuples(PAUSES, ERRATIC, ENDS) | st.tuples(PAUSES, STEADY, st.just("steady")), max_size=9
)


async def run_clients(crowd: Crowd, clients: list[tuple[float, Parts, str]]) -> float:
    """Start clients; seconds until the last of them has sent all that it sends."""

    async def one(pause_s: float, parts: Parts, then: str) -> bytes:
        await asyncio.sleep(pause_s)
        receive = sender(parts, then="end" if then == "steady" else then)

        async def watched() -> Message:
            assert crowd.intake.held_bytes <= crowd.intake.limits.total_bytes
            return await receive()

        return await take(crowd.intake, watched)

    crowd.tasks += [asyncio.create_task(one(*client)) for client in clients]
    return max((pause + sum(wait for wait, _ in parts) for pause, parts, _ in clients), default=0)


@given(clients=CLIENTS, most_reading=st.sampled_from([3, 256]))
def test_room_is_bounded_steady_bodies_stay_and_stalled_ones_keep_nobody_out(
    clients: list[tuple[float, Parts, str]], most_reading: int
) -> None:
    async def scenario() -> list[object]:
        crowd = Crowd(BodyIntake(replace(LIMITS, most_reading=most_reading)))
        await asyncio.sleep(await run_clients(crowd, clients) + REMOVABLE_S)
        assert not crowd.intake.is_full
        assert len(await take(crowd.intake, sender(at_once(10_000)))) == 10_000
        outcomes = await crowd.leave()
        assert crowd.intake.held_bytes == 0
        return outcomes

    outcomes = run_virtual(scenario())

    for (_, _, then), outcome in zip(clients, outcomes, strict=True):
        assert isinstance(outcome, bytes | BodyError | asyncio.CancelledError)
        assert not (then == "steady" and isinstance(outcome, BodyTooSlowError))


@given(clients=CLIENTS, most_reading=st.sampled_from([3, 256]), at_s=st.floats(0.01, 30))
def test_it_is_full_exactly_when_a_body_of_the_usual_size_would_be_refused(
    clients: list[tuple[float, Parts, str]], most_reading: int, at_s: float
) -> None:
    async def scenario() -> tuple[bool, bool]:
        crowd = Crowd(BodyIntake(replace(LIMITS, most_reading=most_reading)))
        await run_clients(crowd, clients)
        await asyncio.sleep(at_s)
        is_full = crowd.intake.is_full
        try:
            await take(crowd.intake, sender([(0.0, bytes(LIMITS.typical_bytes))]))
        except BodiesFullError:
            return is_full, True
        finally:
            await crowd.leave()
        return is_full, False

    is_full, is_refused = run_virtual(scenario())

    assert is_full == is_refused
