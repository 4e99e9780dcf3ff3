"""Reads bodies whole before anything works on them, so that a slow sender holds up only itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from intake.arrivals import Arrivals
from intake.errors import (
    BodiesFullError,
    BodyBrokenOffError,
    BodyTooLargeError,
    BodyTooSlowError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from intake.asgi import Message, Receive
    from intake.limits import BodyLimits


class _Upload:
    """A body while it is read and used."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.size_bytes = 0  # counts until its request is done, wherever the bytes are by then
        self.is_removed = False
        self._data = bytearray()
        self._timeout: asyncio.Timeout | None = None

    async def next_message(self, receive: Receive) -> Message:
        """Wait for a message until the deadline."""
        try:
            async with asyncio.timeout_at(self.arrivals.deadline_s) as self._timeout:
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlowError from error
        finally:
            self._timeout = None
        if self.is_removed:
            raise BodyTooSlowError
        return message

    def add(self, part: bytes, now_s: float) -> None:
        """Keep what arrived."""
        self._data += part
        self.size_bytes += len(part)
        self.arrivals.add(len(part), now_s)

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

    Where the memory or the places run out, bodies that arrived slower than `bytes_per_s` within
    the last `window_s` are removed first, the slowest one before the others. Only then is a new
    one refused.
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
        """Whether `hold` would refuse a body of `typical_bytes` that arrives now."""
        limits = self.limits
        removable = self._reading if limits.oldest_gives_way else self._slow(self._reading)
        size = min(limits.typical_bytes, limits.body_bytes)
        kept = self.held_bytes - sum(upload.size_bytes for upload in removable)
        has_place = len(self._reading) - len(removable) < limits.most_reading
        return not has_place or kept + size > limits.room_for(size)

    @asynccontextmanager
    async def hold(
        self, receive: Receive, declared_bytes: int | None, *, most_bytes: int | None = None
    ) -> AsyncIterator[Receive]:
        """Read a body to its end, and count its memory until the block ends.

        Args:
            receive: gives the messages of the request.
            declared_bytes: length that the request declares; None: not known.
            most_bytes: largest body here, where that is less than the limit of all.

        Yields:
            What gives the application the whole body in one message, then what `receive` gives.

        Raises:
            BodyTooLargeError: it is, or declares to be, larger than one body may be.
            BodyTooSlowError: it missed its deadline, or another one needed its place.
            BodiesFullError: there is no memory or no place for it.
            BodyBrokenOffError: the client disconnected.
        """
        most = min(most_bytes or self.limits.body_bytes, self.limits.body_bytes)
        if (declared_bytes or 0) > most:
            raise BodyTooLargeError
        upload = self._admit()
        try:
            try:
                await self._read(upload, receive, most)
            finally:
                self._reading.discard(upload)
            yield _replay(upload, receive)
        finally:
            self._held.discard(upload)

    def _admit(self) -> _Upload:
        while len(self._reading) >= self.limits.most_reading:
            self._remove_one(self._reading)
        upload = _Upload(Arrivals(self.limits, _now_s()))
        self._reading.add(upload)
        self._held.add(upload)
        return upload

    async def _read(self, upload: _Upload, receive: Receive, most_bytes: int) -> None:
        has_more = True
        while has_more:
            message = await upload.next_message(receive)
            if message["type"] != "http.request":
                raise BodyBrokenOffError
            part: bytes = message.get("body", b"")
            if upload.size_bytes + len(part) > most_bytes:
                raise BodyTooLargeError
            self._make_room(upload, len(part))
            upload.add(part, _now_s())
            has_more = message.get("more_body", False)

    def _make_room(self, upload: _Upload, more_bytes: int) -> None:
        room = self.limits.room_for(upload.size_bytes + more_bytes)
        while self.held_bytes + more_bytes > room:
            self._remove_one(one for one in self._reading if one is not upload and one.size_bytes)

    def _remove_one(self, candidates: Iterable[_Upload]) -> None:
        """Remove the slowest body, or the oldest one where the limits say so."""
        found = list(candidates)
        now_s = _now_s()
        if slow := self._slow(found):
            removed = min(slow, key=lambda one: (one.arrivals.rate(now_s), one.arrivals.started_s))
        elif found and self.limits.oldest_gives_way:
            removed = min(found, key=lambda one: one.arrivals.started_s)
        else:
            raise BodiesFullError
        self._reading.discard(removed)
        self._held.discard(removed)
        removed.remove()

    @staticmethod
    def _slow(uploads: Iterable[_Upload]) -> list[_Upload]:
        now_s = _now_s()
        return [upload for upload in uploads if upload.arrivals.is_slow(now_s)]


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _replay(upload: _Upload, receive: Receive) -> Receive:
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": upload.hand_over(), "more_body": False}

    return give
