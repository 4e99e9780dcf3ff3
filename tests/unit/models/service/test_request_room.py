"""Places for requests: taken once the body is there, given back, and told by /ready."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.service.bodies import BodyMiddleware, RequestRoom
from models.service.config import load_settings
from models.service.metrics import Metrics

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
