"""A client that is still sending can read the answer; what it sends is discarded."""

import asyncio
from collections.abc import Sequence

from intake.asgi import Message, Receive, Scope, Send
from intake.linger import LingerMiddleware

WITH_BODY = {"type": "http", "headers": [(b"content-length", b"30")]}
WITHOUT_BODY: Scope = {"type": "http", "headers": []}


async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


async def read_first(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await refuse(scope, receive, send)


def ask(
    app: LingerMiddleware, scope: Scope, parts: Sequence[bytes], *, is_stalling: bool = False
) -> tuple[list[Message], int]:
    """What is sent, and how many parts were taken."""
    waiting = list(parts)
    sent: list[Message] = []

    async def receive() -> Message:
        if not waiting and is_stalling:
            await asyncio.Event().wait()
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting) or is_stalling}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent, len(parts) - len(waiting)


def test_the_rest_of_a_refused_body_is_discarded_before_the_connection_closes() -> None:
    sent, taken = ask(LingerMiddleware(refuse), WITH_BODY, [b"x" * 10] * 3)

    assert taken == 3
    assert (b"connection", b"close") in sent[0]["headers"]
    assert [message.get("body") for message in sent[1:]] == [b"no", b""]
    assert [message["more_body"] for message in sent[1:]] == [True, False]


def test_a_client_that_stalls_is_not_waited_for_long() -> None:
    sent, _ = ask(LingerMiddleware(refuse, idle_s=0.01), WITH_BODY, [b"x"], is_stalling=True)

    assert sent[-1]["more_body"] is False


def test_a_client_that_never_ends_is_not_read_for_ever() -> None:
    app = LingerMiddleware(refuse, linger_s=0.05)

    sent, taken = ask(app, WITH_BODY, [b"x"] * 10_000_000)

    assert sent[-1]["more_body"] is False
    assert taken < 10_000_000


def test_a_body_that_was_read_keeps_its_connection() -> None:
    sent, _ = ask(LingerMiddleware(read_first), WITH_BODY, [b"x"] * 3)

    assert sent[0]["headers"] == []
    assert len(sent) == 2


def test_a_request_without_a_body_keeps_its_connection() -> None:
    sent, taken = ask(LingerMiddleware(refuse), WITHOUT_BODY, [b"x"])

    assert (sent[0]["headers"], taken) == ([], 0)
