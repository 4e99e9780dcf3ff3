"""What describes the server is not for strangers; and the address of a request is the client's."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from server.app import create_app
from server.certificates.links import Links
from server.config import Settings, load_settings
from server.db.vault import Vault
from server.web.cookies import SignInCookies
from server.web.principal import Role
from tests.integration.server.conftest import METRICS_TOKEN, SignIn

VAULT = Vault({"one": bytes(32)}, "one")
PROXY, SECOND_PROXY, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "198.51.100.7", "203.0.113.9"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMIN, 200), (Role.TECHNICIAN, 200), (Role.OFFICE, 403), (Role.DPO, 403)],
)
def test_metrics_are_for_technicians_and_admins(sign_in: SignIn, role: Role, status: int) -> None:
    assert sign_in(role).get("/metrics").status_code == status


@pytest.mark.parametrize(
    ("path", "code"), [("/metrics", "not_signed_in"), ("/api/v1/openapi.json", "invalid_token")]
)
def test_strangers_get_neither_metrics_nor_the_description(
    client: TestClient, path: str, code: str
) -> None:
    answer = client.get(path, headers=bearer("a-made-up-token"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert client.get("/openapi.json").status_code == 404


def test_the_api_is_described_to_people_who_are_signed_in(office: TestClient) -> None:
    described = office.get("/api/v1/openapi.json").json()
    assert {"/api/v1/people", "/metrics"} <= set(described["paths"])


def test_prometheus_needs_the_token_and_nothing_else(client: TestClient) -> None:
    assert "rollcall_http_request" in client.get("/metrics", headers=bearer(METRICS_TOKEN)).text
    wrong = ["", "x", METRICS_TOKEN[:-1], METRICS_TOKEN + "x", "é"]
    asked = [{b"Authorization": f"Bearer {one}".encode("latin-1")} for one in wrong]
    assert {client.get("/metrics", headers=one).status_code for one in asked} == {401}
    assert client.get("/api/v1/people", headers=bearer(METRICS_TOKEN)).status_code == 401


def test_no_token_is_the_default_and_a_short_one_is_refused(tmp_path: Path) -> None:
    assert load_settings(data_dir=tmp_path).metrics_token is None
    with pytest.raises(ValidationError, match="metrics_token"):
        load_settings(data_dir=tmp_path, metrics_token="short")


# -- the client's address ---------------------------------------------------------------------


def seen_from(peer: str, trusted: str, forwarded: list[str]) -> str:
    """The address the server takes a request to come from, as its own middleware says."""
    app = create_app(load_settings(data_dir=Path("unused"), trusted_proxies=trusted))

    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.client.host if request.client else "")

    app.router.add_route("/echo", echo)
    client = TestClient(app, client=(peer, 50_000))
    headers = [("X-Forwarded-For", one.encode("latin-1")) for one in forwarded]
    return client.get("/echo", headers=headers).text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded", "client"),
    [
        (CLIENT, "", [], CLIENT),
        (CLIENT, "", [LIAR], CLIENT),  # nobody is trusted by default
        ("127.0.0.1", "", [LIAR], "127.0.0.1"),
        (CLIENT, PROXY, [LIAR], CLIENT),  # past the proxy
        (PROXY, PROXY, [CLIENT], CLIENT),
        (PROXY, PROXY, [f"{LIAR}, {CLIENT}"], CLIENT),  # the proxy adds to what the client sent
        (PROXY, PROXY, [LIAR, CLIENT], CLIENT),  # as a header line beside it
        (PROXY, PROXY, [f"{CLIENT}:4711"], CLIENT),
        (PROXY, PROXY, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (SECOND_PROXY, f"{PROXY}, {SECOND_PROXY}", [f"{LIAR}, {CLIENT}, {PROXY}"], CLIENT),
        (SECOND_PROXY, "10.0.0.0/24", [f"{LIAR}, {CLIENT}, {PROXY}"], CLIENT),
        (SECOND_PROXY, SECOND_PROXY, [f"{CLIENT}, {PROXY}"], PROXY),  # the first is not named
        (PROXY, PROXY, [], PROXY),
        (PROXY, PROXY, [""], PROXY),
    ],
)
def test_only_the_proxies_of_the_settings_are_believed(
    peer: str, trusted: str, forwarded: list[str], client: str
) -> None:
    assert seen_from(peer, trusted, forwarded) == client


@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.1; 10.0.0.2", "0.0.0.0/0", "::/0"])
def test_a_setting_that_would_believe_others_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        load_settings(data_dir=tmp_path, trusted_proxies=value)


def mark_of(host: str) -> str:
    cookies = SignInCookies(Links.of(Settings()), VAULT)
    return cookies.address_mark(Request({"type": "http", "headers": [], "client": (host, 1)}))


@given(st.text(max_size=300))
def test_whatever_stands_in_the_place_of_an_address_has_a_mark(host: str) -> None:
    assert len(mark_of(host)) == 32


def test_the_addresses_of_one_ipv6_line_count_as_one() -> None:
    assert mark_of("2001:db8::1") == mark_of("2001:db8::ffff:1") != mark_of("2001:db8:0:1::1")
    assert mark_of("::ffff:192.0.2.1") == mark_of("192.0.2.1") != mark_of("192.0.2.2")
    assert mark_of("nonsense") == mark_of("<script>")


def test_the_throttle_counts_clients_behind_a_proxy_apart(app: FastAPI, office: TestClient) -> None:
    del office  # its account exists
    behind = ProxyHeadersMiddleware(app, trusted_hosts=[PROXY])  # type: ignore[arg-type]
    proxy = TestClient(behind, client=(PROXY, 1), headers={"X-Requested-With": "rollcall"})  # type: ignore[arg-type]
    body = {"username": "office-account", "password": "wrong"}

    def guess(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return proxy.post("/api/v1/sign-in", json=body, headers=headers).status_code

    assert [guess(LIAR) for _ in range(5)] == [401] * 4 + [429]
    assert guess(CLIENT) == 401
    assert guess(f"{CLIENT}, {LIAR}") == 429
