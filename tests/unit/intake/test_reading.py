"""Bodies in memory: whole or refused, never more than the bound, and none left behind."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.asgi import Message, declared_bytes
from intake.errors import (
    BodyBrokenOffError,
    BodyError,
    BodyTooLargeError,
    BodyTooSlowError,
)
from intake.limits import BodyLimits
from intake.reading import BodyIntake
from tests.support.senders import Parts, sender, take

LIMITS = BodyLimits(body_bytes=100, total_bytes=250, most_reading=4, grace_s=0.05, bytes_per_s=1e6)


def test_the_application_gets_the_whole_body_and_then_what_follows() -> None:
    async def scenario() -> tuple[Message, Message]:
        intake = BodyIntake(LIMITS)
        async with intake.hold(sender([(0, b"one "), (0, b"two")]), None) as whole:
            assert intake.held_bytes == 7
            return await whole(), await asyncio.wait_for(whole(), 1)

    first, second = asyncio.run(scenario())

    assert first["body"] == b"one two"
    assert second == {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize(
    ("parts", "then", "declared", "error"),
    [
        ([(0, b"x" * 60), (0, b"x" * 41)], "end", None, BodyTooLargeError),
        ([], "end", 101, BodyTooLargeError),
        ([(0, b"x")], "stall", None, BodyTooSlowError),
        ([], "stall", 50, BodyTooSlowError),
        ([(0, b"x")], "leave", None, BodyBrokenOffError),
    ],
)
def test_what_is_wrong_with_a_body_is_named_and_its_memory_freed(
    parts: Parts, then: str, declared: int | None, error: type[BodyError]
) -> None:
    async def scenario() -> int:
        intake = BodyIntake(LIMITS)
        with pytest.raises(error):
            await take(intake, sender(parts, then=then), declared)
        return intake.held_bytes

    assert asyncio.run(scenario()) == 0


PARTS = st.lists(st.tuples(st.just(0.0), st.binary(max_size=40)), max_size=5)
SENDERS = st.lists(st.tuples(PARTS, st.sampled_from(["end", "stall", "leave"])), max_size=12)


@given(senders=SENDERS)
def test_no_clients_together_exceed_the_bound_or_leave_anything(
    senders: list[tuple[Parts, str]],
) -> None:
    async def scenario() -> tuple[int, int, list[object]]:
        intake = BodyIntake(LIMITS)
        most = 0

        async def watched(parts: Parts, then: str) -> bytes:
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
        assert outcome == b"".join(part for _, part in parts) or isinstance(outcome, BodyError)
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
