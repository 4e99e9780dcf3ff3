"""Signed answers: what the signature covers, and what leaves unsigned."""

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from protocol.v1.signing import make_key
from protocol.v1.statements import NONCE_HEADER, SIGNATURE_HEADER, TIME_HEADER
from server.kiosks.answers import SignedAnswers
from tests.support.signed_answers import NONCE, is_signed

KEY = make_key()
LIMIT = 1000


async def _echo(request: Request) -> Response:
    return Response(request.url.path)


async def _stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(request.path_params["count"]):
            yield b"x" * 100

    return StreamingResponse(parts())


async def _bare(request: Request) -> Response:
    return Response(status_code=request.path_params["status"])


async def _broken(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("the rest is lost")

    return StreamingResponse(parts())


def _app(key: Ed25519PrivateKey | None = KEY) -> Starlette:
    routes = [
        Route("/api/v1/sync/parts/{count:int}", _stream),
        Route("/api/v1/sync/bare/{status:int}", _bare),
        Route("/api/v1/sync/broken", _broken),
        Route("/{path:path}", _echo, methods=["GET", "POST"]),
    ]
    signed = Middleware(SignedAnswers, find_key=lambda: key, limit_bytes=LIMIT)
    return Starlette(routes=routes, middleware=[signed])


@pytest.fixture
def client() -> TestClient:
    return TestClient(_app(), headers={NONCE_HEADER: NONCE})


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/sync/config",
        "/api/v1/sync/gallery?since=3&limit=200",
        "/api/v1/kiosk/scan-templates",
        "/api/v1/devices/claim",
        "/api/v1/sync/a%20b%2Fc?name=%C3%A9+x",
        "/api/v1/sync/parts/0",
        "/api/v1/sync/parts/7",
        "/api/v1/sync/parts/10",
        "/api/v1/sync/bare/204",
        "/api/v1/sync/bare/304",
        "/api/v1/sync/bare/500",
    ],
)
def test_every_answer_of_the_device_api_is_signed_with_its_exact_target(
    client: TestClient, target: str
) -> None:
    assert is_signed(client.get(target), KEY.public_key(), target)


@pytest.mark.parametrize("target", ["/api/v1/kiosks", "/api/v1/devices/claims", "/health"])
def test_other_answers_are_not_signed(client: TestClient, target: str) -> None:
    answer = client.get(target)
    assert answer.status_code == 200
    assert SIGNATURE_HEADER not in answer.headers
    assert TIME_HEADER not in answer.headers


@pytest.mark.parametrize("nonce", ["", "short", "n" * 65, "n" * 20 + "!", "n" * 20 + "\n"])
def test_invalid_nonce_counts_as_none(nonce: str) -> None:
    answer = TestClient(_app()).get("/api/v1/sync/config", headers={NONCE_HEADER: nonce})
    assert answer.status_code == 200
    assert SIGNATURE_HEADER not in answer.headers


def test_two_nonces_count_as_none() -> None:
    headers = [(NONCE_HEADER, NONCE), (NONCE_HEADER, NONCE)]
    answer = TestClient(_app()).get("/api/v1/sync/config", headers=headers)
    assert SIGNATURE_HEADER not in answer.headers


def test_server_without_its_key_answers_unsigned() -> None:
    answer = TestClient(_app(key=None)).get("/api/v1/sync/config", headers={NONCE_HEADER: NONCE})
    assert (answer.status_code, SIGNATURE_HEADER in answer.headers) == (200, False)


@pytest.mark.parametrize("count", [11, 30])
def test_longer_answer_arrives_whole_but_unsigned(client: TestClient, count: int) -> None:
    answer = client.get(f"/api/v1/sync/parts/{count}")
    assert len(answer.content) == 100 * count
    assert SIGNATURE_HEADER not in answer.headers


def test_answer_that_breaks_off_is_never_released_as_whole(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="the rest is lost"):
        client.get("/api/v1/sync/broken")


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another-nonce-0001"},
        {"method": "POST"},
        {"target": "/api/v1/sync/config?x=1"},
        {"status": 204},
        {"time": "2026-01-01T00:00:00.000Z"},
        {"body": b"another body"},
    ],
)
def test_signature_covers_every_part(client: TestClient, changed: dict[str, object]) -> None:
    answer = client.get("/api/v1/sync/config")
    assert is_signed(answer, KEY.public_key(), "/api/v1/sync/config")
    assert not is_signed(answer, KEY.public_key(), "/api/v1/sync/config", **changed)


def test_start_and_stop_of_the_server_pass_through() -> None:
    with TestClient(_app()) as client:
        assert client.get("/health").status_code == 200
