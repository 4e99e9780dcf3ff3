"""Sends files of bundles: from where a download broke off, a few at a time."""

import asyncio
import logging
import re
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import BinaryIO

from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from server.errors import DownloadsFullError
from server.kiosk_bundles.service import BundleEntry, pieces_of
from server.web.errors import json_error

logger = logging.getLogger(__name__)

STALL_S = 60.0
"""A kiosk that takes nothing for this long gives its place to another one."""
_PIECE_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})?")


class BundleFileResponse(Response):
    """One file of a bundle, or a part of it. It closes the file in any case.

    Source: RFC 9110, section 14; one range that begins at a byte, anything else gets all.
    """

    def __init__(
        self, file: BinaryIO, entry: BundleEntry, slots: BoundedSemaphore, *, stall_s: float
    ) -> None:
        """Prepare an answer with the whole file; see `limit_to`.

        Args:
            file: open; the answer closes it.
            entry: what the manifest says of it.
            slots: one is held while it is sent.
            stall_s: longest time in which the other side may take nothing, seconds.
        """
        self._file, self._size_bytes = file, entry.size_bytes
        self._slots, self._stall_s = slots, stall_s
        self._first, self._past = 0, entry.size_bytes
        self._etag = f'"{entry.sha256}"'
        headers = {"ETag": self._etag, "Accept-Ranges": "bytes", "Cache-Control": "private"}
        super().__init__(None, headers=headers, media_type="application/octet-stream")
        self._count(self._size_bytes)

    def limit_to(self, wanted: str, if_range: str) -> None:
        """Send only the part that a request asks for.

        Args:
            wanted: the header `Range`; empty: all.
            if_range: the header `If-Range`; a part of another file is of no use.
        """
        found = _RANGE.fullmatch(wanted.strip())
        if found is None or if_range not in ("", self._etag):
            return
        first, last = int(found[1]), int(found[2] or self._size_bytes)
        if last < first:
            return
        if first >= self._size_bytes:
            self.status_code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            self.headers["Content-Range"] = f"bytes */{self._size_bytes}"
            self._past = self._first
        else:
            self.status_code = HTTPStatus.PARTIAL_CONTENT
            self._first, self._past = first, min(last + 1, self._size_bytes)
            span = f"bytes {self._first}-{self._past - 1}/{self._size_bytes}"
            self.headers["Content-Range"] = span
        self._count(self._past - self._first)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or say that too many are being sent."""
        with self._file:
            if not self._slots.acquire(blocking=False):
                await json_error(DownloadsFullError())(scope, receive, send)
                return
            try:
                await self._send(scope, receive, send)
            finally:
                self._slots.release()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_s):
                await send(message)

        pieces = pieces_of(self._file, self._first, self._past - self._first, _PIECE_BYTES)
        answer = StreamingResponse(pieces, self.status_code)
        answer.raw_headers = self.raw_headers
        try:
            await answer(scope, receive, send_in_time)
        except (TimeoutError, ClientDisconnect):
            logger.info("bundle download ended early, the kiosk took nothing or left")

    def _count(self, size_bytes: int) -> None:
        self.headers["Content-Length"] = str(size_bytes)
