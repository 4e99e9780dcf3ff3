"""Places for requests: taken once the body is there, given back, and told by /ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from intake.limits import MIB
from models.service.bodies import BodyMiddleware, RequestRoom
from models.service.config import load_settings
from models.service.errors import RefusalError
from models.service.metrics import Metrics
from tests.support.senders import at_once, sender, take
from tests.support.virtual_time import run_virtual

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]
PATH = "/api/ml/encode-face"


def room_of_one(**settings: Any) -> RequestRoom:
    return RequestRoom(load_settings(api_key="a-long-key", workers=1, queue_limit=0, **settings))


async def ask(app: App, path: str = PATH, *, is_stalling: bool = False) -> int:
    sent: list[Message] = []
    headers = [(b"content-length", b"2")]

    async def receive() -> Message:
        if is_stalling:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send)
    status: int = sent[0]["status"]
    return status


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.inside, self.leave = asyncio.Event(), asyncio.Event()

    async def __call__(self, _scope: Message, _receive: object, send: Any) -> None:
        self.inside.set()
        await self.leave.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


def test_requests_over_the_limit_are_turned_away_and_come_in_later() -> None:
    async def scenario() -> list[int]:
        slow = Slow()
        app = BodyMiddleware(slow, room=room_of_one(), metrics=Metrics())
        first = asyncio.create_task(ask(app))
        await slow.inside.wait()
        turned_away = await ask(app)
        slow.leave.set()
        return [await first, turned_away, await ask(app, "/health"), await ask(app)]

    assert asyncio.run(scenario()) == [200, 503, 200, 200]


def test_a_stalled_body_takes_no_place() -> None:
    async def scenario() -> tuple[int, int]:
        slow = Slow()
        slow.leave.set()
        room = room_of_one(body_grace_s=0.2)
        app = BodyMiddleware(slow, room=room, metrics=Metrics())
        stalled = asyncio.create_task(ask(app, is_stalling=True))
        await asyncio.sleep(0)
        return await ask(app), await stalled

    assert asyncio.run(scenario()) == (200, 408)


def test_a_burst_that_stalls_makes_ready_say_so_until_it_gives_way() -> None:
    """An eighth of the default memory and bodies, at the default rate, in virtual time."""

    async def scenario() -> tuple[list[bool], list[int]]:
        room = room_of_one(max_body_bytes=4 * MIB, bodies_max_bytes=32 * MIB)
        burst = at_once(4 * MIB - 100_000)
        stalled = [
            asyncio.create_task(take(room.intake, sender(burst, then="stall"))) for _ in range(8)
        ]
        await asyncio.sleep(0.01)
        answers = [is_open(room)]
        sizes = [len(await take(room.intake, sender([(0.0, b"vector" * 500)])))]
        await asyncio.sleep(6.0)
        answers.append(is_open(room))
        sizes.append(len(await take(room.intake, sender([(0.0, bytes(3 * MIB))]))))
        await asyncio.sleep(5.0)
        assert all(one.done() for one in stalled), "each has its own deadline"
        await asyncio.gather(*stalled, return_exceptions=True)
        return answers, sizes

    assert run_virtual(scenario()) == ([False, True], [3000, 3 * MIB])


def is_open(room: RequestRoom) -> bool:
    """Whether /ready would say so."""
    try:
        room.check()
    except RefusalError:
        return False
    return True


@pytest.fixture
def full(app: FastAPI, client: TestClient) -> Iterator[FastAPI]:
    del client  # the application runs
    room: RequestRoom = app.state.room
    taken, room._taken = room._taken, room._limit
    yield app
    room._taken = taken


def test_ready_says_when_a_request_would_be_refused(full: FastAPI) -> None:
    answer = TestClient(full).get("/ready")

    assert answer.status_code == 503
    assert answer.json()["error_code"] == "NOT_READY"
    assert "would refuse a request" in answer.json()["error"]
    assert answer.headers["Retry-After"]


def test_ready_is_well_again_afterwards(client: TestClient) -> None:
    assert client.get("/ready").status_code == 200
