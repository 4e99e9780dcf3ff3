"""A file of a bundle on its way: ranges, and kiosks that take nothing."""

import asyncio
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest

from server.kiosk_bundles.sending import BundleFileResponse
from server.kiosk_bundles.service import BundleEntry

CONTENT = b"0123456789"
SCOPE = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}


def response(tmp_path: Path, slots: BoundedSemaphore, stall_s: float = 60) -> BundleFileResponse:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    entry = BundleEntry("a" * 64, len(CONTENT))
    return BundleFileResponse(path.open("rb"), entry, slots, stall_s=stall_s)


async def _nothing() -> Any:
    await asyncio.Event().wait()


def sent(answer: BundleFileResponse) -> tuple[int, dict[str, str], bytes]:
    """Run an answer; returns status, headers and body."""
    messages: list[Any] = []

    async def keep(message: Any) -> None:
        messages.append(message)

    asyncio.run(answer(SCOPE, _nothing, keep))
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], headers, b"".join(one.get("body", b"") for one in messages[1:])


@pytest.mark.parametrize(
    ("wanted", "if_range", "status", "span", "body"),
    [
        ("", "", 200, None, CONTENT),
        ("bytes=4-", "", 206, "bytes 4-9/10", b"456789"),
        ("bytes=4-", f'"{"a" * 64}"', 206, "bytes 4-9/10", b"456789"),
        ("bytes=4-", '"another"', 200, None, CONTENT),
        ("bytes=4-5", "", 206, "bytes 4-5/10", b"45"),
        ("bytes=4-99", "", 206, "bytes 4-9/10", b"456789"),
        ("bytes=9-9", "", 206, "bytes 9-9/10", b"9"),
        ("bytes=10-", "", 416, "bytes */10", b""),
        ("bytes=5-4", "", 200, None, CONTENT),
        ("bytes=-3", "", 200, None, CONTENT),
        ("bytes=0-1,4-5", "", 200, None, CONTENT),
        ("lines=1-", "", 200, None, CONTENT),
    ],
)
def test_a_part_is_sent_where_it_is_of_the_same_file(
    tmp_path: Path, wanted: str, if_range: str, status: int, span: str | None, body: bytes
) -> None:
    answer = response(tmp_path, BoundedSemaphore(1))
    answer.limit_to(wanted, if_range)
    got_status, headers, got_body = sent(answer)

    assert (got_status, headers.get("content-range"), got_body) == (status, span, body)
    assert headers["content-length"] == str(len(body))
    assert headers["etag"] == f'"{"a" * 64}"'


def test_more_than_the_server_sends_at_a_time_wait(tmp_path: Path) -> None:
    slots = BoundedSemaphore(1)
    slots.acquire()
    status, headers, body = sent(response(tmp_path, slots))
    assert (status, headers["retry-after"]) == (503, "5")
    assert b"downloads_full" in body

    slots.release()
    assert sent(response(tmp_path, slots))[0] == 200
    assert sent(response(tmp_path, slots))[0] == 200


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_kiosk_that_takes_nothing_gives_its_place_back(tmp_path: Path, spec_version: str) -> None:
    slots = BoundedSemaphore(1)
    answer = response(tmp_path, slots, stall_s=0.01)

    async def stall(_message: Any) -> None:
        await asyncio.Event().wait()

    scope = {**SCOPE, "asgi": {"spec_version": spec_version}}
    asyncio.run(answer(scope, _nothing, stall))
    assert slots.acquire(blocking=False)


def test_a_kiosk_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    slots = BoundedSemaphore(1)

    async def left() -> Any:
        return {"type": "http.disconnect"}

    async def stall(_message: Any) -> None:
        await asyncio.Event().wait()

    asyncio.run(response(tmp_path, slots)(SCOPE, left, stall))
    assert slots.acquire(blocking=False)
