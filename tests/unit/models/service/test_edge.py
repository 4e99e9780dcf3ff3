"""The middlewares on their own, over a plain ASGI application."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.service.edge import (
    KeyMiddleware,
    RateMiddleware,
    RecordMiddleware,
)
from models.service.keys import caller_keys
from models.service.metrics import Metrics
from models.service.rate import TokenBucket

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]


def _scope(path: str, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http", "method": "POST", "path": path, "headers": list(headers)}


async def _ask(app: App, scope: Message, *bodies: bytes) -> list[Message]:
    waiting = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def _answer_ok(send: Callable[[Message], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def test_an_answer_that_breaks_off_is_not_answered_twice() -> None:
    async def half(_scope: Message, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ConnectionError("gone")

    async def scenario() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        app = RecordMiddleware(half, metrics=Metrics(), paths=frozenset())
        outcome = await asyncio.gather(app(_scope("/"), receive, send), return_exceptions=True)
        assert isinstance(outcome[0], ConnectionError)
        return sent

    assert [message["type"] for message in asyncio.run(scenario())] == ["http.response.start"]


def _key(value: bytes) -> tuple[bytes, bytes]:
    return b"x-api-key", value


async def _ok(_scope: Message, _receive: object, send: Any) -> None:
    await _answer_ok(send)


def test_each_key_has_its_own_rate_and_health_has_none() -> None:
    now = [100.0]
    keys = caller_keys(["first-key", "second-key"], [])
    buckets = {key.name: TokenBucket(6, 2, clock=lambda: now[0]) for key in keys}
    app = KeyMiddleware(RateMiddleware(_ok, buckets=buckets), keys=keys)

    def ask(path: str, key: bytes = b"") -> Message:
        return asyncio.run(_ask(app, _scope(path, _key(key))))[0]

    first = [ask("/api/ml/encode-face", b"first-key") for _ in range(3)]
    second = ask("/api/ml/encode-face", b"second-key")
    health = ask("/health")
    wrong = [ask("/api/ml/encode-face", b"third-key") for _ in range(5)]
    now[0] += 9.0
    early = ask("/api/ml/encode-face", b"first-key")
    now[0] += 1.0
    later = ask("/api/ml/encode-face", b"first-key")

    assert [sent["status"] for sent in first] == [200, 200, 429]
    assert (second["status"], health["status"]) == (200, 200)
    assert {sent["status"] for sent in wrong} == {401}
    assert (early["status"], later["status"]) == (429, 200)
    assert (b"retry-after", b"10") in first[2]["headers"]
    assert (b"retry-after", b"1") in early["headers"]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    now = [0.0]
    bucket = TokenBucket(60, 3, clock=lambda: now[0])

    now[0] = 1e6
    waits = [bucket.take() for _ in range(5)]

    assert waits == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_the_steady_rate_is_kept_over_an_hour() -> None:
    now = [0.0]
    bucket = TokenBucket(90, 10, clock=lambda: now[0])

    taken = 0
    for step in range(36_000):
        now[0] = step / 10
        taken += bucket.take() == 0.0

    assert abs(taken - (90 * 60 + 10)) <= 2


def test_more_than_the_burst_is_given_once_and_waited_for_afterwards() -> None:
    now = [0.0]
    bucket = TokenBucket(60, 10, clock=lambda: now[0])

    first = bucket.take(25)
    waits = bucket.take(1)
    now[0] += 16.0

    assert (first, waits) == (0.0, 16.0)
    assert bucket.take(1) == 0.0


@given(counts=st.lists(st.integers(0, 30), max_size=60), step_s=st.floats(0.0, 5.0))
def test_no_more_is_given_in_a_time_than_the_rate_the_burst_and_one_request(
    counts: list[int], step_s: float
) -> None:
    now = [0.0]
    bucket = TokenBucket(120, 10, clock=lambda: now[0])
    given_out = 0

    for count in counts:
        given_out += count if bucket.take(count) == 0.0 else 0
        now[0] += step_s

    assert given_out <= 10 + 2 * now[0] + 30
