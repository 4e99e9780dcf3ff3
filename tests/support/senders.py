"""Clients of a body intake, without a network: what they send, when, and how it goes on."""

import asyncio
from collections.abc import Sequence

from intake.asgi import Message, Receive
from intake.reading import BodyIntake

Parts = Sequence[tuple[float, bytes]]
"""Seconds to wait before each part, and the part."""


def sender(parts: Parts, *, then: str = "end") -> Receive:
    """Messages of a client that then ends, stalls or leaves."""
    waiting = list(parts)

    async def receive() -> Message:
        if waiting:
            delay_s, part = waiting.pop(0)
            await asyncio.sleep(delay_s)
            return {"type": "http.request", "body": part, "more_body": True}
        if then == "stall":
            await asyncio.Event().wait()
        if then == "leave":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


def at_once(size_bytes: int, *, part_bytes: int = 65_536) -> Parts:
    """A body that arrives in one burst."""
    sizes = [part_bytes] * (size_bytes // part_bytes) + [size_bytes % part_bytes]
    return [(0.0, bytes(size)) for size in sizes]


def steady(size_bytes: int, *, bytes_per_s: float, every_s: float) -> Parts:
    """A body that arrives at one rate."""
    each = round(bytes_per_s * every_s)
    return [(every_s, bytes(each)) for _ in range(-(-size_bytes // each))]


async def take(intake: BodyIntake, receive: Receive, declared: int | None = None) -> bytes:
    """Read a body whole, as a service does."""
    async with intake.hold(receive, declared) as whole:
        message = await whole()
        assert not message["more_body"]
        body: bytes = message["body"]
        return body
