"""Bodies in memory: whole or refused, never more than the bound, and none left behind."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.asgi import Message, Receive, declared_bytes
from intake.errors import (
    BodiesFullError,
    BodyBrokenOffError,
    BodyError,
    BodyTooLargeError,
    BodyTooSlowError,
)
from intake.reading import BodyIntake, BodyLimits

LIMITS = BodyLimits(body_bytes=100, total_bytes=250, most_reading=4, grace_s=0.05, bytes_per_s=1e6)


def sender(parts: Sequence[bytes], *, then: str = "end") -> Receive:
    """Messages of a client that then ends, stalls or leaves."""
    waiting = list(parts)

    async def receive() -> Message:
        await asyncio.sleep(0)
        if waiting:
            return {"type": "http.request", "body": waiting.pop(0), "more_body": True}
        if then == "stall":
            await asyncio.Event().wait()
        if then == "leave":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def take(intake: BodyIntake, receive: Receive, declared: int | None = None) -> bytes:
    async with intake.hold(receive, declared) as whole:
        message = await whole()
        assert not message["more_body"]
        body: bytes = message["body"]
        return body


def test_the_application_gets_the_whole_body_and_then_what_follows() -> None:
    async def scenario() -> tuple[Message, Message]:
        intake = BodyIntake(LIMITS)
        async with intake.hold(sender([b"one ", b"two"]), None) as whole:
            assert intake.held_bytes == 7
            return await whole(), await asyncio.wait_for(whole(), 1)

    first, second = asyncio.run(scenario())

    assert first["body"] == b"one two"
    assert second == {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize(
    ("parts", "then", "declared", "error"),
    [
        ([b"x" * 60, b"x" * 41], "end", None, BodyTooLargeError),
        ([], "end", 101, BodyTooLargeError),
        ([b"x"], "stall", None, BodyTooSlowError),
        ([], "stall", 50, BodyTooSlowError),
        ([b"x"], "leave", None, BodyBrokenOffError),
    ],
)
def test_what_is_wrong_with_a_body_is_named_and_its_memory_freed(
    parts: list[bytes], then: str, declared: int | None, error: type[BodyError]
) -> None:
    async def scenario() -> int:
        intake = BodyIntake(LIMITS)
        with pytest.raises(error):
            await take(intake, sender(parts, then=then), declared)
        return intake.held_bytes

    assert asyncio.run(scenario()) == 0


def test_a_body_has_the_grace_and_the_time_that_its_bytes_take() -> None:
    limits = BodyLimits(body_bytes=1000, total_bytes=1000, grace_s=0.05, bytes_per_s=1000)

    async def scenario() -> float:
        started = asyncio.get_running_loop().time()
        with pytest.raises(BodyTooSlowError):
            await take(BodyIntake(limits), sender([b"x" * 100], then="stall"))
        return asyncio.get_running_loop().time() - started

    assert 0.149 < asyncio.run(scenario()) < 1.0


def test_fast_bodies_are_refused_when_all_is_taken_and_slow_ones_give_way() -> None:
    limits = BodyLimits(body_bytes=100, total_bytes=200, most_reading=9, grace_s=60)

    async def scenario() -> tuple[type[BaseException], bytes, list[object], int]:
        intake = BodyIntake(limits)
        loop = asyncio.get_running_loop()
        slow = [
            asyncio.create_task(take(intake, sender([b"x" * size], then="stall")))
            for size in (90, 80)
        ]
        for _ in range(20):
            await asyncio.sleep(0)
        assert intake.held_bytes == 170
        with pytest.raises(BodiesFullError) as early:
            await take(intake, sender([b"y" * 50]))
        for upload in intake._reading:
            upload.started_s = loop.time() - 2.0
        late = await take(intake, sender([b"y" * 50]))
        ended = await asyncio.wait(slow, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        held = intake.held_bytes
        for task in slow:
            task.cancel()
        outcomes = await asyncio.gather(*slow, return_exceptions=True)
        assert len(ended[0]) == 1
        return early.type, late, list(outcomes), held

    refused, late, outcomes, held = asyncio.run(scenario())

    assert refused is BodiesFullError
    assert late == b"y" * 50
    assert isinstance(outcomes[1], BodyTooSlowError), "the slowest gave way"
    assert isinstance(outcomes[0], asyncio.CancelledError), "the other one stayed"
    assert held == 90


def test_stalled_bodies_do_not_fill_the_places() -> None:
    limits = BodyLimits(body_bytes=100, total_bytes=1000, most_reading=3, grace_s=60)

    async def scenario() -> tuple[bool, bool, bytes]:
        intake = BodyIntake(limits)
        slow = [asyncio.create_task(take(intake, sender([], then="stall"))) for _ in range(3)]
        await asyncio.sleep(0.01)
        is_full = intake.is_full
        for upload in intake._reading:
            upload.started_s -= 2.0
        is_full_later = intake.is_full
        body = await take(intake, sender([b"z"]))
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return is_full, is_full_later, body

    assert asyncio.run(scenario()) == (True, False, b"z")


PARTS = st.lists(st.binary(max_size=40), max_size=5)
SENDERS = st.lists(st.tuples(PARTS, st.sampled_from(["end", "stall", "leave"])), max_size=12)


@given(senders=SENDERS)
def test_no_clients_together_exceed_the_bound_or_leave_anything(
    senders: list[tuple[list[bytes], str]],
) -> None:
    async def scenario() -> tuple[int, int, list[object]]:
        intake = BodyIntake(LIMITS)
        most = 0

        async def watched(parts: list[bytes], then: str) -> bytes:
            nonlocal most
            async with intake.hold(sender(parts, then=then), None) as whole:
                most = max(most, intake.held_bytes)
                await asyncio.sleep(0)
                body: bytes = (await whole())["body"]
                return body

        tasks = [watched(parts, then) for parts, then in senders]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return most, intake.held_bytes, list(outcomes)

    most, left, outcomes = asyncio.run(scenario())

    assert most <= LIMITS.total_bytes
    assert left == 0
    for (parts, then), outcome in zip(senders, outcomes, strict=True):
        assert outcome == b"".join(parts) or isinstance(outcome, BodyError)
        assert not (then == "end" and isinstance(outcome, BodyBrokenOffError))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], 0),
        ([(b"Content-Length", b"12")], 12),
        ([(b"transfer-encoding", b"chunked")], None),
    ],
)
def test_the_declared_length(headers: list[tuple[bytes, bytes]], expected: int | None) -> None:
    assert declared_bytes({"headers": headers}) == expected


@pytest.mark.parametrize("value", [b"-1", b"x", b"1.5", b""])
def test_a_declared_length_that_is_no_number_is_an_error(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a number"):
        declared_bytes({"headers": [(b"content-length", value)]})
