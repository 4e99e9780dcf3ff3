"""Reads bodies whole before anything works on them, so that a slow sender holds up only itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from intake.errors import (
    BodiesFullError,
    BodyBrokenOffError,
    BodyTooLargeError,
    BodyTooSlowError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from intake.asgi import Message, Receive

_SETTLE_S = 1.0
"""Younger bodies are never removed for others, however little of them has arrived."""


@dataclass(frozen=True)
class BodyLimits:
    """What bodies may take.

    Attributes:
        body_bytes: largest body.
        total_bytes: all bodies that are being read or used.
        most_reading: bodies that are read at the same time.
        grace_s: seconds that every body may take.
        bytes_per_s: after `grace_s` a body must have arrived at this rate, on average. A body of n
            bytes may take `grace_s + n / bytes_per_s` seconds in all.
    """

    body_bytes: int
    total_bytes: int
    most_reading: int = 256
    grace_s: float = 10.0
    bytes_per_s: float = 16_384.0


class _Upload:
    """A body while it is read and used."""

    def __init__(self, started_s: float) -> None:
        self.started_s = started_s
        self.size_bytes = 0  # counts until its request is done, wherever the bytes are by then
        self.is_removed = False
        self._data = bytearray()
        self._timeout: asyncio.Timeout | None = None

    def rate(self, now_s: float) -> float:
        """Bytes a second since its start."""
        return self.size_bytes / max(now_s - self.started_s, 1e-9)

    async def next_message(self, receive: Receive, deadline_s: float) -> Message:
        """Wait for a message until a time of the event loop's clock."""
        try:
            async with asyncio.timeout_at(deadline_s) as self._timeout:
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlowError from error
        finally:
            self._timeout = None
        if self.is_removed:
            raise BodyTooSlowError
        return message

    def add(self, part: bytes) -> None:
        """Keep what arrived."""
        self._data += part
        self.size_bytes += len(part)

    def hand_over(self) -> bytes:
        """Return the body and keep nothing of it."""
        body, self._data = bytes(self._data), bytearray()
        return body

    def remove(self) -> None:
        """Free its memory now; the task that reads it fails with `BodyTooSlowError`."""
        self.is_removed = True
        self._data = bytearray()
        if self._timeout is not None:
            self._timeout.reschedule(0.0)


class BodyIntake:
    """Reads bodies within their limits. Used by one event loop.

    Where the memory or the places run out, bodies that arrive slower than `bytes_per_s` are removed
    first, the slowest one before the others. Only then is a new one refused.
    """

    def __init__(self, limits: BodyLimits) -> None:
        self.limits = limits
        self._reading: set[_Upload] = set()
        self._held: set[_Upload] = set()

    @property
    def held_bytes(self) -> int:
        """Bytes of all bodies that are being read or used."""
        return sum(upload.size_bytes for upload in self._held)

    @property
    def is_full(self) -> bool:
        """Whether another body of any size would be refused now."""
        now_s = asyncio.get_running_loop().time()
        if any(self._is_slow(upload, now_s) for upload in self._reading):
            return False
        limits = self.limits
        return len(self._reading) >= limits.most_reading or self.held_bytes >= limits.total_bytes

    @asynccontextmanager
    async def hold(self, receive: Receive, declared_bytes: int | None) -> AsyncIterator[Receive]:
        """Read a body to its end, and count its memory until the block ends.

        Args:
            receive: gives the messages of the request.
            declared_bytes: length that the request declares; None: not known.

        Yields:
            What gives the application the whole body in one message, then what `receive` gives.

        Raises:
            BodyTooLargeError: it is, or declares to be, larger than one body may be.
            BodyTooSlowError: it missed its deadline, or a faster one needed its place.
            BodiesFullError: there is no memory or no place for it.
            BodyBrokenOffError: the client disconnected.
        """
        if (declared_bytes or 0) > self.limits.body_bytes:
            raise BodyTooLargeError
        upload = self._admit()
        try:
            try:
                await self._read(upload, receive)
            finally:
                self._reading.discard(upload)
            yield _replay(upload, receive)
        finally:
            self._held.discard(upload)

    def _admit(self) -> _Upload:
        while len(self._reading) >= self.limits.most_reading:
            self._remove_slowest()
        upload = _Upload(asyncio.get_running_loop().time())
        self._reading.add(upload)
        self._held.add(upload)
        return upload

    async def _read(self, upload: _Upload, receive: Receive) -> None:
        limits = self.limits
        has_more = True
        while has_more:
            allowed_s = limits.grace_s + upload.size_bytes / limits.bytes_per_s
            message = await upload.next_message(receive, upload.started_s + allowed_s)
            if message["type"] != "http.request":
                raise BodyBrokenOffError
            part: bytes = message.get("body", b"")
            if upload.size_bytes + len(part) > limits.body_bytes:
                raise BodyTooLargeError
            while self.held_bytes + len(part) > limits.total_bytes:
                self._remove_slowest(besides=upload)
            upload.add(part)
            has_more = message.get("more_body", False)

    def _remove_slowest(self, besides: _Upload | None = None) -> None:
        now_s = asyncio.get_running_loop().time()
        slow = [
            upload
            for upload in self._reading
            if upload is not besides and self._is_slow(upload, now_s)
        ]
        if not slow:
            raise BodiesFullError
        slowest = min(slow, key=lambda upload: upload.rate(now_s))
        self._reading.discard(slowest)
        self._held.discard(slowest)
        slowest.remove()

    def _is_slow(self, upload: _Upload, now_s: float) -> bool:
        is_settled = now_s - upload.started_s > _SETTLE_S
        return is_settled and upload.rate(now_s) < self.limits.bytes_per_s


def _replay(upload: _Upload, receive: Receive) -> Receive:
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": upload.hand_over(), "more_body": False}

    return give
